"""CloudWatch Logs with the limits that it really has, for the client's writer to be held against.

moto and LocalStack take batches that AWS refuses. This endpoint knows CreateLogStream and
PutLogEvents (and of STS GetCallerIdentity, which the client asks first, and AssumeRole) and refuses
as the API reference says; it can be told to fail in other ways. Nothing is authorized here: that is
what the embedded cloud is for.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html

`python -m harness.bench.log_endpoint [--delay MS] [--hang]` serves in a process of its own: it
prints its port, answers until standard input ends, and prints how many events it took.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

MAX_BYTES = 1_048_576
MAX_EVENTS = 10_000
MAX_EVENT_BYTES = 1_048_576
OVERHEAD = 26
HOUR = 3_600_000
DAY = 24 * HOUR

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_JSON = "application/x-amz-json-1.1"
_STS = frozenset({"AssumeRole", "GetCallerIdentity"})
_STREAM = re.compile(r"[^:*]{1,512}")


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived; `key` is the access key id that signed it."""

    operation: str
    body: Mapping[str, Any]
    key: str
    number: int


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer other than the usual one.

    status  0: none, the connection is closed
    after   the request is done nevertheless
    """

    status: int
    code: str = ""
    after: bool = False


class _Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class LogEndpoint:
    """The state, and what the endpoint is told to do.

    groups        the log groups that exist
    retention_ms  their retention
    fail          asked before every request; a Failure, or None for the usual answer
    hang          while set, no request but those to STS is answered
    delay         seconds before every answer
    accounts      access key ids and their accounts, for GetCallerIdentity; others get `account`
    keep          False: events are counted and forgotten
    """

    groups: set[str] = field(default_factory=set)
    retention_ms: int = 365 * DAY
    fail: Callable[[Request], Failure | None] | None = None
    hang: threading.Event = field(default_factory=threading.Event)
    delay: float = 0.0
    account: str = "222222222222"
    accounts: dict[str, str] = field(default_factory=dict)
    keep: bool = True
    streams: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    accepted: int = 0
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)

    def start(self) -> LogEndpoint:
        """Serve on a free port of this machine, in threads of this process."""
        server = _Server(("127.0.0.1", 0), _handler(self))
        self._server = server
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(
            target=lambda: server.serve_forever(poll_interval=0.02), daemon=True
        ).start()
        return self

    def stop(self) -> None:
        """Answer no more."""
        self._stopped.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def messages(self, group: str | None = None) -> list[dict[str, Any]]:
        """The accepted records, in the order of their time."""
        with self._lock:
            events = [
                event
                for (name, _), stream in self.streams.items()
                if group in (None, name)
                for event in stream
            ]
        return [json.loads(event["message"]) for event in sorted(events, key=_timestamp)]

    def answer(self, operation: str, raw: bytes, key: str) -> Failure | tuple[str, bytes]:
        """Do what a request asks; content type and body, or how it fails."""
        if operation == "GetCallerIdentity":
            return "text/xml", self._identity(key)
        if operation == "AssumeRole":
            return "text/xml", _session(raw)
        body = json.loads(raw)
        with self._lock:
            number = len(self.requests)
            self.requests.append((operation, key, len(body.get("logEvents", ()))))
        failure = self.fail(Request(operation, body, key, number)) if self.fail else None
        if failure is not None and not failure.after:
            return failure
        done = {}
        try:
            if operation == "CreateLogStream":
                self._create(body)
            elif operation == "PutLogEvents":
                done = self._put(body)
            else:
                raise _Refused("UnknownOperationException", operation)
        except _Refused as refused:
            self.refusals.append(f"{refused.code}: {refused}")
            return Failure(400, refused.code)
        return failure or (_JSON, json.dumps(done).encode())

    def wait(self) -> bool:
        """Before an answer; False: give none."""
        while self.hang.is_set() and not self._stopped.wait(0.01):
            pass
        if self.delay:
            time.sleep(self.delay)
        return not self._stopped.is_set()

    def _identity(self, key: str) -> bytes:
        account = self.accounts.get(key, self.account)
        return (
            "<GetCallerIdentityResponse><GetCallerIdentityResult>"
            f"<Account>{account}</Account><UserId>U</UserId>"
            f"<Arn>arn:aws:sts::{account}:assumed-role/caller/app</Arn>"
            "</GetCallerIdentityResult></GetCallerIdentityResponse>"
        ).encode()

    def _create(self, body: Mapping[str, Any]) -> None:
        group, stream = body["logGroupName"], body["logStreamName"]
        if group not in self.groups:
            raise _Refused("ResourceNotFoundException", "no such group")
        if not _STREAM.fullmatch(stream):
            raise _Refused("InvalidParameterException", "not a name of a stream")
        with self._lock:
            if (group, stream) in self.streams:
                raise _Refused("ResourceAlreadyExistsException", "there is such a stream")
            self.streams[group, stream] = []

    def _put(self, body: Mapping[str, Any]) -> dict[str, Any]:
        where = (body["logGroupName"], body["logStreamName"])
        if where not in self.streams:
            raise _Refused("ResourceNotFoundException", "no such stream")
        events = body["logEvents"]
        _check(events)
        rejected, first, last = self._rejected([event["timestamp"] for event in events])
        with self._lock:
            self.batches.append(len(events))
            self.accepted += max(0, last - first)
            if self.keep:
                self.streams[where].extend(events[first:last])
        return {"rejectedLogEventsInfo": rejected} if rejected else {}

    def _rejected(self, times: list[int]) -> tuple[dict[str, int], int, int]:
        """What is outside of the accepted range, and the bounds of what is inside."""
        now = time.time_ns() // 1_000_000
        expired = sum(1 for each in times if each < now - self.retention_ms)
        old = sum(1 for each in times if each < now - 14 * DAY)
        new = sum(1 for each in times if each > now + 2 * HOUR)
        found = {}
        if expired:
            found["expiredLogEventEndIndex"] = expired
        if old:
            found["tooOldLogEventEndIndex"] = old
        if new:
            found["tooNewLogEventStartIndex"] = len(times) - new
        return found, max(expired, old), len(times) - new


def _session(raw: bytes) -> bytes:
    asked = {name: value[0] for name, value in parse_qs(raw.decode()).items()}
    _, partition, _, _, account, role = asked["RoleArn"].split(":", 5)
    name = f"{role.rpartition('/')[2]}/{asked['RoleSessionName']}"
    expires = datetime.now(UTC) + timedelta(seconds=int(asked["DurationSeconds"]))
    return (
        "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser>"
        f"<Arn>arn:{partition}:sts::{account}:assumed-role/{name}</Arn>"
        "<AssumedRoleId>AROA:x</AssumedRoleId></AssumedRoleUser><Credentials>"
        "<AccessKeyId>ASIA0000000000000001</AccessKeyId>"
        "<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>"
        f"<Expiration>{expires:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"
        "</AssumeRoleResult></AssumeRoleResponse>"
    ).encode()


def _timestamp(event: Mapping[str, Any]) -> int:
    return int(event["timestamp"])


def _check(events: Any) -> None:
    """Raise unless CloudWatch Logs would take the batch."""

    def refuse(message: str) -> None:
        raise _Refused("InvalidParameterException", message)

    if not isinstance(events, list) or not 1 <= len(events) <= MAX_EVENTS:
        refuse("a batch is a list of 1 to 10,000 events")
    times, total = [], 0
    for event in events:
        if set(event) != {"timestamp", "message"}:
            refuse("an event has a timestamp and a message")
        timestamp, message = event["timestamp"], event["message"]
        if type(timestamp) is not int or timestamp < 0:
            refuse("a timestamp is a count of milliseconds")
        if not isinstance(message, str) or not message:
            refuse("a message is a text that is not empty")
        if "poison" in message:
            refuse("an event that is not acceptable")
        size = len(message) if message.isascii() else len(message.encode())
        if size > MAX_EVENT_BYTES:
            refuse("an event is larger than 1 MB")
        total += size + OVERHEAD
        times.append(timestamp)
    if total > MAX_BYTES:
        refuse("a batch is larger than 1,048,576 bytes")
    if any(later < earlier for earlier, later in itertools.pairwise(times)):
        refuse("a batch is not in the order of time")
    if times[-1] - times[0] > DAY:
        refuse("a batch spans more than 24 hours")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that went away is no error here."""


