"""One recorded call and the CloudTrail event that is made of it when somebody looks.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.parsers import create_parser
from moto.core.model import OperationModel

from harness.cloud.call import Caller
from harness.cloud.trails.contents import as_recorded
from harness.cloud.trails.identity import iso, user_identity, user_name
from harness.cloud.trails.management import event_source, is_read_only
from harness.cloud.trails.resources import resources

EVENT_VERSION = "1.11"
_EVENTS = uuid.UUID("6e7f29b5-6f52-4ba0-9b6a-0b1f5c1c9f3e")
InferenceRegion = Callable[[str, str, str, str], str | None]


@dataclass(frozen=True, slots=True, repr=False)
class Recorded:
    """What is kept of one call: never the request itself, an answer only of writes and errors."""

    time: datetime
    recipient: str
    shared: bool
    service: str
    name: str
    model: OperationModel
    protocol: str
    region: str
    params: Mapping[str, Any]
    caller: Caller
    source_ip: str
    user_agent: str
    request_id: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    _found: dict[str, Any] = field(default_factory=dict, init=False, compare=False)
    """What LookupEvents answers, once somebody has asked: a search reads everything, again and
    again."""

    @property
    def source(self) -> str:
        """`eventSource`."""
        return event_source(self.service)

    @property
    def event_id(self) -> str:
        """Another one in each account that gets the event."""
        return str(uuid.uuid5(_EVENTS, f"{self.request_id}/{self.recipient}"))

    @property
    def read_only(self) -> bool:
        """`readOnly`."""
        return is_read_only(self.service, self.name)

    @property
    def user(self) -> str:
        """The user's or session's name; for another account's callers there is none."""
        return user_name(self.caller) if self.recipient == self.caller.account else ""

    @property
    def resources(self) -> list[tuple[str, str]]:
        """Type and name of what the call named."""
        return list(resources(self.params))


def event(recorded: Recorded, inference_region: InferenceRegion) -> dict[str, Any]:
    """The event as `CloudTrailEvent` carries it."""
    caller = recorded.caller
    parsed = _parsed(recorded)
    made: dict[str, Any] = {
        "eventVersion": EVENT_VERSION,
        "userIdentity": user_identity(caller, recorded.recipient),
        "eventTime": iso(recorded.time),
        "eventSource": recorded.source,
        "eventName": recorded.name,
        "awsRegion": recorded.region,
        "sourceIPAddress": caller.arn if caller.kind == "service" else recorded.source_ip,
        "userAgent": caller.arn if caller.kind == "service" else recorded.user_agent,
    }
    error = parsed.get("Error") if recorded.status >= 300 else None
    if error:
        made["errorCode"] = error.get("Code", "")
        made["errorMessage"] = error.get("Message", "")
    made["requestParameters"] = _request(recorded)
    made["responseElements"] = None if error or not parsed else _response(recorded, parsed)
    region = _inference_region(recorded, inference_region)
    if region:
        made["additionalEventData"] = {"inferenceRegion": region}
    made |= {
        "requestID": recorded.request_id,
        "eventID": recorded.event_id,
        "readOnly": recorded.read_only,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": recorded.recipient,
    }
    if recorded.shared:
        made["sharedEventID"] = str(uuid.uuid5(_EVENTS, recorded.request_id))
    made["eventCategory"] = "Management"
    return made


def found(recorded: Recorded, inference_region: InferenceRegion) -> dict[str, Any]:
    """The event as LookupEvents answers it; not to be changed."""
    if recorded._found:
        return recorded._found
    made: dict[str, Any] = {
        "EventId": recorded.event_id,
        "EventName": recorded.name,
        "ReadOnly": "true" if recorded.read_only else "false",
        "EventTime": recorded.time,
        "EventSource": recorded.source,
        "Resources": [
            {"ResourceType": kind, "ResourceName": name} for kind, name in recorded.resources
        ],
        "CloudTrailEvent": json.dumps(event(recorded, inference_region)),
    }
    if recorded.user:
        made["Username"] = recorded.user
    if recorded.recipient == recorded.caller.account and recorded.caller.kind != "service":
        made["AccessKeyId"] = recorded.caller.access_key_id
    recorded._found.update(made)
    return recorded._found


def _request(recorded: Recorded) -> dict[str, Any] | None:
    caller = recorded.caller
    made = as_recorded(recorded.service, recorded.params, recorded.model.input_shape)
    if (recorded.service, recorded.name) == ("sts", "AssumeRole"):
        # Tags that the session hands on.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html
        handed = {
            k: v for k, v in caller.session_tags.items() if k.lower() in caller.transitive_tags
        }
        if handed:
            made["incomingTransitiveTags"] = handed
        if recorded.recipient == caller.account and caller.session_tags:
            made["principalTags"] = dict(caller.session_tags)
    return made or None


def _response(recorded: Recorded, parsed: Mapping[str, Any]) -> dict[str, Any] | None:
    members = {key: value for key, value in parsed.items() if key != "ResponseMetadata"}
    return as_recorded(recorded.service, members, recorded.model.output_shape) or None


def _parsed(recorded: Recorded) -> Mapping[str, Any]:
    if not recorded.body:
        return {}
    model: Any = recorded.model
    try:
        parsed: Mapping[str, Any] = create_parser(recorded.protocol).parse(
            {
                "status_code": recorded.status,
                "headers": {name.lower(): value for name, value in recorded.headers},
                "body": recorded.body,
            },
            model.output_shape,
        )
    except Exception:
        # Whatever an answer is that botocore cannot read, nothing of it is shown.
        return {}
    return parsed


def _inference_region(recorded: Recorded, inference_region: InferenceRegion) -> str | None:
    model = recorded.params.get("modelId")
    if recorded.service != "bedrock-runtime" or not model or recorded.status >= 300:
        return None
    return inference_region(
        recorded.caller.account, recorded.region, str(model), recorded.request_id
    )
