"""Asynchronous calls of models whose output goes to S3, such as videos.

The output is written with the rights of the caller, who needs `s3:PutObject` there; the bucket may
be another account's. The work is done at once, and the call is Completed when it is first read.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_StartAsyncInvoke.html
https://docs.aws.amazon.com/nova/latest/userguide/video-gen-access.html
"""

from __future__ import annotations

import functools
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from harness.cloud.bedrock import writer
from harness.cloud.bedrock.errors import conflict, invalid, not_found
from harness.cloud.bedrock.models import FoundationModel
from harness.cloud.bedrock.pages import page
from harness.cloud.bedrock.places import Place, parse_place
from harness.cloud.bedrock.tags import Tags, checked_tags
from harness.cloud.call import ApiError, Call, ServiceRole

_VIDEO_HEAD: Final = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
Members = dict[str, Any]
Clock = Callable[[], datetime]
Resolve = Callable[[tuple[str, str], str], FoundationModel]


@dataclass(frozen=True, slots=True)
class _Invocation:
    arn: str
    asked: Mapping[str, Any]
    model_arn: str
    submitted: datetime
    ended: datetime

    def members(self) -> Members:
        members: Members = {
            "invocationArn": self.arn,
            "modelArn": self.model_arn,
            "status": "Completed",
            "submitTime": self.submitted,
            "lastModifiedTime": self.ended,
            "endTime": self.ended,
            "outputDataConfig": {"s3OutputDataConfig": self.asked["outputDataConfig"]},
        }
        if self.asked.get("clientRequestToken"):
            members["clientRequestToken"] = self.asked["clientRequestToken"]
        return members


class AsyncInvokes:
    """The asynchronous calls of all accounts and regions. Thread-safe."""

    def __init__(
        self, service_role: ServiceRole, resolve: Resolve, tags: Tags, clock: Clock
    ) -> None:
        self._service_role = service_role
        self._resolve = resolve
        self._tags = tags
        self._clock = clock
        self._lock = threading.Lock()
        self._invocations: dict[str, _Invocation] = {}
        self._tokens: dict[tuple[str, str, str], str] = {}
        self.operations: Final[Mapping[str, Callable[[Call], Members]]] = {
            "StartAsyncInvoke": self._start,
            "GetAsyncInvoke": self._get,
            "ListAsyncInvokes": self._list,
        }

    def _start(self, call: Call) -> Members:
        params, where = call.params, (call.account, call.region)
        config = params["outputDataConfig"].get("s3OutputDataConfig")
        if not config:
            raise invalid("The outputDataConfig needs an s3OutputDataConfig.")
        owner, key = config.get("bucketOwner"), config.get("kmsKeyId")
        place = parse_place(config["s3Uri"], owner, key)
        tags = checked_tags(params.get("tags") or ())
        model = self._resolve(where, params["modelId"])
        if not model.asynchronous:
            raise invalid("The model does not support asynchronous invocation.")
        prompt = _prompt(params["modelInput"])
        asked = {**params, "outputDataConfig": config}
        token = (*where, str(params.get("clientRequestToken") or secrets.token_hex()))
        with self._lock:
            earlier = self._invocations.get(self._tokens.get(token, ""))
        if earlier is not None:
            if earlier.asked != asked:
                raise conflict("The client request token was used before with other parameters.")
            return {"invocationArn": earlier.arn}
        submitted = self._clock()
        identifier = secrets.token_hex(6)
        self._deliver(call, model, prompt, place.under(identifier))
        arn = f"arn:aws:bedrock:{call.region}:{call.account}:async-invoke/{identifier}"
        with self._lock:
            self._invocations[arn] = _Invocation(
                arn, asked, model.arn(call.region), submitted, self._clock()
            )
            self._tokens[token] = arn
        self._tags.set(arn, tags)
        return {"invocationArn": arn}

    def _deliver(self, call: Call, model: FoundationModel, prompt: str, place: Place) -> None:
        """Writes what Nova Reel writes. Raises `ApiError`: the caller may not write there."""
        use = functools.partial(self._service_role.forward, call, "s3", call.region)
        asked = [{"role": "user", "content": [{"text": prompt}]}]
        shown = writer.write_text(writer.digest(model.id, prompt), asked)
        status = {"schemaVersion": "1.0", "status": "SUCCESS"}
        try:
            place.under("output.mp4").write(use, _VIDEO_HEAD + shown.encode())
            place.under("video-generation-status.json").write(use, json.dumps(status).encode())
        except ApiError as error:
            if error.code not in ("AccessDenied", "AccessDeniedException"):
                raise invalid("Invalid Output Config/Credentials") from None
            raise ApiError("AccessDeniedException", error.message, 403) from None

    def _get(self, call: Call) -> Members:
        arn = str(call.params["invocationArn"])
        own = f"arn:aws:bedrock:{call.region}:{call.account}:async-invoke/"
        with self._lock:
            found = self._invocations.get(arn) if arn.startswith(own) else None
        if found is None:
            raise not_found("The invocation was not found.")
        return found.members()

    def _list(self, call: Call) -> Members:
        own = f"arn:aws:bedrock:{call.region}:{call.account}:"
        with self._lock:
            mine = [one for arn, one in self._invocations.items() if arn.startswith(own)]
        found = [
            (f"{one.submitted.isoformat()} {one.arn}", one.members())
            for one in mine
            if _wanted(call.params, one)
        ]
        newest_first = call.params.get("sortOrder") != "Ascending"
        listed, token = page(call.params, found, descending=newest_first)
        members: Members = {"asyncInvokeSummaries": listed}
        return members if token is None else {**members, "nextToken": token}


def _prompt(body: Any) -> str:
    """https://docs.aws.amazon.com/nova/latest/userguide/video-gen-code-examples.html"""
    text = None
    if isinstance(body, Mapping) and body.get("taskType") == "TEXT_VIDEO":
        text = (body.get("textToVideoParams") or {}).get("text")
    if not isinstance(text, str) or not text:
        raise invalid("The modelInput needs the taskType TEXT_VIDEO and textToVideoParams.text.")
    return text


def _wanted(params: Mapping[str, Any], one: _Invocation) -> bool:
    after, before = params.get("submitTimeAfter"), params.get("submitTimeBefore")
    return (
        params.get("statusEquals") in (None, "Completed")
        and (after is None or one.submitted > _aware(after, one.submitted))
        and (before is None or one.submitted < _aware(before, one.submitted))
    )


def _aware(moment: datetime, like: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=like.tzinfo)
