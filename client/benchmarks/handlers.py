"""What a logging handler costs the thread that calls a model: ours beside others.

    python handlers.py calls SUBJECT --endpoint URL     microseconds per invocation, wall and CPU
    python handlers.py deliveries SUBJECT --producers N --endpoint URL     events per second
    python handlers.py memory SUBJECT --endpoint URL    MiB, with an endpoint that hangs
    python handlers.py imports                          milliseconds

Subjects: `bare` (no handler), `noop`, `naive` (one PutLogEvents for each call, on the caller's
thread, as handlers in articles do), `watchtower` (queued), `bulkhead`. Each run is a process of its
own and prints JSON; the harness runs them in turns (`make bench`). The endpoint is a stand-in
for CloudWatch Logs that knows GetCallerIdentity too.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import statistics
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

GROUP = "/bench"
REGION = "eu-central-1"
ACCOUNT, OPERATIONS = "222222222222", "111111111111"
MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
AIP = f"arn:aws:bedrock:{REGION}:{OPERATIONS}:application-inference-profile/bench1"
DIMENSIONS = [[], ["bulkhead.app"], ["bulkhead.app", "gen_ai.request.model"]]
METRICS = (
    ("bulkhead.calls", "Count"),
    ("bulkhead.errors", "Count"),
    ("bulkhead.throttles", "Count"),
    ("gen_ai.usage.input_tokens", "Count"),
    ("gen_ai.usage.output_tokens", "Count"),
    ("gen_ai.client.operation.duration", "Seconds"),
)
WARMUP = 300


def session() -> Any:
    """The application's own session."""
    import boto3

    return boto3.Session("AKIA0000000000000001", "secret", region_name=REGION)


class Subject:
    """A handler, and how it is told to deliver what waits."""

    def __init__(self, handler: Any, drain: Callable[[], object]) -> None:
        self.handler = handler
        self.drain = drain


def subject(name: str, endpoint: str, capacity: int) -> Subject:
    """Make one."""
    makers = {"naive": _naive, "watchtower": _watchtower}
    if name == "noop":
        return Subject(noop(), lambda: None)
    if name == "bulkhead":
        return _bulkhead(endpoint, capacity)
    return makers[name](endpoint)


def noop() -> Any:
    """A handler that LangChain calls for nothing."""
    from langchain_core.callbacks import BaseCallbackHandler

    class Noop(BaseCallbackHandler):
        """Hears of every call and does nothing."""

        def on_chat_model_start(self, *_: Any, **__: Any) -> None:
            pass

        def on_llm_end(self, *_: Any, **__: Any) -> None:
            pass

    return Noop()


def _record(response: Any, run_id: Any) -> str:
    """The same facts and metrics as ours has, as one would write it down directly."""
    message = response.generations[0][0].message
    usage, metadata = message.usage_metadata, message.response_metadata
    return json.dumps(
        {
            "_aws": {
                "Timestamp": int(time.time() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": "Bulkhead",
                        "Dimensions": DIMENSIONS,
                        "Metrics": [{"Name": name, "Unit": unit} for name, unit in METRICS],
                    }
                ],
            },
            "bulkhead.calls": 1,
            "bulkhead.errors": 0,
            "bulkhead.throttles": 0,
            "gen_ai.client.operation.duration": 0.001,
            "bulkhead.record.id": str(run_id),
            "timestamp": time.time(),
            "bulkhead.status": "success",
            "gen_ai.provider.name": "aws.bedrock",
            "gen_ai.operation.name": "chat",
            "bulkhead.customer": "bench",
            "bulkhead.app": "bench",
            "cloud.account.id": ACCOUNT,
            "cloud.region": REGION,
            "gen_ai.request.model": MODEL,
            "gen_ai.response.model": metadata["model_name"],
            "aws.request_id": metadata["ResponseMetadata"]["RequestId"],
            "http.response.status_code": metadata["ResponseMetadata"]["HTTPStatusCode"],
            "gen_ai.usage.input_tokens": usage["input_tokens"],
            "gen_ai.usage.output_tokens": usage["output_tokens"],
            "gen_ai.response.finish_reasons": [metadata["stopReason"]],
            "bulkhead.retries": metadata["ResponseMetadata"]["RetryAttempts"],
            "bulkhead.service.latency_ms": metadata["metrics"]["latencyMs"][0],
        }
    )


