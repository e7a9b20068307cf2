"""The request and answer bodies of InvokeModel: each provider's own, mapped onto one reply.

A chat body becomes Converse's members, so that the same prompt is answered with the same text
whichever way it came; the reply becomes the provider's answer, or the chunks of its stream.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
"""

from __future__ import annotations

from harness.cloud.bedrock.bodies.anthropic import ANTHROPIC
from harness.cloud.bedrock.bodies.dialect import Dialect
from harness.cloud.bedrock.bodies.embeddings import embed
from harness.cloud.bedrock.bodies.meta import META
from harness.cloud.bedrock.bodies.nova import NOVA
from harness.cloud.bedrock.errors import invalid
from harness.cloud.bedrock.models import FoundationModel

__all__ = ["Dialect", "dialect_of", "embed"]


def dialect_of(model: FoundationModel) -> Dialect:
    """The bodies that a chat model speaks. Raises `ApiError` (ValidationException) for others."""
    if model.chats and model.provider == "Anthropic":
        return ANTHROPIC
    if model.chats and model.provider == "Amazon":
        return NOVA
    if model.chats and model.provider == "Meta":
        return META
    raise invalid(
        "This action doesn't support the model that you provided. Try again with a supported model."
    )
