"""A signal handler that flushes, closes or puts, whatever it interrupts: no deadlock, no loss.

Python runs a handler between two instructions of the main thread, which may hold any lock then. The
tests let it come at every line that the main thread passes in here and in `threading`, one by one.
"""

from __future__ import annotations

import functools
import gc
import io
import itertools
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pytest
from botocore.response import StreamingBody
from langchain_core.outputs import Generation, LLMResult
from support.writing import Gate

from bulkhead import CallRecorder, InvocationHandler, LogWriter, RecordMaker, correlation, exits
from bulkhead.content import ContentLog
from bulkhead.exchange import Exchange
from bulkhead.janitor import Janitor

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")

ANSWER = LLMResult(generations=[[Generation(text="x")]])

# `at_every_line(work, handler)` runs the work again and again, interrupted at another line each.
PRELUDE = """
import faulthandler, json, os, signal, sys, tempfile, threading, time
from bulkhead import LogWriter, Spool, exits
from support.writing import Gate, record
faulthandler.dump_traceback_later(100, exit=True)
kind, spooled = sys.argv[1:3]
LEAST = int(sys.argv[3])

def writer(**choices):
    gate = Gate()
    gate.open.set()
    spool = Spool(tempfile.mkdtemp(dir=sys.argv[4]), "x") if spooled == "spool" else None
    return gate, LogWriter(gate, spool=spool, **{"heartbeat": 0, "linger": 0.001, **choices})

def interrupted(work, handler, line, within=None):
    # Whether there is such a line. `within`: functions of `threading` to look at, else all.
    seen = [0]
    def tracer(frame, event, _):
        name = frame.f_code.co_filename
        threads = name.endswith("threading.py")
        if "bulkhead" not in name and not threads:
            return None
        if threads and within and frame.f_code.co_name not in within:
            return None
        if event == "line":
            seen[0] += 1
            if seen[0] == line:
                handler()
        return tracer
    sys.settrace(tracer)
    try:
        work()
    finally:
        sys.settrace(None)
    return seen[0] >= line

def at_every_line(run):
    line, slowest = 0, 0.0
    while True:
        line += 1
        started = time.monotonic()
        if not run(line):
            break
        slowest = max(slowest, time.monotonic() - started)
    assert line > LEAST, line
    assert slowest < 20, slowest
    print("lines", line - 1)
"""

PUTS = """
def run(line):
    gate, w = writer(when_full=kind, capacity=3, block_seconds=20)
    def work():
        for n in range(8):
            w.put(record(n), n)
    def handler():
        w.put(record(100), 100)
        w.flush(2)
        w.stats
    reached = interrupted(work, handler, line)
    assert w.close(60)
    stats = w.stats
    assert stats.offered == stats.delivered + stats.lost == 8 + reached, stats
    assert len(gate.numbers) == len(set(gate.numbers)) == stats.delivered
    if kind == "block":
        assert stats.lost == 0, stats
    return reached
at_every_line(run)
"""

FLUSHES = """
def run(line):
    gate, w = writer(linger=60)
    def work():
        w.put(record(1), 1)
        assert w.flush(60)
        w.put(record(2), 2)
    def handler():
        started = time.monotonic()
        w.put(record(3), 3)
        getattr(w, kind)(20)
        assert time.monotonic() - started < 15
    reached = interrupted(work, handler, line)
    assert w.close(60)
    deadline = time.monotonic() + 20
    while w.stats.pending and time.monotonic() < deadline:
        time.sleep(0.001)
    stats = w.stats
    assert stats.offered == 2 + reached == stats.delivered + stats.dropped_closed, stats
    if kind == "flush":
        assert stats.lost == 0, stats
    return reached
at_every_line(run)
"""

CLOSES = """
def run(line):
    gate, w = writer(linger=60)
    w.before_close(lambda: w.put(record(2), 2))
    w.put(record(1), 1)
    def handler():
        started = time.monotonic()
        getattr(w, kind)(20)
        assert time.monotonic() - started < 15
    reached = interrupted(lambda: w.close(20), handler, line)
    assert w.close(60)
    assert sorted(gate.numbers) == [1, 2], w.stats
    return reached
at_every_line(run)
"""

# Where the handler ends the program, as handlers do: nothing may hang, and all is delivered.
EXITS = """
def run(line):
    gate, w = writer(linger=60, capacity=3, when_full="block", block_seconds=20, exit_seconds=20)
    done = []
    def work():
        for n in range(6):
            w.put(record(n), n)
            done.append(n)
    def handler():
        getattr(w, kind)(20)
        raise SystemExit
    try:
        # Not where `threading` starts threads: what is raised there leaves it with its own lock.
        reached = interrupted(work, handler, line, {"wait", "wait_for", "notify", "notify_all"})
    except SystemExit:
        reached = True
    exits.at_end()
    assert set(done) - {5} <= set(gate.numbers), (done, gate.numbers, w.stats)
    return reached
at_every_line(run)
"""


