"""X-Ray: segments as they were sent, per account and Region, and what links show of them.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from moto.logs.models import logs_backends

from harness.cloud.call import Answer, ApiError, Call
from harness.cloud.ingestion import group_ref
from harness.cloud.observability.service_writes import ServiceWrites
from harness.cloud.trails.links import TRACE, Links, Place
from harness.cloud.trails.moments import moment

SPANS = "aws/spans"
"""Where spans go once CloudWatch Logs is the destination.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Transaction-Search.html
"""
_SERVICE = "xray.amazonaws.com"
_STREAM = "default"
_MOST_IDS = 5
_ANNOTATION = re.compile(r'annotation(?:\.(\w+)|\[(\w+)\])\s*=\s*"([^"]*)"')
_PAGE = 100


class Traces:
    """Plays sending and reading of traces. Summaries and traces have no delay here."""

    def __init__(self, links: Links, writes: ServiceWrites, now: Callable[[], datetime]) -> None:
        self._links = links
        self._writes = writes
        self._now = now
        self._traces: dict[Place, dict[str, list[dict[str, Any]]]] = {}
        self._to_logs: set[Place] = set()
        self._operations: Mapping[str, Callable[[Call], dict[str, Any]]] = {
            "BatchGetTraces": self._get,
            "GetTraceSegmentDestination": self._destination,
            "GetTraceSummaries": self._summaries,
            # Saving one is refused, see `validation.NOT_ENFORCED`.
            "ListResourcePolicies": lambda _: {"ResourcePolicies": []},
            "PutTraceSegments": self._put,
            "UpdateTraceSegmentDestination": self._update_destination,
        }

    def handles(self, service: str, operation: str) -> bool:
        """Segments, summaries, traces and their destination."""
        return service == "xray" and operation in self._operations

    def answer(self, call: Call) -> Answer:
        """Raises `ApiError` (InvalidRequestException)."""
        return Answer(self._operations[call.operation](call))

    # -- sending ---------------------------------------------------------------------

    def _put(self, call: Call) -> dict[str, Any]:
        place = (call.account, call.region)
        held = self._traces.setdefault(place, {})
        unprocessed: list[dict[str, str]] = []
        for document in call.params["TraceSegmentDocuments"]:
            segment = _segment(str(document))
            if segment is None:
                error = {"ErrorCode": "ParseError", "Message": "Invalid segment."}
                unprocessed.append(error)
                continue
            held.setdefault(segment["trace_id"], []).append({**segment, "Document": document})
            if place in self._to_logs:
                self._write_span(place, str(document))
        return {"UnprocessedTraceSegments": unprocessed}

    def _write_span(self, place: Place, document: str) -> None:
        if self._may_write(place, SPANS):  # a policy that is gone lets nothing in any more
            _spans_group(place, None)
            at = int(self._now().timestamp() * 1000)
            self._writes.write(group_ref(*place, SPANS), _STREAM, document, at)

    def _may_write(self, place: Place, group: str) -> bool:
        account, region = place
        source = f"arn:aws:xray:{region}:{account}:trace-segment-destination"
        return self._writes.may(_SERVICE, source, group_ref(*place, group), _STREAM)

    # -- where to --------------------------------------------------------------------

    def _destination(self, call: Call) -> dict[str, Any]:
        logs = (call.account, call.region) in self._to_logs
        return {"Destination": "CloudWatchLogs" if logs else "XRay", "Status": "ACTIVE"}

    def _update_destination(self, call: Call) -> dict[str, Any]:
        place = (call.account, call.region)
        if call.params.get("Destination") == "CloudWatchLogs":
            if not self._may_write(place, SPANS):
                raise ApiError(
                    "AccessDeniedException",
                    f"XRay does not have permission to call PutLogEvents on the {SPANS} Log Group",
                    403,
                )
            configuration = call.params.get("CloudWatchLogsConfiguration") or {}
            _spans_group(place, configuration.get("SpansLogGroupKmsKeyId"))
            self._to_logs.add(place)
        else:
            self._to_logs.discard(place)
        return self._destination(call)

    # -- reading ---------------------------------------------------------------------

    def _places(self, call: Call) -> Iterator[Place]:
        yield call.account, call.region
        for link in self._links.into((call.account, call.region), TRACE):
            yield link.account, link.region

    def _get(self, call: Call) -> dict[str, Any]:
        asked = [str(each) for each in call.params["TraceIds"]]
        if len(asked) > _MOST_IDS:
            raise _invalid("At most five trace ids may be given.")
        traces: list[dict[str, Any]] = []
        for identity in dict.fromkeys(asked):
            segments = [
                segment
                for place in self._places(call)
                for segment in self._traces.get(place, {}).get(identity, ())
            ]
            if segments:
                documents = [{"Id": s["id"], "Document": s["Document"]} for s in segments]
                traces.append(
                    {"Id": identity, "Duration": _duration(segments), "Segments": documents}
                )
        found = {trace["Id"] for trace in traces}
        return {"Traces": traces, "UnprocessedTraceIds": [i for i in asked if i not in found]}

    def _summaries(self, call: Call) -> dict[str, Any]:
        start, end = moment(call.params["StartTime"]), moment(call.params["EndTime"])
        if start is None or end is None or start > end:
            raise _invalid("StartTime must be before EndTime.")
        wanted = _filter(str(call.params.get("FilterExpression") or ""))
        found = [
            _summary(identity, segments, account)
            for account, region in self._places(call)
            for identity, segments in list(self._traces.get((account, region), {}).items())
            if start.timestamp() <= segments[0]["start_time"] <= end.timestamp()
            and wanted(segments)
        ]
        first = int(str(call.params.get("NextToken") or 0))
        made: dict[str, Any] = {
            "TraceSummaries": found[first : first + _PAGE],
            "ApproximateTime": self._now(),
            "TracesProcessedCount": len(found),
        }
        if first + _PAGE < len(found):
            made["NextToken"] = str(first + _PAGE)
        return made


def _segment(document: str) -> dict[str, Any] | None:
    """What is needed of a segment document; None for one that X-Ray would not take."""
    try:
        read = json.loads(document)
    except ValueError:
        return None
    if not isinstance(read, dict):
        return None
    texts = all(isinstance(read.get(each), str) for each in ("id", "trace_id", "name"))
    start, end = read.get("start_time"), read.get("end_time")
    if not texts or not isinstance(start, (int, float)):
        return None
    if not isinstance(end, (int, float)) and not read.get("in_progress"):
        return None
    return read


def _duration(segments: list[dict[str, Any]]) -> float:
    ends = [each.get("end_time", each["start_time"]) for each in segments]
    return float(max(ends) - min(each["start_time"] for each in segments))


def _annotations(segments: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    for segment in segments:
        annotations = segment.get("annotations")
        if isinstance(annotations, dict):
            yield from annotations.items()
        subsegments = segment.get("subsegments")
        if isinstance(subsegments, list):
            yield from _annotations([each for each in subsegments if isinstance(each, dict)])


def _filter(text: str) -> Callable[[list[dict[str, Any]]], bool]:
    """Filter expressions that ask for one annotation; others are refused.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html
    """
    if not text.strip():
        return lambda _: True
    match = _ANNOTATION.fullmatch(text.strip())
    if match is None:
        raise _invalid("The embedded cloud knows filters for one annotation only.")
    key, value = match[1] or match[2], match[3]
    return lambda segments: (key, value) in list(_annotations(segments))


def _summary(identity: str, segments: list[dict[str, Any]], account: str) -> dict[str, Any]:
    annotations: dict[str, list[dict[str, Any]]] = {}
    for key, value in _annotations(segments):
        annotations.setdefault(key, []).append({"AnnotationValue": _value(value)})
    names = list(dict.fromkeys(segment["name"] for segment in segments))
    users = [each["user"] for each in segments if isinstance(each.get("user"), str)]
    return {
        "Id": identity,
        "StartTime": datetime.fromtimestamp(segments[0]["start_time"], UTC),
        "Duration": _duration(segments),
        "ResponseTime": _duration(segments),
        "HasFault": any(bool(each.get("fault")) for each in segments),
        "HasError": any(bool(each.get("error")) for each in segments),
        "HasThrottle": any(bool(each.get("throttle")) for each in segments),
        "IsPartial": any(bool(each.get("in_progress")) for each in segments),
        "Annotations": annotations,
        "Users": [{"UserName": each} for each in dict.fromkeys(users)],
        "ServiceIds": [{"Name": n, "Names": [n], "AccountId": account} for n in names],
        "EntryPoint": {"Name": names[0], "Names": [names[0]], "AccountId": account},
    }


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BooleanValue": value}
    if isinstance(value, (int, float)):
        return {"NumberValue": float(value)}
    return {"StringValue": str(value)}


def _spans_group(place: Place, key: Any) -> None:
    backend: Any = logs_backends[place[0]][place[1]]
    if SPANS not in backend.groups:
        backend.create_log_group(SPANS, {}, kmsKeyId=key)
    if _STREAM not in backend.groups[SPANS].streams:
        backend.create_log_stream(SPANS, _STREAM)


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidRequestException", message, 400)
