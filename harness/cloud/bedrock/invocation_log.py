"""Model invocation logging: the configuration per account and region, and the records.

Once a configuration is put, every runtime call there is written to the account's own log group,
prompt and answer included, by the Bedrock service through the role that the configuration names.
This is the leak that the product must keep switched off in the operations account, so it is real
here: the role's trust and permissions are decided as for any caller.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
"""

from __future__ import annotations

import copy
import gzip
import json
import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from harness.cloud.bedrock import media
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
_TRIAL: Final = "amazon-bedrock-logs-permission-check"
Members = dict[str, Any]
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
        kept: dict[str, Any] = {flag: config.get(flag) is not False for flag in _FLAGS}
        group, bucket = config.get("cloudWatchConfig"), config.get("s3Config")
        if not group and not bucket:
            raise invalid("At least one logging destination must be specified.")
        if group:
            kept["cloudWatchConfig"] = self._checked_group(place, group, kept)
        if bucket:
            kept["s3Config"] = self._checked_bucket(place, bucket)
        with self._lock:
            self._configurations[place] = kept

    def _checked_group(
        self, place: Place, given: Mapping[str, Any], kept: Mapping[str, Any]
    ) -> dict[str, Any]:
        account, _ = place
        role = _ROLE_ARN.fullmatch(given.get("roleArn") or "")
        if role is None:
            raise invalid("The roleArn in cloudWatchConfig is not the ARN of a role.")
        if role[1] != account:
            raise ApiError("AccessDeniedException", "Cross-account pass role is not allowed.", 403)
        group = {"logGroupName": given["logGroupName"], "roleArn": given["roleArn"]}
        try:
            whole = {**kept, "cloudWatchConfig": group}
            self._open_stream(place, whole)
            self._deliver(place, whole, _GREETING)
        except ApiError:
            raise invalid(
                f"Failed to validate permissions for log group: {given['logGroupName']}, "
                f"with role: {given['roleArn']}. Verify the IAM role permissions are correct."
            ) from None
        large = given.get("largeDataDeliveryS3Config")
        if large:
            group["largeDataDeliveryS3Config"] = self._checked_bucket(place, large)
        return group

    def _checked_bucket(self, place: Place, given: Mapping[str, Any]) -> dict[str, Any]:
        """A bucket that takes what Bedrock writes, which is tried."""
        bucket = {name: given[name] for name in ("bucketName", "keyPrefix") if given.get(name)}
        try:
            self._store(place, bucket, _TRIAL, b"")
        except ApiError:
            raise invalid(
                f"Failed to validate permissions for log bucket: {given.get('bucketName')}. "
                "Verify that the bucket exists and that its policy lets Amazon Bedrock write."
            ) from None
        return bucket

    def get(self, place: Place) -> dict[str, Any] | None:
        """The configuration, in the members of the API; `None` when logging is off."""
        with self._lock:
            return copy.deepcopy(self._configurations.get(place))

    def delete(self, place: Place) -> None:
        with self._lock:
            self._configurations.pop(place, None)

    def record(self, call: Call, exchange: Exchange) -> None:
        """Writes the record of one call where logging is on. Never fails the call."""
        place = (call.account, call.region)
        kept = self.get(place)
        if kept is None:
            return
        moment = self._clock()

        def to_bucket(bucket: Members) -> None:
            record = self._record(call, exchange, kept, moment, large=bucket)
            name = f"{moment:%Y/%m/%d/%H/%Y%m%dT%H%M%SZ}_{call.request_id}.json.gz"
            self._store(place, bucket, name, gzip.compress(_json(record)))

        def to_group(group: Members) -> None:
            large = group.get("largeDataDeliveryS3Config")
            record = self._record(call, exchange, kept, moment, large=large)
            self._deliver(place, kept, _json(record).decode())

        # Each by itself: that one place takes nothing any more does not keep the other clean.
        for name, deliver in (("s3Config", to_bucket), ("cloudWatchConfig", to_group)):
            try:
                if name in kept:
                    deliver(kept[name])
            except ApiError as error:
                # The code only: the message may name resources, the record holds a prompt.
                _LOG.warning("invocation log of %s in %s was not delivered: %s", *place, error.code)

    def _record(
        self,
        call: Call,
        exchange: Exchange,
        kept: Mapping[str, Any],
        moment: datetime,
        *,
        large: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        record: dict[str, Any] = {
            "schemaType": "ModelInvocationLog",
            "schemaVersion": "1.0",
            "timestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
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
            place, data = (
                (call.account, call.region),
                f"{moment:%Y/%m/%d/%H}/data/{call.request_id}",
            )

            def beside(name: str, content: bytes, bucket: Mapping[str, Any]) -> Members:
                """Where a body lies that is not in the record; nowhere if the bucket refuses."""
                path = f"{data}_{name}.json.gz"
                try:
                    key = self._store(place, bucket, path, gzip.compress(content))
                except ApiError as error:
                    _LOG.warning("a body of %s in %s was not delivered: %s", *place, error.code)
                    return {}
                return {f"{name}BodyS3Path": f"s3://{bucket['bucketName']}/{key}"}

            def side(name: str, body: Mapping[str, Any], count: int, wanted: bool) -> Members:
                written: Members = {f"{name}ContentType": "application/json"}
                text = _json(self._chosen(body, kept, large))
                if wanted and len(text) <= _INLINE_BODY_BYTES and not media.has_bytes(body, kept):
                    written[f"{name}BodyJson"] = json.loads(text)
                elif wanted and large is not None:
                    # Larger bodies and other media go to S3; without a place there, nowhere.
                    written |= beside(name, text, large)
                elif wanted:
                    rest = _json(media.without_bytes(body))
                    if len(rest) <= _INLINE_BODY_BYTES:
                        written[f"{name}BodyJson"] = json.loads(rest)
                elif large is not None and (found := list(media.media(body, kept))):
                    # Without texts the media go to S3 all the same; in which form is unverified.
                    written |= beside(name, _json(found), large)
                written[f"{name}TokenCount"] = count
                return written

            asked = exchange.request
            if call.operation.startswith("InvokeModel"):
                asked = media.wanted(asked, kept)
            texts = bool(kept["textDataDeliveryEnabled"])
            vectors = bool(kept["embeddingDataDeliveryEnabled"])
            said = vectors if exchange.embedding else texts
            record["input"] = side("input", asked, exchange.input_tokens, texts)
            record["output"] = side("output", exchange.response or {}, exchange.output_tokens, said)
        if exchange.inference_region is not None:
            record["inferenceRegion"] = exchange.inference_region
        if call.params.get("requestMetadata"):
            metadata = call.params["requestMetadata"]
            record["requestMetadata"] = metadata if isinstance(metadata, str) else dict(metadata)
        return record

    def _chosen(
        self, body: Mapping[str, Any], kept: Mapping[str, Any], large: Mapping[str, Any] | None
    ) -> Any:
        """The body with the media that are to be delivered."""
        return media.delivered(body, kept) if large is not None else media.without_bytes(body)

    def _store(self, place: Place, bucket: Mapping[str, Any], path: str, content: bytes) -> str:
        """Write an object as Bedrock itself; returns its key. Raises `ApiError`.

        The bucket must be of the same account.
        """
        account, region = place
        prefix = f"{bucket['keyPrefix']}/" if bucket.get("keyPrefix") else ""
        key = f"{prefix}AWSLogs/{account}/BedrockModelInvocationLogs/{region}/{path}"
        self._service_role.put_object(
            service_principal=_PRINCIPAL,
            source_account=account,
            source_arn=f"arn:aws:bedrock:{region}:{account}:*",
            region=region,
            bucket=bucket["bucketName"],
            key=key,
            body=content,
            owner=account,
        )
        return key

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


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
