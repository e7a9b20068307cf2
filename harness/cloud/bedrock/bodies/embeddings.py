"""Embeddings: Titan's and Cohere's bodies. Equal texts get equal vectors of length one.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.cloud.bedrock import tokens, writer
from harness.cloud.bedrock.bodies.dialect import Members, decoded, items, known, malformed, text
from harness.cloud.bedrock.errors import invalid
from harness.cloud.bedrock.models import FoundationModel

_TITAN: Final = frozenset({"inputText", "dimensions", "normalize", "embeddingTypes"})
_TITAN_SIZES: Final = (256, 512, 1024)
_TITAN_TOKENS: Final = 8192
_COHERE: Final = frozenset({"texts", "images", "input_type", "truncate", "embedding_types"})
_COHERE_SIZE: Final = 1024
_COHERE_TEXTS: Final = 96
_COHERE_TYPES: Final = ("float", "int8", "uint8", "binary", "ubinary")
_INPUT_TYPES: Final = ("search_document", "search_query", "classification", "clustering")


@dataclass(frozen=True, slots=True)
class Embedded:
    """An answer's body and the tokens that it read."""

    body: Members
    input_tokens: int


def embed(model: FoundationModel, body: Mapping[str, Any]) -> Embedded:
    """The embeddings of a body's texts. Raises `ApiError` (ValidationException)."""
    if model.provider == "Cohere":
        return _cohere(model, body)
    return _titan(model, body)


def _titan(model: FoundationModel, body: Mapping[str, Any]) -> Embedded:
    known(body, _TITAN)
    said = text(body.get("inputText"), "inputText")
    used = tokens.count(said)
    if not said:
        raise malformed("#/inputText: expected minLength: 1")
    if used > _TITAN_TOKENS:
        raise invalid(f"Too many input tokens. Max input tokens: {_TITAN_TOKENS}.")
    size = body.get("dimensions", _TITAN_SIZES[-1])
    if isinstance(size, bool) or size not in _TITAN_SIZES:
        raise malformed(f"#/dimensions: one of {_TITAN_SIZES}")
    normalize = body.get("normalize", True)
    if not isinstance(normalize, bool):
        raise malformed("#/normalize: expected type: Boolean")
    kinds = items(body.get("embeddingTypes", ["float"]), "embeddingTypes")
    if not kinds or any(kind not in ("float", "binary") for kind in kinds):
        raise malformed("#/embeddingTypes: float and binary are supported")
    vector = _vector(model, said, size)
    if not normalize:
        vector = [2 * value for value in vector]
    by_type = {kind: _as(kind, vector) for kind in kinds}
    answer: Members = {"embeddingsByType": by_type, "inputTextTokenCount": used}
    if "float" in by_type:
        answer["embedding"] = by_type["float"]
    return Embedded(answer, used)


def _cohere(model: FoundationModel, body: Mapping[str, Any]) -> Embedded:
    known(body, _COHERE)
    shown = body.get("input_type") == "image"
    if shown:
        said = [_image(one) for one in items(body.get("images"), "images")]
        if "texts" in body or len(said) != 1:
            raise malformed("#/images: one image is allowed, and no texts")
    else:
        said = [text(one, "texts") for one in items(body.get("texts"), "texts")]
        if "images" in body or not 1 <= len(said) <= _COHERE_TEXTS:
            raise malformed(f"#/texts: 1 to {_COHERE_TEXTS} texts are allowed, and no images")
        if body.get("input_type") not in _INPUT_TYPES:
            raise malformed("#/input_type: required, and one of those that the model knows")
    if body.get("truncate", "NONE") not in ("NONE", "START", "END", "LEFT", "RIGHT"):
        raise malformed("#/truncate: not supported")
    vectors = [_vector(model, one, _COHERE_SIZE) for one in said]
    answer: Members = {
        "id": _uuid(writer.digest(model.id, said)),
        "texts": [] if shown else said,
        "response_type": "embeddings_floats",
        "embeddings": vectors,
    }
    if "embedding_types" in body:
        kinds = items(body["embedding_types"], "embedding_types")
        if not kinds or any(kind not in _COHERE_TYPES for kind in kinds):
            raise malformed("#/embedding_types: not supported")
        answer["response_type"] = "embeddings_by_type"
        answer["embeddings"] = {kind: [_as(kind, v) for v in vectors] for kind in kinds}
    return Embedded(answer, sum(map(tokens.count, said)))


def _image(given: Any) -> str:
    """An image's data URI, whole. Raises `ApiError` for what is none."""
    uri = text(given, "images")
    head, _, data = uri.partition(";base64,")
    if head not in ("data:image/png", "data:image/jpeg", "data:image/gif", "data:image/webp"):
        raise malformed("#/images: data URIs of images are allowed")
    decoded(data, "images")
    return uri


def _vector(model: FoundationModel, said: str, size: int) -> list[float]:
    """A direction picked by a digest of model and text."""
    raw = hashlib.shake_256(writer.digest(model.id, said)).digest(2 * size)
    numbers = [int.from_bytes(raw[at : at + 2], "big") - 32767.5 for at in range(0, 2 * size, 2)]
    length = math.sqrt(sum(value * value for value in numbers))
    return [value / length for value in numbers]


def _as(kind: str, vector: list[float]) -> list[float]:
    if kind == "int8":
        return [round(127 * value) for value in vector]
    if kind == "uint8":
        return [round(127 * value) + 128 for value in vector]
    if kind == "binary":
        return [int(value > 0) for value in vector]
    if kind == "ubinary":
        bits = [int(value > 0) for value in vector]
        return [int("".join(map(str, bits[at : at + 8])), 2) for at in range(0, len(bits), 8)]
    return vector


def _uuid(digest: bytes) -> str:
    found = digest.hex()
    return f"{found[:8]}-{found[8:12]}-{found[12:16]}-{found[16:20]}-{found[20:32]}"
