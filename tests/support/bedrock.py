"""A Bedrock whose log deliveries go to a fake service role, and a way to call it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.cloud.bedrock import Bedrock
from harness.cloud.call import Answer, ApiError, Call, Caller, EventStream

ACCOUNT = "111111111111"
REGION = "eu-central-1"
RUNTIME = frozenset(
    {
        *("ApplyGuardrail", "Converse", "ConverseStream", "CountTokens", "InvokeModel"),
        *("GetAsyncInvoke", "ListAsyncInvokes", "StartAsyncInvoke"),
        *("CancelResponse", "CreateResponse", "DeleteResponse", "GetResponse"),
        "ListResponseInputItems",
    }
)


@dataclass
class FakeServiceRole:
    """CloudWatch Logs behind a role: groups that exist, streams made, messages written."""

    groups: set[str] = field(default_factory=set)
    streams: set[tuple[str, str]] = field(default_factory=set)
    written: list[tuple[str, str]] = field(default_factory=list)
    calls: list[Mapping[str, Any]] = field(default_factory=list)
    refuse: frozenset[str] = frozenset()
    """Operations that the role may not use."""
    buckets: set[str] = field(default_factory=set)
    """Buckets that let Bedrock write."""
    objects: dict[str, bytes] = field(default_factory=dict)
    """What was written, by `bucket/key`."""

    def put_object(self, *, bucket: str, key: str, body: bytes, **asked: Any) -> None:
        assert asked["service_principal"] == "bedrock.amazonaws.com"
        if bucket not in self.buckets:
            raise ApiError("AccessDenied", "Access Denied", 403)
        self.objects[f"{bucket}/{key}"] = body

    def call(self, **asked: Any) -> Mapping[str, Any]:
        self.calls.append(asked)
        operation, params = asked["operation"], asked["params"]
        if operation in self.refuse:
            raise ApiError("AccessDeniedException", f"not authorized to perform: {operation}", 403)
        stream = (params["logGroupName"], params["logStreamName"])
        if operation == "CreateLogStream":
            if stream[0] not in self.groups:
                raise ApiError("ResourceNotFoundException", "The log group does not exist.", 400)
            if stream in self.streams:
                raise ApiError("ResourceAlreadyExistsException", "It exists.", 400)
            self.streams.add(stream)
            return {}
        if stream not in self.streams:
            raise ApiError("ResourceNotFoundException", "The log stream does not exist.", 400)
        self.written += [(stream[0], event["message"]) for event in params["logEvents"]]
        return {"nextSequenceToken": "1"}

    @property
    def records(self) -> list[dict[str, Any]]:
        """The invocation records, without the line that Put writes."""
        return [json.loads(message) for _, message in self.written if message.startswith("{")]


@dataclass
class Player:
    """Calls Bedrock as some account in some region and returns the members."""

    bedrock: Bedrock
    role: FakeServiceRole

    def make(self, operation: str, params: Mapping[str, Any], account: str, region: str) -> Call:
        arn = f"arn:aws:sts::{account}:assumed-role/bulkhead-acme/t-222222222222-app"
        caller = Caller("role-session", account, arn, f"arn:aws:iam::{account}:role/x", "AROA1:s")
        service = "bedrock-runtime" if operation in RUNTIME else "bedrock"
        return Call(service, operation, region, params, caller, request_id="request-1")

    def __call__(
        self, operation: str, *, account: str = ACCOUNT, region: str = REGION, **params: Any
    ) -> Any:
        answer = self.bedrock.answer(self.make(operation, params, account, region))
        if isinstance(answer, EventStream):
            return list(answer.events)
        assert isinstance(answer, Answer)
        return answer.members

    def fails(self, operation: str, **params: Any) -> ApiError:
        with pytest.raises(ApiError) as caught:
            self(operation, **params)
        return caught.value

    def aip(self, name: str = "acme nova", source: str | None = None, **more: Any) -> str:
        source = source or f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0"
        made = self(
            "CreateInferenceProfile",
            inferenceProfileName=name,
            modelSource={"copyFrom": source},
            **more,
        )
        return str(made["inferenceProfileArn"])
