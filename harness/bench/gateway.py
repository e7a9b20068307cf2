"""Times single requests in this process: through the gateway, and past it."""

from __future__ import annotations

import io
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from harness.cloud.call import EventStream
from harness.cloud.cloud import Cloud
from harness.cloud.gateway import _call
from harness.cloud.http_request import read_request
from harness.cloud.keyring import Credential
from harness.cloud.plan import CloudPlan
from harness.cloud.service_role import _environ, _Headers, _Raw
from harness.cloud.sigv4 import read_signature
from harness.cloud.wire import read_operation

OPERATIONS, CUSTOMER = "111111111111", "222222222222"
REGION = "eu-central-1"
MODEL = "amazon.nova-lite-v1:0"


@dataclass(frozen=True, slots=True)
class Cost:
    """Median seconds of one operation. `grown` is the gateway's with many customers."""

    operation: str
    bare: float
    gateway: float
    grown: float

    @property
    def ratio(self) -> float:
        return self.gateway / self.bare

    @property
    def growth(self) -> float:
        return self.grown / self.gateway


@dataclass(frozen=True, slots=True)
class _Subject:
    name: str
    through: Callable[[], None]
    past: Callable[[], None]


class Bench:
    """A cloud with `few` customers that grows to `many`."""

    def __init__(self, few: int, many: int) -> None:
        self._few, self._many = few, many
        self._cloud = Cloud(CloudPlan((OPERATIONS, CUSTOMER), ()))
        self._made = 0
        self._session = botocore.session.Session(session_vars={"profile": (None,) * 4})
        self._captured: dict[str, Any] | None = None
        self._empty_stream: Callable[[], None] = lambda: None

    def run(self, rounds: int) -> list[Cost]:
        """Times each operation `rounds` times each way, taking turns."""
        self._customers(self._few)
        subjects = self._subjects()
        first = [(s, *self._times(s, rounds)) for s in subjects]
        self._customers(self._many)
        self._empty_stream()  # it has grown as well, which is not what is asked
        return [
            Cost(subject.name, bare, gateway, self._times(subject, rounds)[1])
            for subject, bare, gateway in first
        ]

    @staticmethod
    def _times(subject: _Subject, rounds: int) -> tuple[float, float]:
        past: list[float] = []
        through: list[float] = []
        for _ in range(rounds + 2):  # the first two fill caches
            for run, taken in ((subject.past, past), (subject.through, through)):
                started = time.perf_counter()
                run()
                taken.append(time.perf_counter() - started)
        return statistics.median(past[2:]), statistics.median(through[2:])

    def _customers(self, count: int) -> None:
        """Fleet roles, put straight into the inner app: they are many."""
        iam = self._cloud._estate.iam(OPERATIONS)
        assert iam is not None
        while self._made < count:
            name = f"bulkhead-customer-{self._made}"
            statement = {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{CUSTOMER}:root"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": f"{self._made:032}"}},
            }
            allowed = {
                "Effect": "Allow",
                "Action": ["bedrock:InvokeModel", "logs:PutLogEvents"],
                "Resource": "*",
            }
            iam.create_role(name, _document(statement), "/", None, "", {}, "3600")
            iam.put_role_policy(name, "invoke", _document(allowed))
            self._made += 1

    def _subjects(self) -> list[_Subject]:
        iam, logs, runtime, s3 = (
            self._client(service) for service in ("iam", "logs", "bedrock-runtime", "s3")
        )
        customer = self._client("sts", CUSTOMER)
        logs.create_log_group(logGroupName="/bench")
        logs.create_log_stream(logGroupName="/bench", logStreamName="s")
        s3.create_bucket(Bucket="bench", CreateBucketConfiguration={"LocationConstraint": REGION})
        role = f"arn:aws:iam::{OPERATIONS}:role/bulkhead-customer-3"
        event = {"timestamp": int(time.time() * 1000), "message": "{}"}
        self._empty_stream = lambda: _empty(logs)
        calls: dict[str, Callable[[], object]] = {
            "sts AssumeRole": lambda: customer.assume_role(
                RoleArn=role, RoleSessionName="bench", ExternalId=f"{3:032}"
            ),
            "iam GetRole": lambda: iam.get_role(RoleName="bulkhead-customer-3"),
            "logs PutLogEvents": lambda: logs.put_log_events(
                logGroupName="/bench", logStreamName="s", logEvents=[event]
            ),
            "bedrock Converse": lambda: runtime.converse(
                modelId=MODEL, messages=[{"role": "user", "content": [{"text": "ping"}]}]
            ),
            "s3 PutObject": lambda: s3.put_object(Bucket="bench", Key="k", Body=b"x" * 1000),
        }
        return [self._subject(name, call) for name, call in calls.items()]

    def _subject(self, name: str, call: Callable[[], object]) -> _Subject:
        call()
        environ = self._captured
        assert environ is not None
        body = environ["wsgi.input"].getvalue()
        gateway = self._cloud.gateway

        def fresh() -> dict[str, Any]:
            return {**environ, "wsgi.input": io.BytesIO(body)}

        def through() -> None:
            response = gateway.respond(fresh())
            b"".join(response.body)
            assert response.status < 300, f"{name}: {response.status}"

        request = read_request(fresh())
        signature = read_signature(request)
        credential = self._cloud.keys.get(signature.access_key_id)
        assert credential is not None
        operation = read_operation(request, signature.service)
        asked = _call(request, operation, signature.region, credential.caller, "bench")
        parts = gateway._parts
        native = (parts.sts, *parts.native)
        service = next((s for s in native if s.handles(asked.service, asked.operation)), None)

        def past() -> None:
            answer = service.answer(asked) if service is not None else None
            if isinstance(answer, EventStream):
                list(answer.events)
            elif answer is None:
                found = parts.inner.handle(operation, asked, OPERATIONS)
                assert found.status < 300, f"{name}: {found.status}"

        return _Subject(name, through, past)

    def _client(self, service: str, account: str = OPERATIONS) -> Any:
        credential: Credential = self._cloud._profiles[account]
        client = self._session.create_client(
            service,
            region_name=REGION,
            endpoint_url="http://gateway.invalid",
            aws_access_key_id=credential.access_key_id,
            aws_secret_access_key=credential.secret,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )
        client.meta.events.register(f"before-send.{service}", cast("Any", self._send))
        return client

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        environ = _environ(request)
        self._captured = dict(environ)
        response = self._cloud.gateway.respond(environ)
        headers: Any = _Headers(response.headers)
        return AWSResponse(request.url, response.status, headers, _Raw(b"".join(response.body)))


def _empty(logs: Any) -> None:
    logs.delete_log_stream(logGroupName="/bench", logStreamName="s")
    logs.create_log_stream(logGroupName="/bench", logStreamName="s")


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