def _naive(endpoint: str) -> Subject:
    from langchain_core.callbacks import BaseCallbackHandler

    logs = session().client("logs", endpoint_url=endpoint)
    stream = uuid.uuid4().hex
    logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)

    class Naive(BaseCallbackHandler):
        """One request for each call, and the caller waits for it."""

        def on_chat_model_start(self, *_: Any, **__: Any) -> None:
            pass

        def on_llm_end(self, response: Any, *, run_id: Any, **_: Any) -> None:
            event = {"timestamp": int(time.time() * 1000), "message": _record(response, run_id)}
            logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=[event])

    return Subject(Naive(), lambda: None)


def _watchtower(endpoint: str) -> Subject:
    from langchain_core.callbacks import BaseCallbackHandler

    watchtower = importlib.import_module("watchtower")
    inner = watchtower.CloudWatchLogHandler(
        log_group_name=GROUP,
        log_stream_name=uuid.uuid4().hex,
        boto3_client=session().client("logs", endpoint_url=endpoint),
        use_queues=True,
        send_interval=1,
        create_log_group=False,
    )
    logger = logging.getLogger("bench")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(inner)

    class Watchtower(BaseCallbackHandler):
        """Logs a line, which watchtower's thread delivers."""

        def on_chat_model_start(self, *_: Any, **__: Any) -> None:
            pass

        def on_llm_end(self, response: Any, *, run_id: Any, **_: Any) -> None:
            logger.info(_record(response, run_id))

    return Subject(Watchtower(), inner.flush)


def app(endpoint: str, capacity: int, spool: Path | None = None) -> Any:
    """Our client, which finds STS and the log group at the endpoint."""
    from bulkhead import Bulkhead, Delivery

    return Bulkhead.from_config(
        {
            "customer": "bench",
            "account_id": ACCOUNT,
            "app": "bench",
            "region": REGION,
            "fleet_role_arn": f"arn:aws:iam::{OPERATIONS}:role/bulkhead/fleet/bulkhead-bench",
            "external_id": "external-id-of-the-bench",
            "log_group_name": GROUP,
            "inference_profiles": {MODEL: AIP},
        },
        session(),
        endpoint_url=endpoint,
        delivery=Delivery(capacity=capacity, exit_seconds=0.2),
        spool=spool,
    )


def _bulkhead(endpoint: str, capacity: int) -> Subject:
    made = app(endpoint, capacity)
    return Subject(made.handler, lambda: made.flush(60))


def answer() -> Any:
    """What ChatBedrockConverse makes of an answer."""
    from langchain_core.messages import AIMessage

    return AIMessage(
        content="pong",
        usage_metadata={"input_tokens": 25, "output_tokens": 11, "total_tokens": 36},
        response_metadata={
            "ResponseMetadata": {
                "RequestId": "8d6f2e6c-6a58-4f0e-9a3f-4a3a0c0e8a01",
                "HTTPStatusCode": 200,
                "RetryAttempts": 0,
            },
            "stopReason": "end_turn",
            "metrics": {"latencyMs": [609]},
            "model_name": MODEL,
            "model_provider": "bedrock_converse",
        },
    )


