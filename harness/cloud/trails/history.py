"""Event history: the management events of every account and Region, and LookupEvents.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
Trails deliver nothing here; an event can be looked up at once, while AWS takes some minutes.
"""

from __future__ import annotations

import base64
import binascii
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from harness.cloud.call import Answer, ApiError, Call
from harness.cloud.responses import Response
from harness.cloud.trails.contents import shown
from harness.cloud.trails.event import InferenceRegion, Recorded, found
from harness.cloud.trails.management import event_region, is_management_event, is_read_only
from harness.cloud.trails.moments import moment
from harness.cloud.wire import Operation

KEPT = 20_000
"""Events kept for one account in one Region; older ones are dropped."""
_MOST = 50
_ATTRIBUTES: Mapping[str, Callable[[Recorded, str], bool]] = {
    "EventId": lambda r, value: r.event_id == value,
    "EventName": lambda r, value: r.name == value,
    "ReadOnly": lambda r, value: r.read_only == (value == "true"),
    "Username": lambda r, value: r.user == value,
    "ResourceType": lambda r, value: any(kind == value for kind, _ in r.resources),
    "ResourceName": lambda r, value: any(
        name == value or name.rsplit("/", 1)[-1] == value for _, name in r.resources
    ),
    "EventSource": lambda r, value: r.source == value,
    "AccessKeyId": lambda r, value: (
        r.recipient == r.caller.account and r.caller.access_key_id == value
    ),
}


class EventHistory:
    """Records decided calls and answers LookupEvents. Thread-safe: appending is atomic.

    `inference_region` tells, from account, Region, model and request id, where Bedrock's
    cross-Region inference ran a call.
    """

    def __init__(self, now: Callable[[], datetime], inference_region: InferenceRegion) -> None:
        self._now = now
        self._inference_region = inference_region
        self._events: dict[tuple[str, str], deque[Recorded]] = {}

    def record(self, operation: Operation, call: Call, response: Response) -> None:
        """Keep what event history shows of a decided call; the event is made when looked up."""
        service, name = operation.service, operation.name
        if not is_management_event(service, name):
            return
        region = event_region(service, call.region)
        account = _of_service(call) or call.account
        other = "" if response.status >= 300 else _other_account(call, account)
        self._keep(operation, call, response, (account, region), bool(other))
        if other:
            self._keep(operation, call, response, (other, region), True)

    def _keep(
        self,
        operation: Operation,
        call: Call,
        response: Response,
        place: tuple[str, str],
        shared: bool,
    ) -> None:
        service, name = operation.service, operation.name
        told = response.status >= 300 or service == "sts" or not is_read_only(service, name)
        body = response.body
        recorded = Recorded(
            time=self._now(),
            recipient=place[0],
            shared=shared,
            service=service,
            name=name,
            model=operation.model,
            protocol=operation.protocol,
            region=place[1],
            params=shown(service, call.params),
            caller=call.caller,
            source_ip=call.source_ip,
            user_agent=call.headers.get("user-agent", ""),
            request_id=call.request_id,
            status=response.status,
            headers=tuple(response.headers) if told else (),
            body=body[0] if told and isinstance(body, tuple) and body else b"",
        )
        events = self._events.get(place)
        if events is None:
            events = self._events.setdefault(place, deque(maxlen=KEPT))
        events.append(recorded)

    # -- LookupEvents ----------------------------------------------------------------

    def handles(self, service: str, operation: str) -> bool:
        """LookupEvents; trails are the inner app's."""
        return (service, operation) == ("cloudtrail", "LookupEvents")

    def answer(self, call: Call) -> Answer:
        """The events of the caller's account and Region, newest first. Raises `ApiError`."""
        params = call.params
        wanted = _attribute(params.get("LookupAttributes") or ())
        start, end = moment(params.get("StartTime")), moment(params.get("EndTime"))
        if start and end and start > end:
            raise ApiError("InvalidTimeRangeException", "StartTime must be before EndTime.")
        most = int(params.get("MaxResults") or _MOST)
        if not 1 <= most <= _MOST:
            raise ApiError("InvalidMaxResultsException", "MaxResults must be from 1 to 50.")
        if params.get("EventCategory"):
            return Answer({"Events": []})  # Insights events: none are made
        kept = self._events.get((call.account, call.region), deque()).copy()
        skip, latest = _page(params.get("NextToken"))
        page: list[dict[str, Any]] = []
        for recorded in reversed(kept):
            if (latest and recorded.time > latest) or not _within(recorded.time, start, end):
                continue
            if not wanted(recorded):
                continue
            if skip > 0:
                skip -= 1
                continue
            if len(page) == most:
                newest = latest or kept[-1].time
                done = _page(params.get("NextToken"))[0] + most
                return Answer({"Events": page, "NextToken": _token(done, newest)})
            page.append(found(recorded, self._inference_region))
        return Answer({"Events": page})


def _of_service(call: Call) -> str:
    """AssumeRole of a service, and of a web identity, is an event of the role's account."""
    of_role = call.caller.kind in ("service", "web-identity")
    return _account_of(call.params.get("RoleArn")) if of_role else ""


def _other_account(call: Call, account: str) -> str:
    """The other account whose role or key a call used: it gets an event of its own.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    (sharedEventID)
    """
    member = {"sts": "RoleArn", "kms": "KeyId"}.get(call.service)
    owner = _account_of(call.params.get(member)) if member else ""
    return owner if owner != account else ""


def _account_of(arn: object) -> str:
    parts = str(arn or "").split(":", 5)
    return parts[4] if len(parts) == 6 else ""


def _attribute(attributes: Iterable[Mapping[str, str]]) -> Callable[[Recorded], bool]:
    """ "Currently the list can contain only one item", says AWS of LookupAttributes."""
    given = list(attributes)
    if not given:
        return lambda _: True
    key, value = given[0].get("AttributeKey", ""), str(given[0].get("AttributeValue", ""))
    matches = _ATTRIBUTES.get(key)
    if len(given) > 1 or matches is None or not value:
        raise ApiError("InvalidLookupAttributesException", "One valid attribute may be given.")
    return lambda recorded: matches(recorded, value)


def _within(time: datetime, start: datetime | None, end: datetime | None) -> bool:
    """Times are those of whole seconds, as events write them."""
    second = time.replace(microsecond=0)
    return (start is None or second >= start.replace(microsecond=0)) and (
        end is None or second <= end
    )


def _token(done: int, newest: datetime) -> str:
    return base64.urlsafe_b64encode(f"{done}/{newest.isoformat()}".encode()).decode()


def _page(token: object) -> tuple[int, datetime | None]:
    """How many to skip, and the time beyond which events are later than the first page."""
    if not token:
        return 0, None
    try:
        done, _, newest = base64.urlsafe_b64decode(str(token)).decode().partition("/")
        return int(done), datetime.fromisoformat(newest)
    except (ValueError, binascii.Error):
        raise ApiError("InvalidNextTokenException", "The token is not valid.") from None
