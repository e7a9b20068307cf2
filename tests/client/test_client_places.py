"""Where the writer runs: several streams, coroutines, AWS Lambda, the end of an interpreter."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from support.writing import GROUP, Writing, now, once, record

from bulkhead import Bulkhead, CloudWatchTransport, flushing
from bulkhead.batch import Event
from bulkhead.replay import replayed


def test_several_streams_when_one_does_not_keep_up(writing: Writing) -> None:
    writing.endpoint.delay = 0.1
    with writing.app(capacity=20_000, streams=3) as app:
        for n in range(12_000):
            app.writer.put({**record(n), "pad": "p" * 900}, now())
        assert app.flush(60)
        assert app.stats.delivered == 12_000
    assert writing.ids() == once(0, 12_000)
    assert 2 <= len(writing.endpoint.streams) <= 3


def test_one_stream_when_it_keeps_up_or_fails(writing: Writing) -> None:
    with writing.app() as app:
        for n in range(2_000):
            app.writer.put(record(n), now())
        assert app.flush(60)
    assert len(writing.endpoint.streams) == 1


def test_coroutines_put_and_flush(writing: Writing) -> None:
    async def work(app: Bulkhead) -> int:
        async def one(k: int) -> None:
            for n in range(100):
                app.writer.put(record(k * 100 + n), now())
                await asyncio.sleep(0)

        await asyncio.gather(*(one(k) for k in range(5)))
        ticks = 0
        flushed = asyncio.ensure_future(app.aflush(60))
        while not flushed.done():  # the loop goes on meanwhile
            ticks += 1
            await asyncio.sleep(0.001)
        assert flushed.result()
        return ticks

    writing.endpoint.delay = 0.05
    with writing.app(linger=60) as app:
        assert asyncio.run(work(app)) > 5
    assert writing.ids() == once(0, 500)


class Context:
    """What AWS Lambda gives to a handler."""

    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


def test_an_invocation_returns_when_its_records_are_delivered(writing: Writing) -> None:
    with writing.app(linger=60) as app:

        @app.lambda_handler
        def handler(event: int, context: Context) -> str:
            app.writer.put(record(event), now())
            if event == 2:
                raise RuntimeError("as handlers do")
            return "done"

        assert handler(1, Context(30_000)) == "done"
        assert writing.ids() == once(1, 2)
        assert app.stats.pending == 0
        with pytest.raises(RuntimeError, match="as handlers do"):
            handler(2, Context(30_000))
        assert writing.ids() == once(1, 3)


def test_an_invocation_ends_in_its_time(writing: Writing, caplog: pytest.LogCaptureFixture) -> None:
    with writing.app(linger=60) as app:
        handler: Callable[[int, Context], None] = flushing(app, timeout=60)(
            lambda event, _: app.writer.put(record(event), now())
        )
        writing.endpoint.hang.set()
        started = time.monotonic()
        handler(1, Context(400))
        assert time.monotonic() - started < 30
        assert "wait for the next invocation" in caplog.text
        writing.endpoint.hang.clear()
        handler(2, Context(30_000))
        assert writing.ids() == once(1, 3)


NO_THREADS = """
def refuse(self):
    raise RuntimeError("can't create new thread at interpreter shutdown")
threading.Thread.start = refuse
"""


def test_without_threads_the_end_still_delivers(writing: Writing) -> None:
    """As when the interpreter, shutting down, starts no thread any more (Python 3.12)."""
    program = writing.program(
        f"{NO_THREADS}put(0, 50)",
        heartbeat=0,
        linger=60,
    )
    assert program.ends() == 0, program.errors
    assert writing.ids() == once(0, 50)


@pytest.mark.parametrize("child", [False, True])
def test_without_threads_a_hung_endpoint_is_waited_for_no_longer(
    writing: Writing, child: bool
) -> None:
    """Nobody watches the clock beside the call; in a child STS is asked anew."""
    text = f"{NO_THREADS}put(0, 5); os.write(1, b'ending\\n')"
    if child:
        text = f"if os.fork():\n    os.wait(); os._exit(0)\n{text}"
    writing.endpoint.hang.set()
    program = writing.program(text, heartbeat=0, linger=60, exit_seconds=2)
    program.says("ending")
    said = time.monotonic()
    assert program.ends() == 0, program.errors
    # Before, it was the SDK's usual time-out for a single answer: 15 seconds.
    assert 0.4 < time.monotonic() - said < 10
    assert "5 records were not delivered" in program.errors or "dropped: 5" in program.errors
    assert not writing.arrived()


def test_a_replay_counts_no_metrics() -> None:
    made = replayed({"_aws": {"Timestamp": 1}, "n": 1})
    assert made == {"n": 1, "bulkhead.replayed": True}


def test_the_body_is_what_botocore_would_have_sent(writing: Writing) -> None:
    """The quick way to make a request and the plain one say the same."""
    client = boto3.Session("AKIA", "secret", region_name="eu-central-1").client(
        "logs", endpoint_url=writing.endpoint.url
    )
    bodies: list[dict[str, Any]] = []
    client.meta.events.register(
        "before-send.cloudwatch-logs.PutLogEvents",
        lambda request, **_: bodies.append(json.loads(request.body)),
    )
    message = json.dumps({"text": 'quotes " and \\ and é'})
    transport = CloudWatchTransport(lambda: client, GROUP, "orders")
    transport.send([Event.of(now(), message), Event.of(now(), "{}")])
    quick = bodies.pop()
    plain = boto3.Session("AKIA", "secret", region_name="eu-central-1").client(
        "logs", endpoint_url=writing.endpoint.url
    )
    plain.meta.events.register(
        "before-send.cloudwatch-logs.PutLogEvents",
        lambda request, **_: bodies.append(json.loads(request.body)),
    )
    plain.put_log_events(**quick)
    assert bodies == [quick]
    assert quick["logEvents"][0]["message"] == message
    # Nobody else may use the writer's client: the stand-in would be sent.
    with pytest.raises(RuntimeError, match="used by somebody else"):
        client.put_log_events(**quick)
