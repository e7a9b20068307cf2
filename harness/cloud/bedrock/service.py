"""`Bedrock`, the native service behind the gateway for `bedrock` and `bedrock-runtime`.

Everything is per account and region. Authorization has passed when `answer` is called.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationNotFoundError, ServiceModel
from botocore.validate import ParamValidator

from harness.cloud.bedrock import converse
from harness.cloud.bedrock.control import Control
from harness.cloud.bedrock.errors import invalid
from harness.cloud.bedrock.invocation_log import Clock, Exchange, InvocationLog
from harness.cloud.bedrock.models import parse_profile_arn
from harness.cloud.bedrock.profiles import ProfileStore, system_profile_named
from harness.cloud.bedrock.resolve import Target, resolve
from harness.cloud.bedrock.settings import BedrockSettings
from harness.cloud.call import Answer, ApiError, Call, EventStream, ServiceRole

_SERVICES: Final = frozenset({"bedrock", "bedrock-runtime"})
_QUOTED_VALUE: Final = re.compile(r", value: .*?(?=, (?:type|valid))", re.DOTALL)
_NOT_IN_BODY: Final = frozenset({"modelId", "requestMetadata"})


def _now() -> datetime:
    return datetime.now(UTC)


class Bedrock:
    """Bedrock of every account and region of one embedded cloud. Thread-safe.

    `service_role` delivers invocation logs; `clock` returns aware datetimes; `settings` are kept
    here for `needs_bedrock`, so that one object decides for a cloud.
    """

    def __init__(
        self,
        service_role: ServiceRole,
        *,
        clock: Clock = _now,
        settings: BedrockSettings | None = None,
    ) -> None:
        self.settings: Final = settings or BedrockSettings()
        self._store = ProfileStore()
        self._log = InvocationLog(service_role, clock)
        self._control = Control(self._store, self._log, clock)

    def handles(self, service: str, operation: str) -> bool:
        """All of both services, built or not, so that nothing falls through to the inner app."""
        del operation
        return service in _SERVICES

    def answer(self, call: Call) -> Answer | EventStream:
        """The answer to an authorized call.

        Raises `ApiError`: what AWS answers for the request, and UnknownOperationException for
        operations that the embedded cloud does not play.
        """
        if call.service == "bedrock-runtime":
            if call.operation in ("Converse", "ConverseStream"):
                return self._converse(call)
        elif call.operation in self._control.operations:
            _validate(call)
            return Answer(self._control.operations[call.operation](call))
        raise ApiError(
            "UnknownOperationException",
            f"The embedded cloud does not play {call.service} {call.operation}.",
            400,
        )

    def profile(
        self, account: str, region: str, identifier: str
    ) -> tuple[str, tuple[str, ...]] | None:
        """From an id or ARN of an inference profile, application or system, to (its ARN, the ARNs
        of the models behind it), as `account` sees it in `region`; `None`: no such profile.
        """
        place = (account, region)
        found = self._store.find(place, identifier)
        if found is not None:
            return found.arn, found.models
        system = system_profile_named(place, identifier)
        return (system.arn(region, account), system.model_arns) if system is not None else None

    def resource_tags(self, arn: str) -> Mapping[str, str] | None:
        """The tags of an AIP, for `aws:ResourceTag`; `None`: not an AIP or not there."""
        parsed = parse_profile_arn(arn)
        if parsed is None or not parsed.application:
            return None
        found = self._store.find((parsed.account, parsed.region), arn)
        return None if found is None else self._store.tags(found)

    def inference_region(
        self, account: str, region: str, model: str, request_id: str
    ) -> str | None:
        """Where cross-Region inference ran a call; `None`: in `region` itself, or not told."""
        try:
            target = resolve(self._store, (account, region), model)
        except ApiError:
            return None
        return _inference_region(target, region, request_id)

    def _converse(self, call: Call) -> Answer | EventStream:
        body = {key: value for key, value in call.params.items() if key not in _NOT_IN_BODY}
        try:
            _validate(call)
            target = resolve(self._store, (call.account, call.region), call.params["modelId"])
            reply = converse.reply(target.model, call.params)
        except ApiError as error:
            self._log.record(call, Exchange(body, error_code=error.code))
            raise
        exchange = Exchange(
            request=body,
            response=reply.members(),
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            inference_region=_inference_region(target, call.region, call.request_id),
        )
        if call.operation == "Converse":
            self._log.record(call, exchange)
            return Answer(reply.members())
        return EventStream(self._stream(call, reply, exchange))

    def _stream(self, call: Call, reply: converse.Reply, exchange: Exchange) -> Iterator[Any]:
        """The events; the record is written when they end or when nobody reads on."""

        def events() -> Iterator[converse.Event]:
            try:
                yield from reply.events()
            finally:
                self._log.record(call, exchange)

        started = events()
        # A generator that never started would not run its `finally`: take the first event now.
        return chain((next(started),), started)


def _inference_region(target: Target, calling: str, request_id: str) -> str | None:
    """Where a cross-region profile sent the call: picked by the request, `None` if not elsewhere.

    AWS routes by load; here the same request id always goes the same way.
    """
    if len(target.regions) <= 1:
        return None
    picked = hashlib.sha256(request_id.encode()).digest()[0] % len(target.regions)
    region = target.regions[picked]
    return None if region == calling else region


@functools.cache
def _model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


def _validate(call: Call) -> None:
    """Checks types and required members against the service's own model."""
    try:
        shape = _model(call.service).operation_model(call.operation).input_shape
    except (OperationNotFoundError, UnknownServiceError):
        return
    if shape is None:
        return
    report = ParamValidator().validate(dict(call.params), shape)
    if report.has_errors():
        # botocore quotes the offending value, which may be a prompt: leave it out.
        said = _QUOTED_VALUE.sub("", str(report.generate_report()))
        raise invalid(f"1 validation error detected: {said}")
