"""What EventBridge's rules send, and whether they may.

A log group takes events where a policy of its account lets `events.amazonaws.com` and
`delivery.logs.amazonaws.com` write; streams and event buses take them through the target's role,
in another account too if a policy there allows it; a state machine is started through that role.
Other targets get nothing: the policies that would open them are not played.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from moto.events.models import Rule
from moto.logs.models import logs_backends

from harness.cloud.call import ApiError, ServiceRole
from harness.cloud.event_inputs import target_input
from harness.cloud.ingestion import group_ref
from harness.cloud.observability.service_writes import ServiceWrites

_log = logging.getLogger(__name__)
_SERVICE: Final = "events.amazonaws.com"
_WRITERS: Final = (_SERVICE, "delivery.logs.amazonaws.com")
_ACTIONS: Final = ("logs:CreateLogStream", "logs:PutLogEvents")
# botocore's names for services, where ARNs have another.
_CLIENTS: Final = {"states": "stepfunctions"}
_archived: Any = Rule.send_to_targets


class EventDeliveries:
    """Sends matching events to the targets of rules."""

    def __init__(self, writes: ServiceWrites, service_role: ServiceRole) -> None:
        self._writes = writes
        self._service_role = service_role

    def adapt(self) -> None:
        """Let moto's rules send through this. The last one to say so does it for the process."""

        def send_to_targets(rule: Any, event: Any, transform_input: bool = True) -> None:
            if not transform_input:  # archives, which stay where the events are
                _archived(rule, event, transform_input)
            elif rule.state == "ENABLED" and rule.event_pattern.matches_event(event):
                self._send(rule, _told(event))

        rule: Any = Rule
        rule.send_to_targets = send_to_targets

    def _send(self, rule: Any, event: Mapping[str, Any]) -> None:
        for target in rule.targets:
            try:
                self._deliver(rule, target, event)
            except ApiError as error:
                # AWS retries and then gives up; who put the event is not told.
                _log.info("%s could not deliver: %s", rule.arn, error.code)

    def _deliver(self, rule: Any, target: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        arn, role = str(target["Arn"]), str(target.get("RoleArn") or "")
        _, _, service, region, account, resource = arn.split(":", 5)
        text = target_input(target, event)
        if service == "logs":
            if (account, region) == (rule.account_id, rule.region_name):
                self._write(rule, resource.removeprefix("log-group:").removesuffix(":*"), text)
            return
        call = _call(service, arn, resource, text, event)
        if call is None or not role:
            _log.info("%s is no target that the embedded cloud sends to", arn)
            return
        self._service_role.call(
            role_arn=role,
            service_principal=_SERVICE,
            source_account=rule.account_id,
            source_arn=rule.arn,
            service=_CLIENTS.get(service, service),
            operation=call[0],
            region=region,
            params=call[1],
        )

    def _write(self, rule: Any, name: str, text: str) -> None:
        group = group_ref(rule.account_id, rule.region_name, name)
        if name not in logs_backends[group.account][group.region].groups:
            return
        stream = str(uuid.uuid4())
        may = (self._writes.may(each, rule.arn, group, stream, _ACTIONS) for each in _WRITERS)
        if all(may):
            self._writes.write(group, stream, text, int(time.time() * 1000))


def _call(
    service: str, arn: str, resource: str, text: str, event: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any]] | None:
    """The operation and its parameters that bring an event to a target; None: not played."""
    if service == "kinesis":
        return "PutRecord", {"StreamARN": arn, "Data": text.encode(), "PartitionKey": event["id"]}
    if service == "firehose":
        name = resource.rpartition("/")[2]
        return "PutRecord", {"DeliveryStreamName": name, "Record": {"Data": text.encode()}}
    if service == "states" and resource.startswith("stateMachine:"):
        return "StartExecution", {"stateMachineArn": arn, "input": text}
    if service == "events" and resource.startswith("event-bus/"):
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"]),
            "EventBusName": arn,
        }
        return "PutEvents", {"Entries": [entry]}
    return None


def _told(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event as targets get it."""
    at = event.get("time")
    moment = datetime.fromtimestamp(float(at), UTC) if at else datetime.now(UTC)
    return {
        "version": "0",
        "id": event["id"],
        "detail-type": event["detail-type"],
        "source": event["source"],
        "account": event["account"],
        "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": event["region"],
        "resources": list(event.get("resources") or ()),
        "detail": event["detail"],
    }
