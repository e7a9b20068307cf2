"""Runs whose end LangChain never reports are let go of, and none is lost or told twice for it."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from bulkhead import InvocationHandler, correlation
from bulkhead.exchange import SUCCESS, Exchange

T = TypeVar("T")
TARGET = "amazon.nova-lite-v1:0"
MODEL: dict[str, Any] = {"kwargs": {"model_id": TARGET}}
CACHED = LLMResult(
    generations=[
        [
            ChatGeneration(
                message=AIMessage(
                    "hello",
                    usage_metadata={
                        "input_tokens": 0,
                        "output_tokens": 0,
                        "total_tokens": 0,
                        "total_cost": 0,
                    },
                )
            )
        ]
    ]
)


class Calls:
    """A handler, and what a recorder would do."""

    def __init__(self, watched: bool = True) -> None:
        self.records: list[Any] = []
        self.direct: list[Exchange] = []
        self.handler = InvocationHandler(
            lambda record, _: self.records.append(record), watched=[TARGET] if watched else []
        )

    def start(self, run_id: uuid.UUID | None = None, batch: int = 1) -> uuid.UUID:
        run_id = run_id or uuid.uuid4()
        self.handler.on_chat_model_start(
            MODEL, [[HumanMessage("hello")]], run_id=run_id, batch_size=batch
        )
        return run_id

    def leave(self, run_id: uuid.UUID | None = None) -> None:
        """Start a run whose id nobody keeps."""
        self.start(run_id)

    def call(self) -> Exchange:
        exchange = Exchange(TARGET, lambda _: None, lambda _: None)
        exchange.facts["aws.request_id"] = "request-1"
        exchange.run = correlation.claim(TARGET, exchange)
        if exchange.run is None:
            self.direct.append(exchange)
        return exchange


def elsewhere(what: Callable[[], T]) -> T:
    return contextvars.copy_context().run(what)


def answer() -> LLMResult:
    return LLMResult(generations=[])


@pytest.mark.parametrize("watched", [True, False])
def test_a_run_that_nobody_can_end_is_let_go_of(watched: bool) -> None:
    calls = Calls(watched)
    for _ in range(100):
        elsewhere(calls.leave)
    kept = elsewhere(calls.start)
    assert len(calls.handler._running) == 1
    # Of a client that nobody watches it is not known whether it called.
    assert len(calls.records) == (0 if watched else 100)
    # The twin: its end can still be reported.
    calls.handler.on_llm_end(answer(), run_id=kept)
    assert calls.records.pop()["bulkhead.status"] == "success"
    calls.handler.finish()
    assert len(calls.records) == (0 if watched else 100)


def test_a_run_that_may_still_call_is_not_let_go_of() -> None:
    """A cancelled `ainvoke` whose thread has yet to call: only its context has the id."""
    calls = Calls()
    context = contextvars.copy_context()
    context.run(calls.leave)
    elsewhere(calls.leave)
    elsewhere(calls.start)
    exchange = context.run(calls.call)
    assert exchange.run
    assert not calls.direct
    del context
    gc.collect()
    elsewhere(calls.leave)
    assert not calls.records  # its call is under way: the janitor tells its end
    exchange.finish(SUCCESS)
    assert exchange.run.overdue
    exchange.run.abandon()
    (record,) = calls.records
    assert (record["aws.request_id"], record["error.type"]) == ("request-1", "unfinished")


def test_an_id_that_is_used_again_is_another_run() -> None:
    calls = Calls()
    number = uuid.uuid4().int
    elsewhere(lambda: calls.leave(uuid.UUID(int=number)))
    again = uuid.UUID(int=number)
    gone, calls.handler._gone = calls.handler._gone, type(calls.handler._gone)()
    elsewhere(lambda: calls.start(again))
    calls.handler._gone.extend(gone)
    elsewhere(calls.leave)
    calls.handler.on_llm_end(answer(), run_id=again)
    assert [each["bulkhead.status"] for each in calls.records] == ["success"]


def test_ids_of_any_kind_are_taken() -> None:
    calls = Calls()
    odd: Any = "no UUID"
    elsewhere(lambda: calls.start(odd))
    calls.handler.on_llm_end(answer(), run_id=odd)
    assert len(calls.records) == 1
    assert not calls.handler._running
    assert not calls.handler.failures


def test_of_several_prompts_those_that_never_called_are_let_go_of() -> None:
    """An error of the second ends them all, and LangChain tells of it alone."""
    calls = Calls()

    def generate() -> Exchange:
        runs = [calls.start(batch=3) for _ in range(3)]
        first = calls.call()
        first.finish(SUCCESS)
        calls.call().finish("error", "Throttled")
        calls.handler.on_llm_error(ValueError(), run_id=runs[1])
        return first

    first = elsewhere(generate)
    elsewhere(calls.start)
    assert len(calls.handler._running) == 2  # the first, whose call is the janitor's to tell
    assert first.run
    first.run.abandon()
    assert [each["bulkhead.status"] for each in calls.records] == ["error", "cancelled"]
    assert len(calls.handler._running) == 1


def test_the_call_that_a_mate_left_over_is_told() -> None:
    """A cache answered the first, the second's call is the first's by name, and nobody ends it."""
    calls = Calls()

    def generate() -> None:
        runs = [calls.start(batch=2) for _ in range(2)]
        calls.call().finish(SUCCESS)
        calls.handler.on_llm_end(CACHED, run_id=runs[0])

    elsewhere(generate)
    calls.handler.finish()
    cached, record = calls.records
    assert cached["bulkhead.cache_hit"]
    assert (record["aws.request_id"], record["bulkhead.status"]) == ("request-1", "cancelled")


@pytest.mark.parametrize("error", [asyncio.CancelledError(), None])
def test_a_call_that_is_made_while_its_run_ends_is_told_once(
    monkeypatch: pytest.MonkeyPatch, error: BaseException | None
) -> None:
    """A stream is cancelled at the moment at which its thread calls."""
    calls = Calls()
    context = contextvars.copy_context()
    run_id = context.run(calls.start)
    end = correlation.end

    def meanwhile(run: Any) -> None:
        monkeypatch.setattr(correlation, "end", end)
        context.run(calls.call)
        end(run)

    monkeypatch.setattr(correlation, "end", meanwhile)
    if error is None:
        calls.handler.finish()
    else:
        calls.handler.on_llm_error(error, run_id=run_id)
    context.run(calls.call)  # the twin: what is called afterwards is a call of its own
    assert [each["aws.request_id"] for each in calls.records] == ["request-1"]
    assert len(calls.direct) == 1


def test_a_run_ends_only_when_no_call_is_being_given() -> None:
    calls = Calls()
    run_id = calls.start()
    ended = threading.Event()

    def end() -> None:
        calls.handler.on_llm_error(asyncio.CancelledError(), run_id=run_id)
        ended.set()

    with correlation._lock, ThreadPoolExecutor(1) as pool:
        pool.submit(end)
        assert not ended.wait(0.1)
        calls.call()
        correlation._lock.release()
        assert ended.wait(10)
        correlation._lock.acquire()
    assert [each["aws.request_id"] for each in calls.records] == ["request-1"]
