"""What tests of calls share: requests, answers that fail, and what every record has."""

from __future__ import annotations

import json
import time
from typing import Any

from support.client_lab import CLAUDE, COHERE, LLAMA, NOVA, TITAN, Lab
from support.frames import frame, split

from bulkhead import Bulkhead

PROMPT = "Tell me about canary-77e1"
THROTTLED = (
    429,
    "application/json",
    json.dumps({"__type": "ThrottlingException", "message": "canary"}).encode(),
)
BUSY = (
    503,
    "application/json",
    json.dumps({"__type": "ServiceUnavailableException", "message": "canary"}).encode(),
)


REFUSED = (
    424,
    "application/json",
    json.dumps({"__type": "ModelErrorException", "message": "canary"}).encode(),
)


def _refusal(status: int, code: str, message: str) -> tuple[int, str, bytes]:
    body = json.dumps({"__type": code, "message": f"{message} canary"})
    return status, "application/json", body.encode()


TOO_LONG = _refusal(400, "ValidationException", "Input is too long for requested model.")
DENIED = _refusal(403, "AccessDeniedException", "You are not authorized:")
NO_TOOLS = _refusal(403, "AccessDeniedException", "not authorized to perform bedrock:InvokeTool")


def taken(lab: Lab, app: Bulkhead, calls: int | None = None) -> list[dict[str, Any]]:
    """The records since the last look: as many as requests of models reached the cloud."""
    records = lab.records(app)
    asked = [path for path in lab.proxy.calls if path.startswith("/model/")]
    lab.proxy.calls.clear()
    assert len(records) == (len(asked) if calls is None else calls)
    assert len({record["bulkhead.record.id"] for record in records}) == len(records)
    assert "canary" not in json.dumps(records)
    return records


def the_record(lab: Lab, app: Bulkhead) -> dict[str, Any]:
    (record,) = taken(lab, app, calls=1)
    return record


def whole(record: dict[str, Any], lab: Lab, model: str) -> None:
    """All that a record of a successful call has, on every path."""
    assert record["bulkhead.status"] == "success"
    assert record["gen_ai.request.model"] == record["gen_ai.response.model"] == model
    assert record["bulkhead.inference_profile.arn"] == lab.document["inference_profiles"][model]
    assert len(record["aws.request_id"]) == 36
    assert record["http.response.status_code"] == 200
    assert record["bulkhead.retries"] == 0
    assert record["bulkhead.service.latency_ms"] > 0
    assert 0 < record["gen_ai.client.operation.duration"] < 30
    assert record["gen_ai.usage.input_tokens"] > 0
    assert record["gen_ai.usage.cache_read.input_tokens"] == 0
    assert record["gen_ai.usage.cache_creation.input_tokens"] == 0
    assert record["bulkhead.calls"] == 1
    assert "error.type" not in record
    if record["gen_ai.operation.name"] == "embeddings":
        return
    assert record["gen_ai.usage.output_tokens"] > 0
    assert record["gen_ai.response.finish_reasons"]
    streamed = record["rpc.method"] in ("ConverseStream", "InvokeModelWithResponseStream")
    assert record["gen_ai.request.stream"] is streamed
    assert ("gen_ai.response.time_to_first_chunk" in record) is streamed


def eventually(lab: Lab, app: Bulkhead) -> dict[str, Any]:
    """The one record that comes within a few seconds."""
    until = time.monotonic() + 10
    while not (found := lab.records(app)):
        assert time.monotonic() < until, "no record"
        time.sleep(0.05)
    (record,) = found
    return record


def broken(stream: bytes) -> bytes:
    """The first frames, then an exception."""
    return b"".join(list(split(stream))[:3]) + frame("throttlingException", {"message": "canary"})


def short(stream: bytes) -> bytes:
    """The first frames, and a clean end."""
    return b"".join(list(split(stream))[:3])


def converse_request(app: Bulkhead, **more: Any) -> dict[str, Any]:
    return {
        "modelId": app.inference_profile(CLAUDE),
        "messages": [{"role": "user", "content": [{"text": PROMPT}]}],
        "inferenceConfig": {"maxTokens": 64, "temperature": 0.5, "topP": 0.9},
        **more,
    }


def invoke_request(app: Bulkhead, model: str = CLAUDE) -> dict[str, Any]:
    bodies: dict[str, dict[str, Any]] = {
        CLAUDE: {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 64,
            "temperature": 0.5,
            "messages": [{"role": "user", "content": PROMPT}],
        },
        NOVA: {
            "messages": [{"role": "user", "content": [{"text": PROMPT}]}],
            "inferenceConfig": {"maxTokens": 64, "temperature": 0.5},
        },
        LLAMA: {"prompt": PROMPT, "temperature": 0.5},
        TITAN: {"inputText": PROMPT},
        COHERE: {"texts": [PROMPT], "input_type": "search_query"},
    }
    return {"modelId": app.inference_profile(model), "body": json.dumps(bodies[model])}
