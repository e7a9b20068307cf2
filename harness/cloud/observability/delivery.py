"""How CloudWatch Logs sends events to a stream, in its own account or through a destination.

The service takes the role it was given, and each send is decided like any other request. A
destination is an account's door for others: its policy says who may send, its own role is taken.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CrossAccountSubscriptions.html
"""

from __future__ import annotations

import gzip
import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from moto.logs.models import logs_backends

from harness.cloud.authorizer import Authorizer
from harness.cloud.call import ApiError, Call, Caller, Need, ServiceRole
from harness.cloud.ingestion import LogEvent, LogGroupRef

_log = logging.getLogger(__name__)
_KINDS: Final = {"kinesis": "Kinesis", "firehose": "Firehose"}
_Place = tuple[str, str]
FOR_A_GROUP: Final = ("logs:PutSubscriptionFilter",)
FOR_AN_ACCOUNT: Final = ("logs:PutSubscriptionFilter", "logs:PutAccountPolicy")
"""What a destination must allow for a subscription of one group and for one of all groups.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CreateDestination-Account.html
"""


class Delivery:
    """Sends to Kinesis, Firehose and logical destinations. Functions do not run here."""

    def __init__(self, authorizer: Authorizer, service_role: ServiceRole) -> None:
        self._authorizer = authorizer
        self._service_role = service_role

    def test(
        self,
        place: _Place,
        source_arn: str,
        target: str,
        role: str,
        needed: tuple[str, ...] = FOR_A_GROUP,
    ) -> None:
        """Send the message that shows whether a target can be reached from an account and Region.

        Raises `ApiError`: AccessDeniedException for a destination that does not allow what is
        `needed`, else InvalidParameterException where it cannot.
        """
        message = {
            "messageType": "CONTROL_MESSAGE",
            "owner": "CloudwatchLogs",
            "logGroup": "",
            "logStream": "",
            "subscriptionFilters": [],
            "logEvents": [
                {
                    "id": "",
                    "timestamp": 0,
                    "message": "CWL CONTROL MESSAGE: Checking health of destination.",
                }
            ],
        }
        service = _service(target)
        if service == "lambda":
            raise ApiError(
                "InvalidParameterException",
                "The embedded cloud does not run functions: subscribe a stream of Kinesis or "
                "Firehose instead.",
            )
        if service == "logs":
            self._destination(place, target, needed)  # raises where there is none
        if service not in (*_KINDS, "logs") or target.split(":")[3] != place[1]:
            raise ApiError(
                "InvalidParameterException",
                "PutSubscriptionFilter operation cannot work with destinationArn for vendor "
                f"{service}",
            )
        if service != "logs" and not role:
            raise ApiError(
                "InvalidParameterException",
                f"destinationArn for vendor {service} cannot be used without roleArn",
            )
        try:
            self.send(place, source_arn, target, role, message)
        except ApiError as error:
            _log.debug("the test message failed: %s", error.code)
            kind = _KINDS.get(service, "destination")
            raise ApiError(
                "InvalidParameterException",
                f"Could not deliver test message to specified {kind} stream. Check if the given "
                f"{kind.lower()} stream is in ACTIVE state.",
            ) from None

    def events(
        self,
        group: LogGroupRef,
        stream: str,
        target: str,
        role: str,
        name: str,
        events: Sequence[LogEvent],
    ) -> None:
        """Send events of a group. What the target does not take is lost, as after AWS's retries."""
        message = {
            "messageType": "DATA_MESSAGE",
            "owner": group.account,
            "logGroup": group.name,
            "logStream": stream,
            "subscriptionFilters": [name],
            "logEvents": [
                {"id": each.id, "timestamp": each.timestamp, "message": each.visible}
                for each in events
            ],
        }
        try:
            self.send((group.account, group.region), group.arn, target, role, message)
        except ApiError as error:
            _log.info("%s could not deliver: %s", name, error.code)

    def send(
        self, place: _Place, source_arn: str, target: str, role: str, message: Mapping[str, Any]
    ) -> None:
        """Send one message on behalf of `source_arn`, in an account and Region.

        Raises `ApiError`, also where the role is not of the account that has the stream.
        """
        account, region = place
        owner = account
        if _service(target) == "logs":
            destination = self._destination(place, target)
            owner = target.split(":")[4]
            target, role = destination.target_arn, destination.role_arn
        elif target.split(":")[4] != account:
            raise ApiError("AccessDenied", "A stream of another account needs a destination.", 403)
        data = gzip.compress(json.dumps(message, separators=(",", ":")).encode())
        service, params = _put(target, data)
        failed = ApiError("AccessDenied", "CloudWatch Logs cannot take the role.", 403)
        # Trust policies name the service with or without its Region.
        for principal in ("logs.amazonaws.com", f"logs.{region}.amazonaws.com"):
            try:
                self._service_role.call(
                    role_arn=role,
                    service_principal=principal,
                    source_account=account,
                    source_arn=source_arn,
                    service=service,
                    operation="PutRecord",
                    region=target.split(":")[3],
                    params=params,
                    role_account=owner,
                )
            except ApiError as error:
                failed = error
            else:
                return
        raise failed

    def _destination(self, place: _Place, arn: str, needed: tuple[str, ...] = FOR_A_GROUP) -> Any:
        """The destination, whose policy lets the account in.

        Raises `ApiError` (AccessDeniedException), also where there is none.
        """
        account, region = place
        parts = arn.split(":")
        found = logs_backends[parts[4]][parts[3]].destinations.get(arn)
        root = f"arn:aws:iam::{account}:root"
        caller = Caller("root", account, root, root, account)
        asked = Call("logs", "PutSubscriptionFilter", region, {"destinationArn": arn}, caller)
        needs = tuple(Need(action, arn, parts[4]) for action in needed)
        if found is None or self._authorizer.refusal(asked, needs) is not None:
            raise ApiError(
                "AccessDeniedException", "The destination does not let the account send."
            )
        return found


def _service(arn: str) -> str:
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn":
        raise ApiError("InvalidParameterException", "The destination is not an ARN.")
    if parts[2] == "logs" and parts[5] != "destination":
        raise ApiError("InvalidParameterException", "A log group is not a destination.")
    return parts[2]


def _put(target: str, data: bytes) -> tuple[str, Mapping[str, Any]]:
    service = _service(target)
    if service == "kinesis":
        key = uuid.uuid4().hex
        return service, {"StreamARN": target, "Data": data, "PartitionKey": key}
    name = target.rpartition("/")[2]
    return service, {"DeliveryStreamName": name, "Record": {"Data": data}}