def runs(tmp_path: Path, text: str, kind: str, spool: str, least: int) -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + text, kind, spool, str(least), str(tmp_path)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("kind", "spool"), [("block", "memory"), ("drop_oldest", "spool"), ("drop_newest", "memory")]
)
def test_in_the_middle_of_a_put(tmp_path: Path, kind: str, spool: str) -> None:
    runs(tmp_path, PUTS, kind, spool, least=100)


@pytest.mark.parametrize("kind", ["flush", "close"])
def test_in_the_middle_of_a_flush(tmp_path: Path, kind: str) -> None:
    runs(tmp_path, FLUSHES, kind, "memory", least=60)


@pytest.mark.parametrize(("kind", "spool"), [("flush", "memory"), ("close", "spool")])
def test_in_the_middle_of_a_close(tmp_path: Path, kind: str, spool: str) -> None:
    runs(tmp_path, CLOSES, kind, spool, least=40)


@pytest.mark.parametrize("kind", ["flush", "close"])
def test_a_handler_that_ends_the_program(tmp_path: Path, kind: str) -> None:
    runs(tmp_path, EXITS, kind, "memory", least=60)


def stopped_at(line: int, work: Callable[[], object], file: str) -> bool:
    """Whether the work has so many lines of a file; it is stopped there as by Ctrl-C."""
    lines = itertools.count(1)

    def tracer(frame: FrameType, event: str, _: object) -> Any:
        if not frame.f_code.co_filename.endswith(file) or frame.f_code.co_name == "__del__":
            return None  # what is raised in there Python itself ignores
        if event == "line" and next(lines) == line:
            raise KeyboardInterrupt
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
        # Between a block and the lock's release comes a tracer, though no signal.
        while exits.owned(correlation._lock):
            correlation._lock.release()
    return False


@pytest.mark.parametrize("defer", [True, False])
@pytest.mark.parametrize(
    ("status", "end"),
    [
        ("success", lambda handler, run: handler.on_llm_end(ANSWER, run_id=run)),
        ("error", lambda handler, run: handler.on_llm_error(ValueError(), run_id=run)),
        ("cancelled", lambda handler, _: handler.finish()),
    ],
)
@pytest.mark.parametrize("file", ["bulkhead/handler.py", "bulkhead/correlation.py"])
def test_a_run_whose_end_is_interrupted_has_one_record(
    defer: bool, status: str, end: Callable[[InvocationHandler, uuid.UUID], object], file: str
) -> None:
    """LangChain tells of an end once, and passes on what stops that."""
    for line in itertools.count(1):
        handed: list[Any] = []
        handler = InvocationHandler(lambda item, _, to=handed: to.append(item), defer=defer)
        run = uuid.uuid4()
        serialized = {"kwargs": {"model_id": "a.b"}}
        handler.on_chat_model_start(serialized, [], run_id=run)
        reached = stopped_at(line, lambda handler=handler, run=run: end(handler, run), file)
        handler.finish()  # what it was not yet at
        records = [each for item in handed for each in (item() if defer else [item])]
        # Where records are made at once, the sink may see the same one again.
        assert len(records) == 1 or (not defer and records[0] is records[1]), (line, records)
        # Whoever was not yet at it left it to the end of the program.
        assert records[0]["bulkhead.status"] in (status, "cancelled")
        if not reached:
            assert records[0]["bulkhead.status"] == status
            break
    assert line > 10


def test_a_run_interrupted_in_the_writer_has_one_record() -> None:
    for line in itertools.count(1):
        gate = Gate()
        gate.open.set()
        writer = LogWriter(gate, heartbeat=0, linger=0.001)
        handler = InvocationHandler(writer.put, defer=True)
        run = uuid.uuid4()
        handler.on_chat_model_start({"kwargs": {"model_id": "a.b"}}, [], run_id=run)

        def work(handler: InvocationHandler = handler, run: uuid.UUID = run) -> None:
            handler.on_llm_end(ANSWER, run_id=run)

        reached = stopped_at(line, work, "bulkhead/writer.py")
        writer.unlock()  # as at the end of the program
        assert writer.close(60)
        assert writer.stats.delivered == 1, (line, writer.stats)
        assert writer.stats.lost == 0
        if not reached:
            break
    assert line > 10


def into(handed: list[Any]) -> Callable[[Any, int], None]:
    return lambda item, _: handed.append(item)


