"""What the client adds to a call of Bedrock: quota, walls, hooks and records, with nothing sent.

    python clients.py SUBJECT --endpoint URL [--number N] [--spool]

Subjects: `boto3` and `langchain` are a plain boto3 client and a ChatBedrockConverse over one,
`langchain-noop` has a handler that does nothing; `bulkhead` and `bulkhead-langchain` are
`app.runtime` and `app.chat(…)`. All are answered by the same stub in the place of the network,
after every hook has seen the signed request. Prints JSON: microseconds of one call on the calling
thread, wall and processor time.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

handlers: Any = importlib.import_module("handlers")  # the program beside this one

SUBJECTS = ("boto3", "langchain", "langchain-noop", "bulkhead", "bulkhead-langchain")
PROMPT = "What is a bulkhead? " * 20
REPLY = {
    "output": {"message": {"role": "assistant", "content": [{"text": "A wall. " * 40}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 125, "outputTokens": 111, "totalTokens": 236},
    "metrics": {"latencyMs": 609},
}


class _Raw:
    """The body of the stub's answer, as botocore reads it."""

    _data = json.dumps(REPLY).encode()

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._data


def stub(request: Any, **_: Any) -> Any:
    """A botocore `before-send` hook that answers in the place of Bedrock."""
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    headers = HTTPHeaders()
    headers["x-amzn-RequestId"] = "8d6f2e6c-6a58-4f0e-9a3f-4a3a0c0e8a01"
    headers["Content-Type"] = "application/json"
    return AWSResponse(request.url, 200, headers, _Raw())


def role() -> Any:
    """A session of a role, as an application has that assumes it by itself."""
    import boto3

    return boto3.Session("ASIA0000000000000001", "secret", "token", region_name=handlers.REGION)


def asking(name: str, endpoint: str, stack: ExitStack, spool: bool) -> Callable[[], object]:
    """Return what makes one call."""
    if name.startswith("bulkhead"):
        folder = stack.enter_context(tempfile.TemporaryDirectory()) if spool else None
        ours = stack.enter_context(handlers.app(endpoint, 10_000, folder and Path(folder)))
        client = ours.runtime
    else:
        client = role().client("bedrock-runtime", endpoint_url=endpoint)
    client.meta.events.register_last("before-send", stub)
    if name == "bulkhead-langchain":
        chat = ours.chat(handlers.MODEL, max_tokens=64)
        return lambda: chat.invoke(PROMPT)
    if name.startswith("langchain"):
        from langchain_aws import ChatBedrockConverse

        plain = ChatBedrockConverse(
            client=client,
            bedrock_client=role().client("bedrock", endpoint_url=endpoint),
            model=handlers.AIP,
            base_model=handlers.MODEL,
            provider="anthropic",
            max_tokens=64,
            callbacks=[handlers.noop()] if name == "langchain-noop" else None,
        )
        return lambda: plain.invoke(PROMPT)
    messages = [{"role": "user", "content": [{"text": PROMPT}]}]
    config = {"maxTokens": 64}
    profile = handlers.AIP
    return lambda: client.converse(modelId=profile, messages=messages, inferenceConfig=config)


def calls(name: str, endpoint: str, number: int, spool: bool) -> dict[str, float]:
    """Microseconds of one call."""
    with ExitStack() as stack:
        call = asking(name, endpoint, stack, spool)
        for _ in range(min(handlers.WARMUP, number)):
            call()
        taken: list[float] = []
        clock = time.perf_counter
        cpu = time.thread_time()
        for _ in range(number):
            started = clock()
            call()
            taken.append(clock() - started)
        cpu = time.thread_time() - cpu
    return {
        "median": statistics.median(taken) * 1e6,
        "mean": statistics.fmean(taken) * 1e6,
        "cpu": cpu / number * 1e6,
    }


def main() -> None:
    """Measure what is asked for and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("subject", choices=SUBJECTS)
    parser.add_argument("--endpoint", default="")
    parser.add_argument("--number", type=int, default=2_000)
    parser.add_argument("--spool", action="store_true", help="records go to disk first")
    given = parser.parse_args()
    print(json.dumps(calls(given.subject, given.endpoint, given.number, given.spool)), flush=True)


if __name__ == "__main__":
    main()
