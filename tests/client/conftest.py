"""A very small cloud for the client: STS, CloudWatch Logs with its limits, Bedrock Converse.

It decides nothing: whoever signs is who the access key says. It remembers every request, so that a
test can say what was sent, by whom, and what was not. The walls are tested against the embedded
cloud, in test_client_over_http.py and in tests/security.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote

import boto3
import pytest
from support import client_lab
from support.client_lab import valid
from support.frames import frame

from bulkhead import Bulkhead, BulkheadConfig, ModelSession, Walls

CUSTOMER = "222222222222"
OTHER = "333333333333"
OPERATIONS = "111111111111"
REGION = "eu-central-1"
GROUP = "/bulkhead/acme/bedrock"
MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
PROFILE = f"arn:aws:bedrock:{REGION}:{OPERATIONS}:application-inference-profile/acmesonnet1"
EXTERNAL_ID = "external-id-3f1c9a7e5b"

_SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")


@dataclass
class Seen:
    """One request as it arrived."""

    service: str
    operation: str
    key: str
    region: str
    body: Any
    headers: dict[str, str]


class Fault(Exception):
    """An answer other than the usual one."""

    def __init__(
        self, status: int, code: str, message: str = "no", location: str | None = None
    ) -> None:
        super().__init__(code)
        self.status = status
        self.location = location
        self.code = code
        self.message = message


@dataclass
class TinyCloud:
    """State and behavior; `faults` holds, per operation, answers to give before the usual ones."""

    keys: dict[str, str] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    groups: dict[tuple[str, str, str], dict[str, list[dict[str, Any]]]] = field(
        default_factory=dict
    )
    rejected: dict[str, int] | None = None
    reply: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    stream_events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    delay: float = 0.0
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def requests(self, service: str, operation: str | None = None) -> list[Seen]:
        """What arrived for a service, or one operation of it."""
        return [
            each
            for each in self.seen
            if each.service == service and operation in (None, each.operation)
        ]

    def records(self, account: str = CUSTOMER, group: str = GROUP) -> list[dict[str, Any]]:
        """The records in a log group, oldest first."""
        streams = self.groups[(account, REGION, group)]
        events = [event for stream in streams.values() for event in stream]
        return [
            valid(json.loads(event["message"]))
            for event in sorted(events, key=lambda e: e["timestamp"])
        ]

    def new_key(self, account: str, prefix: str = "ASIA") -> str:
        """An access key id that belongs to an account."""
        with self.lock:
            key = f"{prefix}{len(self.keys):016d}"
            self.keys[key] = account
        return key

    def answer(self, seen: Seen) -> tuple[str, bytes]:
        """Answer one request: content type and body. Raises Fault."""
        waiting = self.faults.get(seen.operation)
        if waiting:
            raise waiting.pop(0)
        if seen.key not in self.keys:
            raise Fault(403, "InvalidClientTokenId")
        if self.delay:
            time.sleep(self.delay)
        method = getattr(self, f"_{seen.operation.lower()}", None)
        if method is None:
            raise Fault(400, "UnknownOperationException")
        answer: tuple[str, bytes] = method(seen)
        return answer

    def _assumerole(self, seen: Seen) -> tuple[str, bytes]:
        if seen.body["ExternalId"] != EXTERNAL_ID:
            raise Fault(403, "AccessDenied")
        arn = seen.body["RoleArn"]
        account = arn.split(":")[4]
        seconds = int(seen.body["DurationSeconds"])
        expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
        key = self.new_key(account)
        identity = seen.body.get("SourceIdentity")
        session = f"arn:aws:sts::{account}:assumed-role/{arn.rpartition('/')[2]}"
        return "text/xml", (
            "<AssumeRoleResponse><AssumeRoleResult>"
            f"<AssumedRoleUser><Arn>{session}/{seen.body['RoleSessionName']}</Arn>"
            "<AssumedRoleId>AROA:x</AssumedRoleId></AssumedRoleUser>"
            f"<Credentials><AccessKeyId>{key}</AccessKeyId>"
            "<SecretAccessKey>fleet-secret</SecretAccessKey><SessionToken>fleet-token</SessionToken>"
            f"<Expiration>{expires:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"
            + (f"<SourceIdentity>{identity}</SourceIdentity>" if identity else "")
            + "</AssumeRoleResult></AssumeRoleResponse>"
        ).encode()

    def _getcalleridentity(self, seen: Seen) -> tuple[str, bytes]:
        account = self.keys[seen.key]
        return "text/xml", (
            "<GetCallerIdentityResponse><GetCallerIdentityResult>"
            f"<Account>{account}</Account><UserId>U</UserId><Arn>arn:aws:iam::{account}:root</Arn>"
            "</GetCallerIdentityResult></GetCallerIdentityResponse>"
        ).encode()

    def _group(self, seen: Seen) -> dict[str, list[dict[str, Any]]]:
        key = (self.keys[seen.key], seen.region, seen.body["logGroupName"])
        if key not in self.groups:
            raise Fault(400, "ResourceNotFoundException")
        return self.groups[key]

    def _createlogstream(self, seen: Seen) -> tuple[str, bytes]:
        group = self._group(seen)
        if seen.body["logStreamName"] in group:
            raise Fault(400, "ResourceAlreadyExistsException")
        group[seen.body["logStreamName"]] = []
        return "application/x-amz-json-1.1", b"{}"

    def _putlogevents(self, seen: Seen) -> tuple[str, bytes]:
        group = self._group(seen)
        if seen.body["logStreamName"] not in group:
            raise Fault(400, "ResourceNotFoundException")
        events = seen.body["logEvents"]
        times = [event["timestamp"] for event in events]
        size = sum(len(event["message"].encode()) + 26 for event in events)
        if (
            size > 1_048_576
            or len(events) > 10_000
            or times != sorted(times)
            or times[-1] - times[0] >= 24 * 3600 * 1000
            or any("poison" in event["message"] for event in events)
        ):
            raise Fault(400, "InvalidParameterException")
        group[seen.body["logStreamName"]].extend(events)
        answer = {"rejectedLogEventsInfo": self.rejected} if self.rejected else {}
        return "application/x-amz-json-1.1", json.dumps(answer).encode()

    def _converse(self, _: Seen) -> tuple[str, bytes]:
        return "application/json", json.dumps(self.reply).encode()

    def _invoke(self, _: Seen) -> tuple[str, bytes]:
        return "application/json", json.dumps(self.answers["invoke"]).encode()

    def _conversestream(self, _: Seen) -> tuple[str, bytes]:
        frames = b"".join(frame(kind, payload) for kind, payload in self.stream_events)
        return "application/vnd.amazon.eventstream", frames


def _handler(cloud: TinyCloud) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen = self._read(raw)
            location = None
            with cloud.lock:
                cloud.seen.append(seen)
                number = len(cloud.seen)
            try:
                kind, body = cloud.answer(seen)
                status = 200
            except Fault as fault:
                kind, body, status = self._fault(seen, fault)
                location = fault.location
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("x-amzn-RequestId", f"request-{number}")
                if location:
                    self.send_header("Location", location)
                if status != 200 and kind == "application/json":
                    self.send_header("x-amzn-ErrorType", json.loads(body)["__type"])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True

        def _read(self, raw: bytes) -> Seen:
            headers = {name.lower(): value for name, value in self.headers.items()}
            scope = _SCOPE.search(headers.get("authorization", ""))
            key, region, service = scope.groups() if scope else ("", "", "")
            if service == "sts":
                body: Any = {name: value[0] for name, value in parse_qs(raw.decode()).items()}
                operation = body["Action"]
            elif service == "bedrock":
                body = json.loads(raw or b"{}")
                action = unquote(self.path).rpartition("/")[2]
                operation = {"converse": "Converse", "converse-stream": "ConverseStream"}.get(
                    action, action
                )
                body["modelId"] = unquote(self.path).removeprefix("/model/").rpartition("/")[0]
            else:
                body = json.loads(raw or b"{}")
                operation = headers.get("x-amz-target", "").rpartition(".")[2]
            return Seen(service, operation, key, region, body, headers)

        def _fault(self, seen: Seen, fault: Fault) -> tuple[str, bytes, int]:
            if seen.service == "sts":
                body = (
                    "<ErrorResponse><Error><Type>Sender</Type>"
                    f"<Code>{fault.code}</Code><Message>{fault.message}</Message></Error>"
                    "<RequestId>request-x</RequestId></ErrorResponse>"
                )
                return "text/xml", body.encode(), fault.status
            answer = json.dumps({"__type": fault.code, "message": fault.message})
            kind = "application/json" if seen.service == "bedrock" else "application/x-amz-json-1.1"
            return kind, answer.encode(), fault.status

        def log_message(self, *_: object) -> None:
            """Silent."""

    return Handler


@pytest.fixture(scope="session")
def started_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[client_lab.Lab]:
    """One embedded cloud for all tests of a process that need no cloud of their own."""
    yield from client_lab.start(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def lab(started_lab: client_lab.Lab) -> Iterator[client_lab.Lab]:
    """The embedded cloud, and an environment that names it; see `support.client_lab`."""
    with pytest.MonkeyPatch.context() as patch:
        client_lab.point_at(started_lab, patch)
        yield started_lab


@pytest.fixture(scope="module")
def app(lab: client_lab.Lab) -> Iterator[Bulkhead]:
    with lab.client() as app, pytest.MonkeyPatch.context() as patch:
        # Retries at once: how long to wait is botocore's matter.
        clock = SimpleNamespace(sleep=lambda _: None, time=time.time)
        patch.setattr("botocore.endpoint.time", clock)
        yield app


@pytest.fixture
def looked(lab: client_lab.Lab, app: Bulkhead) -> Iterator[None]:
    """Start each test with no fault waiting, and leave no record unseen."""
    lab.new(client_lab.GROUP)  # of other modules' tests
    lab.proxy.faults.clear()
    lab.proxy.calls.clear()
    yield
    left = lab.records(app)
    assert not left, "records nobody asked for"


@pytest.fixture
def impatient(app: Bulkhead) -> Iterator[None]:
    """Take a run for abandoned after a moment, not after ten seconds."""
    janitor = app.recorder._janitor
    usual, janitor._grace = janitor._grace, 0.2
    janitor._ring()
    yield
    janitor._grace = usual


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[TinyCloud]:
    """A running TinyCloud; the environment points at it and at nothing else."""
    tiny = TinyCloud()
    tiny.groups[(CUSTOMER, REGION, GROUP)] = {}
    tiny.groups[(OPERATIONS, REGION, GROUP)] = {}
    tiny.groups[(OTHER, REGION, GROUP)] = {}
    tiny.reply = {
        "output": {"message": {"role": "assistant", "content": [{"text": "a canary completion"}]}},
        "stopReason": "end_turn",
        "usage": {
            "inputTokens": 25,
            "outputTokens": 11,
            "totalTokens": 186,
            "cacheReadInputTokens": 100,
            "cacheWriteInputTokens": 50,
        },
        "metrics": {"latencyMs": 609},
    }
    tiny.stream_events = [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "a canary "}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "completion"}}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "end_turn"}),
        ("metadata", {"usage": tiny.reply["usage"], "metrics": {"latencyMs": 581}}),
    ]
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(tiny))
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    tiny.url = f"http://127.0.0.1:{server.server_address[1]}"
    for name in list(os.environ):
        if name.startswith(("AWS_", "LANGSMITH_", "LANGCHAIN_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", tiny.url)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield tiny
    server.shutdown()
    server.server_close()


@pytest.fixture
def session_of(cloud: TinyCloud) -> Any:
    """Make a boto3 session with a fresh access key of an account."""

    def make(account: str) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id=cloud.new_key(account, "AKIA"), aws_secret_access_key="caller-secret"
        )

    return make


@pytest.fixture
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A good configuration document; it names the address of the tiny cloud if there is one."""
    document = {
        "customer": "acme",
        "account_id": CUSTOMER,
        "app": "orders",
        "region": REGION,
        "fleet_role_arn": f"arn:aws:iam::{OPERATIONS}:role/bulkhead/fleet/bulkhead-acme",
        "external_id": EXTERNAL_ID,
        "log_group_name": GROUP,
        "log_group_arn": f"arn:aws:logs:{REGION}:{CUSTOMER}:log-group:{GROUP}",
        "inference_profiles": {MODEL: PROFILE},
    }
    if "cloud" in request.fixturenames:
        document["endpoint_url"] = request.getfixturevalue("cloud").url
    return document


@pytest.fixture
def fault() -> type[Fault]:
    """The exception with which the tiny cloud is told to fail: `fault(status, code, message)`."""
    return Fault


@pytest.fixture
def writing(document: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """CloudWatch Logs with its limits, and writers that are quick; see `support.writing`."""
    from support.writing import GROUP, Writing

    from harness.bench.log_endpoint import LogEndpoint

    for name in list(os.environ):
        if name.startswith(("AWS_", "LANGSMITH_", "LANGCHAIN_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    endpoint = LogEndpoint(groups={GROUP}, account=CUSTOMER).start()
    quick = {"linger": 0.05, "backoff": (0.01, 0.05), "exit_seconds": 60.0}
    document["endpoint_url"] = endpoint.url
    yield Writing(endpoint, document, quick)
    endpoint.stop()


@pytest.fixture
def session(cloud: Any, session_of: Any, document: Any) -> Callable[..., ModelSession]:
    """Make a model session that allows these names."""

    def make(*allow: str) -> ModelSession:
        config = BulkheadConfig.from_mapping(document)
        return ModelSession(config, session_of("222222222222"), walls=Walls(allow=allow))

    return make