def records_of(handed: list[Any], *, defer: bool) -> list[dict[str, Any]]:
    """One of each: a sink that is given records, not callables, may see the same one again."""
    if defer:
        return [each for item in handed for each in item()]
    return list({id(each): each for each in handed}.values())


ANSWERED = SimpleNamespace(status_code=200)
MESSAGE = {"role": "assistant", "content": [{"text": "x"}]}


def whole(recorder: CallRecorder, context: dict[str, Any]) -> None:
    recorder._after(ANSWERED, {"output": {"message": MESSAGE}}, context)


def failed(recorder: CallRecorder, context: dict[str, Any]) -> None:
    recorder._failed_call(ValueError(), context)


def read(recorder: CallRecorder, context: dict[str, Any]) -> None:
    text = b'{"usage": {"input_tokens": 3, "output_tokens": 4}, "content": []}'
    parsed: dict[str, Any] = {"body": StreamingBody(io.BytesIO(text), str(len(text)))}
    recorder._after(ANSWERED, parsed, context)
    parsed["body"].read()


@pytest.mark.parametrize("defer", [True, False])
@pytest.mark.parametrize(
    ("operation", "status", "work"),
    [
        ("Converse", "success", whole),
        ("Converse", "error", failed),
        ("InvokeModel", "success", read),
        ("ConverseStream", "cancelled", lambda recorder, _: recorder.finish()),
    ],
)
@pytest.mark.parametrize("file", ["exchange", "hooks", "content", "streams"])
def test_a_direct_call_whose_end_is_interrupted_has_one_record(
    defer: bool, operation: str, status: str, work: Callable[..., object], file: str
) -> None:
    """And its content, if asked for, which names that record."""
    tokens = 0
    for line in itertools.count(1):
        handed: list[Any] = []
        said: list[Any] = []
        content = ContentLog(into(said), RecordMaker(), redactors=[], defer=defer)
        recorder = CallRecorder(into(handed), content=content, defer=defer)
        context: dict[str, Any] = {}
        recorder._parameters({"modelId": "a.b", "messages": [MESSAGE]}, context)
        recorder._created(SimpleNamespace(context=context), operation)
        reached = stopped_at(
            line,
            functools.partial(work, recorder, context),
            f"bulkhead/{file}.py",
        )
        gc.collect()
        recorder.finish()  # what it was not yet at
        (record,) = records_of(handed, defer=defer)
        (told,) = records_of(said, defer=defer)
        assert told["bulkhead.call.record.id"] == record["bulkhead.record.id"], line
        assert record["bulkhead.status"] in (status, "cancelled", "success")
        # What was read at one line is known at each that follows.
        assert tokens <= record.get("gen_ai.usage.input_tokens", 0), line
        tokens = record.get("gen_ai.usage.input_tokens", 0)
        if not reached:
            assert record["bulkhead.status"] == status
            break
    assert tokens == (3 if work is read else 0)
    assert line > 5 or file == "streams"


@pytest.mark.parametrize("defer", [True, False])
@pytest.mark.parametrize("file", ["handler", "content"])
def test_a_run_whose_content_is_interrupted_has_it_once(defer: bool, file: str) -> None:
    for line in itertools.count(1):
        handed: list[Any] = []
        said: list[Any] = []
        content = ContentLog(into(said), RecordMaker(), redactors=[], defer=defer)
        handler = InvocationHandler(into(handed), content=content, defer=defer)
        run = uuid.uuid4()
        handler.on_chat_model_start({"kwargs": {"model_id": "a.b"}}, [], run_id=run)
        exchange = Exchange("a.b", lambda _: None, lambda _: None)
        exchange.conversation = content.begin("Converse", {"messages": [MESSAGE]})
        exchange.run = correlation.claim("a.b", exchange)
        exchange.finish("success")
        reached = stopped_at(
            line,
            functools.partial(handler.on_llm_end, ANSWER, run_id=run),
            f"bulkhead/{file}.py",
        )
        handler.finish()
        (record,) = records_of(handed, defer=defer)
        (told,) = records_of(said, defer=defer)
        assert told["bulkhead.call.record.id"] == record["bulkhead.record.id"], line
        if not reached:
            break
    assert line > 10


def test_tidying_that_is_interrupted_forgets_no_call() -> None:
    for line in itertools.count(1):
        janitor = Janitor()
        ended: set[int] = set()

        def told(each: Exchange, ended: set[int] = ended) -> None:
            ended.add(id(each))

        for _ in range(2):
            Exchange("m", told, janitor.dropped)
        reached = stopped_at(line, janitor.tidy, "bulkhead/janitor.py")
        janitor.tidy()
        assert len(ended) == 2, line
        if not reached:
            break
    assert line > 10
