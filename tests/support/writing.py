"""What the tests of the writer share: its endpoint, a transport, and programs that use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
from support.client_lab import valid

from bulkhead import Bulkhead, Delivery
from bulkhead.batch import Event
from bulkhead.delivery import Remedy
from bulkhead.transport import Rejections
from harness.bench.log_endpoint import LogEndpoint

GROUP = "/bulkhead/acme/bedrock"
KEY = "AKIA0000000000000001"

# What every program begins with. `put(a, b)` puts the records a to b - 1.
PRELUDE = """
import json, os, signal, sys, threading, time
import boto3
from bulkhead import Bulkhead, Delivery
given = json.loads(sys.argv[1])
base = boto3.Session(aws_access_key_id="AKIA0000000000000001", aws_secret_access_key="secret")
def start():
    return Bulkhead.from_config(
        given["document"], base, delivery=Delivery(**given["delivery"]), spool=given["spool"]
    )
app = start()
def put(first, last, tag="r"):
    for n in range(first, last):
        record = {"_aws": {"Timestamp": 1}, "bulkhead.record.id": f"{tag}{n}", "n": n}
        app.writer.put(record, int(time.time() * 1000))
def say(word):
    os.write(1, word.encode() + b"\\n")  # whole, whoever else writes
"""


@dataclass
class Program:
    """A running Python program; `ends` waits for it and returns its exit code."""

    process: subprocess.Popen[str]
    started: float = field(default_factory=time.monotonic)
    errors: str = ""

    def says(self, word: str) -> None:
        """Wait until the program prints a word."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if line != word:
            self.process.kill()
            raise AssertionError(f"{line!r} instead of {word!r}: {self.process.communicate()[1]}")

    def ends(self, timeout: float = 120) -> int:
        """Wait for its end."""
        _, self.errors = self.process.communicate(timeout=timeout)
        return self.process.returncode


@dataclass
class Writing:
    """An endpoint, and the options that make a writer quick enough for tests."""

    endpoint: LogEndpoint
    document: dict[str, Any]
    delivery: dict[str, Any]

    def program(
        self, text: str, *, spool: object = None, prelude: str = PRELUDE, **delivery: Any
    ) -> Program:
        """Start a program; options of `Delivery` as keywords."""
        given = {
            "document": self.document,
            "delivery": {**self.delivery, **delivery},
            "spool": None if spool is None else str(spool),
        }
        command = [sys.executable, "-c", prelude + text, json.dumps(given)]
        environ = {
            **os.environ,
            "AWS_ENDPOINT_URL": self.endpoint.url,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        return Program(
            subprocess.Popen(
                command,
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )

    def app(self, session: Any = None, *, spool: Any = None, **delivery: Any) -> Bulkhead:
        """An application in this process; options of `Delivery` as keywords."""
        session = session or boto3.Session(aws_access_key_id=KEY, aws_secret_access_key="secret")
        return Bulkhead.from_config(
            self.document,
            session,
            endpoint_url=self.endpoint.url,
            delivery=Delivery(**{**self.delivery, **delivery}),
            spool=spool,
        )

    def arrived(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The records that arrived: those of calls, or the writer's own of a kind."""
        return [
            valid(record)
            for record in self.endpoint.messages(GROUP)
            if record.get("bulkhead.record.type") == kind
        ]

    def ids(self) -> Counter[str]:
        """How often each record arrived."""
        return Counter(record["bulkhead.record.id"] for record in self.arrived())


def once(first: int, last: int, tag: str = "r") -> Counter[str]:
    """Each of these records, once."""
    return Counter(f"{tag}{n}" for n in range(first, last))


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


def now() -> int:
    """The present, as timestamps have it."""
    return time.time_ns() // 1_000_000


def record(n: int) -> dict[str, Any]:
    """One record."""
    return {"bulkhead.record.id": f"r{n}", "n": n}


class Gate:
    """A transport that holds batches back until it is opened, then fails as told."""

    def __init__(self, remedy: Remedy = Remedy.RETRY) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()
        self.batches: list[list[dict[str, Any]]] = []
        self.failures: list[Exception] = []
        self.rejections: Rejections | None = None
        self._remedy = remedy

    def send(self, events: Sequence[Event]) -> Rejections | None:
        self.entered.set()
        assert self.open.wait(60)
        if self.failures:
            raise self.failures.pop(0)
        self.batches.append([json.loads(event.message) for event in events])
        return self.rejections

    def remedy(self, _: Exception) -> Remedy:
        return self._remedy

    def reset(self) -> None:
        self.batches = []

    def another(self) -> Gate:
        return self

    @property
    def sent(self) -> list[dict[str, Any]]:
        return [record for batch in self.batches for record in batch]

    def kind(self, kind: str) -> list[dict[str, Any]]:
        return [valid(each) for each in self.sent if each.get("bulkhead.record.type") == kind]

    @property
    def numbers(self) -> list[int]:
        return [record["n"] for record in self.sent if "n" in record]
