"""Model invocation logging: the configuration per account and region, and the records.

Once a configuration is put, every runtime call there is written to the account's own log group,
prompt and answer included, by the Bedrock service through the role that the configuration names.
This is the leak that the product must keep switched off in the operations account, so it is real
here: the role's trust and permissions are decided as for any caller.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from harness.cloud.bedrock.errors import invalid
from harness.cloud.bedrock.profiles import Place
from harness.cloud.call import ApiError, Call, ServiceRole

_PRINCIPAL: Final = "bedrock.amazonaws.com"
_STREAM: Final = "aws/bedrock/modelinvocations"
_GREETING: Final = "Permissions are correctly set for Amazon Bedrock logs."
_INLINE_BODY_BYTES: Final = 100 * 1024
_ROLE_ARN: Final = re.compile(r"arn:aws:iam::([0-9]{12}):role/.+")
_FLAGS: Final = tuple(
    f"{medium}DataDeliveryEnabled" for medium in ("text", "image", "embedding", "video", "audio")
)
_LOG = logging.getLogger(__name__)

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one finished runtime call asked and got."""

    request: Mapping[str, Any]
    """The members of the request body."""
    response: Mapping[str, Any] | None = None
    """The members of the answer; a stream is logged as the answer it adds up to."""
    input_tokens: int = 0
    output_tokens: int = 0
    inference_region: str | None = None
    error_code: str | None = None
    embedding: bool = False
    """Whether the answer is embeddings."""


class InvocationLog:
    """The logging configurations of all accounts and regions. Thread-safe."""

    def __init__(self, service_role: ServiceRole, clock: Clock) -> None:
        self._service_role = service_role
        self._clock = clock
        self._lock = threading.Lock()
        self._configurations: dict[Place, dict[str, Any]] = {}

    def put(self, place: Place, config: Mapping[str, Any]) -> None:
        """Switches logging on, after writing a first line to prove that the role can.

        Raises `ApiError`: ValidationException for a configuration that cannot deliver,
        AccessDeniedException for a role of another account.
        """
        account, _ = place
        destination: Mapping[str, Any] | None = config.get("cloudWatchConfig")
        if config.get("s3Config") or (destination or {}).get("largeDataDeliveryS3Config"):
            raise invalid("Delivery to Amazon S3 is not available in the embedded cloud.")
        if not destination:
            raise invalid("At least one logging destination must be specified.")
        role = _ROLE_ARN.fullmatch(destination.get("roleArn") or "")
        if role is None:
            raise invalid("The roleArn in cloudWatchConfig is not the ARN of a role.")
        if role[1] != account:
            raise ApiError("AccessDeniedException", "Cross-account pass role is not allowed.", 403)
        kept = {
            "cloudWatchConfig": {
                "logGroupName": destination["logGroupName"],
                "roleArn": destination["roleArn"],
            },
            **{flag: config.get(flag) is not False for flag in _FLAGS},
        }
        try:
            self._open_stream(place, kept)
            self._deliver(place, kept, _GREETING)
        except ApiError:
            raise invalid(
                f"Failed to validate permissions for log group: {destination['logGroupName']}, "
                f"with role: {destination['roleArn']}. Verify the IAM role permissions are correct."
            ) from None
        with self._lock:
            self._configurations[place] = kept

    def get(self, place: Place) -> dict[str, Any] | None:
        """The configuration, in the members of the API; `None` when logging is off."""
        with self._lock:
            kept = self._configurations.get(place)
        return None if kept is None else {**kept, "cloudWatchConfig": {**kept["cloudWatchConfig"]}}

    def delete(self, place: Place) -> None:
        with self._lock:
            self._configurations.pop(place, None)

    def record(self, call: Call, exchange: Exchange) -> None:
        """Writes the record of one call where logging is on. Never fails the call."""
        place = (call.account, call.region)
        kept = self.get(place)
        if kept is None:
            return
        record = self._record(call, exchange, with_bodies=bool(kept["textDataDeliveryEnabled"]))
        try:
            self._deliver(place, kept, json.dumps(record, ensure_ascii=False))
        except ApiError as error:
            # The code only: the message may name resources, the record holds a prompt.
            _LOG.warning("invocation log of %s in %s was not delivered: %s", *place, error.code)

    def _record(self, call: Call, exchange: Exchange, *, with_bodies: bool) -> dict[str, Any]:
        record: dict[str, Any] = {
            "schemaType": "ModelInvocationLog",
            "schemaVersion": "1.0",
            "timestamp": self._clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "accountId": call.account,
            "identity": {"arn": call.caller.arn},
            "region": call.region,
            "requestId": call.request_id,
            "operation": call.operation,
            "modelId": call.params.get("modelId", ""),
        }
        if exchange.error_code is not None:
            # AWS leaves both sides empty when the call failed.
            record |= {"errorCode": exchange.error_code, "input": {}, "output": {}}
        else:
            record["input"] = _side("input", exchange.request, exchange.input_tokens, with_bodies)
            record["output"] = _side(
                "output", exchange.response or {}, exchange.output_tokens, with_bodies
            )
        if exchange.inference_region is not None:
            record["inferenceRegion"] = exchange.inference_region
        if call.params.get("requestMetadata"):
            record["requestMetadata"] = dict(call.params["requestMetadata"])
        return record

    def _deliver(self, place: Place, kept: Mapping[str, Any], message: str) -> None:
        event = {"timestamp": int(self._clock().timestamp() * 1000), "message": message}
        stream = {
            "logGroupName": kept["cloudWatchConfig"]["logGroupName"],
            "logStreamName": _STREAM,
        }
        put = {**stream, "logEvents": [event]}
        try:
            self._logs(place, kept, "PutLogEvents", put)
        except ApiError as error:
            if error.code != "ResourceNotFoundException":
                raise
            # Somebody deleted the stream; a group that is gone fails again here.
            self._open_stream(place, kept)
            self._logs(place, kept, "PutLogEvents", put)

    def _open_stream(self, place: Place, kept: Mapping[str, Any]) -> None:
        stream = {
            "logGroupName": kept["cloudWatchConfig"]["logGroupName"],
            "logStreamName": _STREAM,
        }
        try:
            self._logs(place, kept, "CreateLogStream", stream)
        except ApiError as error:
            if error.code != "ResourceAlreadyExistsException":
                raise

    def _logs(
        self, place: Place, kept: Mapping[str, Any], operation: str, params: Mapping[str, Any]
    ) -> None:
        account, region = place
        self._service_role.call(
            role_arn=kept["cloudWatchConfig"]["roleArn"],
            service_principal=_PRINCIPAL,
            source_account=account,
            source_arn=f"arn:aws:bedrock:{region}:{account}:*",
            service="logs",
            operation=operation,
            region=region,
            params=params,
        )


def _side(side: str, body: Mapping[str, Any], count: int, with_body: bool) -> dict[str, Any]:
    written: dict[str, Any] = {f"{side}ContentType": "application/json"}
    if with_body:
        content = _without_bytes(body)
        # Larger bodies go to the S3 location for large data; without one they are not delivered.
        if len(json.dumps(content).encode()) <= _INLINE_BODY_BYTES:
            written[f"{side}BodyJson"] = content
    written[f"{side}TokenCount"] = count
    return written


def _without_bytes(value: Any) -> Any:
    """Images and documents go to S3 only, so their bytes are left out here."""
    if isinstance(value, Mapping):
        return {
            key: _without_bytes(part) for key, part in value.items() if not isinstance(part, bytes)
        }
    if isinstance(value, (list, tuple)):
        return [_without_bytes(part) for part in value]
    return value
