"""One record of a batch job: a model's own request body, or Converse's, and what it answers.

https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.cloud.bedrock import converse
from harness.cloud.bedrock.bodies import dialect_of, embed
from harness.cloud.bedrock.bodies.dialect import malformed
from harness.cloud.bedrock.errors import invalid
from harness.cloud.bedrock.models import FoundationModel
from harness.cloud.bedrock.shapes import validate

_CONVERSE: Final = frozenset(
    {"messages", "system", "inferenceConfig", "toolConfig", "schemaVersion"}
)
Members = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Output:
    """What a record came to."""

    body: Members
    input_tokens: int
    output_tokens: int


def run_record(model: FoundationModel, body: Any) -> Output:
    """The answer to one record.

    Takes the bodies of embedding models and of Anthropic's and Meta's for those, and Converse's
    members (which Nova's own body has too) for all that chat. Raises `ApiError`
    (ValidationException).
    """
    if not isinstance(body, Mapping):
        raise invalid("The modelInput is not an object.")
    if model.outputs == ("EMBEDDING",):
        found = embed(model, body)
        return Output(found.body, found.input_tokens, 0)
    if model.provider == "Meta" and "prompt" in body:
        return _native(model, body)
    if "anthropic_version" in body:
        return _anthropic(model, body)
    unknown = set(body) - _CONVERSE
    if unknown:
        raise invalid("The modelInput has members that are not supported.")
    reply = _reply(model, {k: v for k, v in body.items() if k != "schemaVersion"})
    return Output(reply.members(), reply.input_tokens, reply.output_tokens)


def _reply(model: FoundationModel, params: Mapping[str, Any]) -> converse.Reply:
    validate("bedrock-runtime", "Converse", {**params, "modelId": model.id})
    return converse.reply(model, params)


def _anthropic(model: FoundationModel, body: Mapping[str, Any]) -> Output:
    if model.provider != "Anthropic":
        raise malformed("not a body of this model")
    return _native(model, body)


def _native(model: FoundationModel, body: Mapping[str, Any]) -> Output:
    dialect = dialect_of(model)
    reply = _reply(model, dialect.read(body))
    return Output(dialect.write(model, reply), reply.input_tokens, reply.output_tokens)
