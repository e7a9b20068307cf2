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
    """InvokeModel with a body that Nova models take."""
    cast.client(actor, "bedrock-runtime", region).invoke_model(
        modelId=model, body=json.dumps({"messages": _MESSAGES, "inferenceConfig": _LIMITS})
    )