def _handler(endpoint: LogEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 65_536

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            signed = _CREDENTIAL.search(self.headers.get("Authorization", ""))
            target = self.headers.get("X-Amz-Target", "")
            operation = target.rpartition(".")[2] or parse_qs(raw.decode())["Action"][0]
            if signed is None:
                self._send(403, "MissingAuthenticationToken")
                return
            if operation not in _STS and not endpoint.wait():
                self.close_connection = True
                return
            answer = endpoint.answer(operation, raw, signed[1])
            if isinstance(answer, Failure):
                if not answer.status:
                    self.close_connection = True
                    return
                self._send(answer.status, answer.code)
            else:
                self._send(200, "", *answer)

        def _send(self, status: int, code: str, kind: str = _JSON, body: bytes = b"") -> None:
            if code:
                body = json.dumps({"__type": code, "message": "no"}).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("x-amzn-RequestId", "request")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Silent."""

    return Handler


def main(arguments: Iterable[str]) -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0, help="milliseconds before an answer")
    parser.add_argument("--hang", action="store_true", help="answer STS alone")
    parser.add_argument("--group", default="/bench")
    given = parser.parse_args(list(arguments))
    endpoint = LogEndpoint(groups={given.group}, delay=given.delay / 1000, keep=False)
    if given.hang:
        endpoint.hang.set()
    endpoint.start()
    print(endpoint.url, flush=True)
    sys.stdin.read()
    print(json.dumps({"accepted": endpoint.accepted, "refusals": endpoint.refusals[:5]}))


if __name__ == "__main__":
    main(sys.argv[1:])