def calls(name: str, endpoint: str, number: int) -> dict[str, float]:
    """Microseconds that one invocation of a model without latency takes the calling thread.

    Its median and mean, and the processor time of that thread alone. The mean holds the turns that
    the writer's threads take at the interpreter, and whatever else the machine does.
    """
    from langchain_core.language_models import BaseChatModel
    from langchain_core.outputs import ChatGeneration, ChatResult

    message = answer()

    class Model(BaseChatModel):
        """Answers at once."""

        def _generate(self, *_: Any, **__: Any) -> ChatResult:
            return ChatResult(generations=[ChatGeneration(message=message)])

        @property
        def _llm_type(self) -> str:
            return "bench"

    made = None if name == "bare" else subject(name, endpoint, 10_000)
    model = Model(callbacks=None if made is None else [made.handler])
    for _ in range(min(WARMUP, number)):
        model.invoke("ping")
    if made is not None:
        made.drain()
    taken: list[float] = []
    clock, invoke = time.perf_counter, model.invoke
    cpu, wall = time.thread_time(), clock()
    for _ in range(number):
        started = clock()
        invoke("ping")
        taken.append(clock() - started)
    cpu, wall = time.thread_time() - cpu, clock() - wall
    if made is not None:
        made.drain()
    return {
        "median": statistics.median(taken) * 1e6,
        "mean": wall / number * 1e6,
        "cpu": cpu / number * 1e6,
    }


def _ends(handler: Any, number: int, response: Any) -> None:
    for _ in range(number):
        run_id = uuid.uuid4()
        handler.on_chat_model_start({}, [[]], run_id=run_id)
        handler.on_llm_end(response, run_id=run_id)


def _response() -> Any:
    from langchain_core.outputs import ChatGeneration, LLMResult

    return LLMResult(generations=[[ChatGeneration(message=answer())]])


def deliveries(name: str, endpoint: str, number: int, producers: int) -> dict[str, float]:
    """Events delivered per second, from the first call until the last event was accepted."""
    made, response = subject(name, endpoint, number + WARMUP), _response()
    _ends(made.handler, WARMUP, response)
    made.drain()
    threads = [
        threading.Thread(target=_ends, args=(made.handler, number // producers, response))
        for _ in range(producers)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    put = time.perf_counter() - started
    made.drain()
    seconds = time.perf_counter() - started
    return {"per_second": number / seconds, "caller": put / number * 1e6}


def memory(name: str, endpoint: str, number: int) -> dict[str, float]:
    """MiB that the process grew by, after a tenth of the records and after all of them."""
    made, response = subject(name, endpoint, 10_000), _response()
    _ends(made.handler, WARMUP, response)
    time.sleep(1.5)  # the first batch is on its way, and stays there
    before = _resident()
    _ends(made.handler, number // 5, response)
    time.sleep(0.5)
    fifth = _resident() - before
    _ends(made.handler, number - number // 5, response)
    time.sleep(0.5)
    return {"fifth": fifth, "all": _resident() - before}


def _resident() -> float:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20


def imports() -> dict[str, float]:
    """Milliseconds that importing takes, the handler included, beyond what it is built on."""
    for module in ("boto3", "langchain_core.callbacks", "langchain_core.messages"):
        importlib.import_module(module)
    started = time.perf_counter()
    importlib.import_module("bulkhead")
    importlib.import_module("bulkhead.handler")
    return {"milliseconds": (time.perf_counter() - started) * 1000}


def main() -> None:
    """Measure what is asked for and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("calls", "deliveries", "memory", "imports"))
    parser.add_argument("subject", nargs="?", default="bulkhead")
    parser.add_argument("--endpoint", default="")
    parser.add_argument("--number", type=int, default=10_000)
    parser.add_argument("--producers", type=int, default=1)
    given = parser.parse_args()
    if given.what == "calls":
        figures = calls(given.subject, given.endpoint, given.number)
    elif given.what == "deliveries":
        figures = deliveries(given.subject, given.endpoint, given.number, given.producers)
    elif given.what == "memory":
        figures = memory(given.subject, given.endpoint, given.number)
    else:
        figures = imports()
    print(json.dumps(figures), flush=True)
    if given.what == "memory":
        os._exit(0)  # what waits for an endpoint that hangs would take its time


if __name__ == "__main__":
    main()
