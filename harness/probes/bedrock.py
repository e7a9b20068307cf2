"""Model calls of the probes, each answered to its end."""

from __future__ import annotations

import json
from typing import Any

from harness.probes.cast import Actor, Cast

_MESSAGES: list[dict[str, Any]] = [{"role": "user", "content": [{"text": "ping"}]}]
_LIMITS = {"maxTokens": 8}


def converse(cast: Cast, actor: Actor, model: str, region: str | None = None, **more: Any) -> None:
    """Converse with a model id or profile ARN. Raises botocore's `ClientError`."""
    cast.client(actor, "bedrock-runtime", region).converse(
        modelId=model, messages=_MESSAGES, inferenceConfig=_LIMITS, **more
    )


def converse_stream(cast: Cast, actor: Actor, model: str, region: str | None = None) -> None:
    """ConverseStream, read to its end. Raises botocore's `ClientError`, in mid-stream too."""
    answer = cast.client(actor, "bedrock-runtime", region).converse_stream(
        modelId=model, messages=_MESSAGES, inferenceConfig=_LIMITS
    )
    for _ in answer["stream"]:
        pass


def invoke(cast: Cast, actor: Actor, model: str, region: str | None = None) -> None:
    """InvokeModel with a body that the model takes, where the identifier tells its provider."""
    fleets = cast.stage.fleets.values()
    behind = {arn: name for fleet in fleets for _, name, arn in fleet.all_profiles}
    body: dict[str, Any] = {"messages": _MESSAGES, "inferenceConfig": _LIMITS}
    if "anthropic" in behind.get(model, model):
        messages = [{"role": "user", "content": "ping"}]
        body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 8, "messages": messages}
    cast.client(actor, "bedrock-runtime", region).invoke_model(modelId=model, body=json.dumps(body))
