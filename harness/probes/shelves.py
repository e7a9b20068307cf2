"""Where content can rest in an account and Region: one class for each kind of thing.

A shelf is read whole: everything written since the canaries were made. It can be planted with a
marker, which shows that what lies there would have been seen.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import ClientError

from harness.probes.search import Place

Texts = Iterator[tuple[str, str]]
"""Pairs: where something lies, and what it says."""
Client = Callable[[str], Any]
"""A client of the place's administrator, by service."""

STREAM = "markers"
NAMESPACE = "bulkhead-probe"


@dataclass(frozen=True, slots=True)
class Access:
    """An account and a Region, as its administrator, and what things made there are named."""

    client: Client
    place: Place
    name: str


class Shelf(Protocol):
    """One kind of thing that an account keeps. Every method raises botocore's `ClientError`."""

    name: str

    def prepare(self, spot: Access) -> Callable[[], object] | None:
        """Make what a marker needs to lie in; returns how to remove it."""

    def plant(self, spot: Access, marker: str) -> None:
        """Put a marker there."""

    def texts(self, spot: Access, since: int) -> Texts:
        """What lies there and was written since then (milliseconds since 1970)."""


class LogGroups:
    """CloudWatch Logs: every group, with the names of groups and streams."""

    name = "log groups"

    def prepare(self, spot: Access) -> Callable[[], object]:
        group = f"/bulkhead-probe/{spot.name}"
        logs = spot.client("logs")
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName=STREAM)
        return lambda: logs.delete_log_group(logGroupName=group)

    def plant(self, spot: Access, marker: str) -> None:
        event = {"timestamp": int(time.time() * 1000), "message": marker}
        spot.client("logs").put_log_events(
            logGroupName=f"/bulkhead-probe/{spot.name}", logStreamName=STREAM, logEvents=[event]
        )

    def texts(self, spot: Access, since: int) -> Texts:
        logs = spot.client("logs")
        for page in logs.get_paginator("describe_log_groups").paginate():
            for group in page["logGroups"]:
                name = group["logGroupName"]
                yield name, ""
                events = logs.get_paginator("filter_log_events")
                for found in events.paginate(logGroupName=name, startTime=since):
                    for event in found["events"]:
                        yield name, event.get("message", "")
                        yield name, event.get("logStreamName", "")


class Metrics:
    """CloudWatch: names and dimensions of metrics."""

    name = "metrics"

    def prepare(self, spot: Access) -> None:  # noqa: ARG002
        return None

    def plant(self, spot: Access, marker: str) -> None:
        datum = {"MetricName": "marker", "Value": 0, "Dimensions": [_dimension(marker)]}
        spot.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=[datum])

    def texts(self, spot: Access, since: int) -> Texts:  # noqa: ARG002
        for page in spot.client("cloudwatch").get_paginator("list_metrics").paginate():
            for metric in page["Metrics"]:
                where = f"metrics {metric['Namespace']}"
                yield where, metric["MetricName"]
                for dimension in metric.get("Dimensions", ()):
                    yield where, f"{dimension['Name']}={dimension['Value']}"


def _dimension(marker: str) -> dict[str, str]:
    return {"Name": "marker", "Value": marker}


class Buckets:
    """S3: every object of every bucket, unpacked where it is gzip, in the Region of the bucket."""

    name = "buckets"
    _KEY = "marker"

    def prepare(self, spot: Access) -> Callable[[], object]:
        s3 = spot.client("s3")
        bucket, region = _bucket(spot), spot.place.region
        where = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **({} if region == "us-east-1" else where))

        def remove() -> None:
            with contextlib.suppress(ClientError):  # nothing was planted
                s3.delete_object(Bucket=bucket, Key=self._KEY)
            s3.delete_bucket(Bucket=bucket)

        return remove

    def plant(self, spot: Access, marker: str) -> None:
        spot.client("s3").put_object(
            Bucket=_bucket(spot), Key=self._KEY, Body=gzip.compress(marker.encode())
        )

    def texts(self, spot: Access, since: int) -> Texts:
        s3, start = spot.client("s3"), datetime.fromtimestamp(since / 1000, UTC)
        for bucket in (b["Name"] for b in s3.list_buckets()["Buckets"]):
            try:
                located = s3.get_bucket_location(Bucket=bucket)["LocationConstraint"]
                if (located or "us-east-1") != spot.place.region:
                    continue
                for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                    for found in page.get("Contents", ()):
                        if found["LastModified"] >= start:
                            body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
                            yield bucket, f"{found['Key']} {_unpacked(body)}"
            except ClientError as error:
                # Markers of other processes come and go.
                if error.response["Error"]["Code"] not in ("NoSuchBucket", "NoSuchKey"):
                    raise


def _bucket(spot: Access) -> str:
    return f"{spot.name}-{spot.place.account}-{spot.place.region}".lower()[-63:].strip("-")


def _unpacked(body: bytes) -> str:
    if body.startswith(b"\x1f\x8b"):
        with contextlib.suppress(OSError, EOFError):
            body = gzip.decompress(body)
    return body.decode("utf-8", "replace")


class Streams:
    """Kinesis: every record of every stream, unpacked where it is gzip."""

    name = "streams"

    def prepare(self, spot: Access) -> Callable[[], object]:
        kinesis = spot.client("kinesis")
        kinesis.create_stream(StreamName=spot.name, ShardCount=1)
        return lambda: kinesis.delete_stream(StreamName=spot.name)

    def plant(self, spot: Access, marker: str) -> None:
        kinesis = spot.client("kinesis")
        kinesis.get_waiter("stream_exists").wait(StreamName=spot.name)
        kinesis.put_record(
            StreamName=spot.name, Data=gzip.compress(marker.encode()), PartitionKey=STREAM
        )

    def texts(self, spot: Access, since: int) -> Texts:
        kinesis, start = spot.client("kinesis"), datetime.fromtimestamp(since / 1000, UTC)
        for page in kinesis.get_paginator("list_streams").paginate():
            for stream in page["StreamNames"]:
                try:
                    yield from ((stream, text) for text in _records(kinesis, stream, start))
                except kinesis.exceptions.ResourceNotFoundException:
                    continue  # markers of other processes come and go


def _records(kinesis: Any, stream: str, start: datetime) -> Iterator[str]:
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        place = kinesis.get_shard_iterator(
            StreamName=stream,
            ShardId=shard["ShardId"],
            ShardIteratorType="AT_TIMESTAMP",
            Timestamp=start,
        )["ShardIterator"]
        while place:
            page = kinesis.get_records(ShardIterator=place, StreamARN=summary["StreamARN"])
            for record in page["Records"]:
                yield _unpacked(record["Data"])
            # At the end of an open shard there is always a next place.
            place = page.get("NextShardIterator") if page["MillisBehindLatest"] else None


class Traces:
    """X-Ray: every segment of every trace, with annotations and metadata."""

    name = "traces"
    _AT_ONCE = 5
    """Traces that one call may ask for."""

    def prepare(self, spot: Access) -> None:  # noqa: ARG002
        return None

    def plant(self, spot: Access, marker: str) -> None:
        now = time.time()
        segment = {
            "trace_id": f"1-{int(now):08x}-{secrets.token_hex(12)}",
            "id": secrets.token_hex(8),
            "name": NAMESPACE,
            "start_time": now,
            "end_time": now,
            "annotations": {"marker": marker},
        }
        spot.client("xray").put_trace_segments(TraceSegmentDocuments=[json.dumps(segment)])

    def texts(self, spot: Access, since: int) -> Texts:
        xray = spot.client("xray")
        span = {"StartTime": datetime.fromtimestamp(since / 1000, UTC), "EndTime": _soon()}
        pages = xray.get_paginator("get_trace_summaries").paginate(**span)
        ids = [summary["Id"] for page in pages for summary in page["TraceSummaries"]]
        for at in range(0, len(ids), self._AT_ONCE):
            for trace in xray.batch_get_traces(TraceIds=ids[at : at + self._AT_ONCE])["Traces"]:
                for segment in trace["Segments"]:
                    yield "a trace", segment["Document"]


class Trails:
    """CloudTrail: the event history, whole, as the account can look it up."""

    name = "trails"

    def prepare(self, spot: Access) -> None:  # noqa: ARG002
        return None

    def plant(self, spot: Access, marker: str) -> None:
        # A call whose parameters are recorded, refused or not.
        with contextlib.suppress(ClientError):
            spot.client("logs").delete_log_stream(logGroupName=marker, logStreamName=marker)

    def texts(self, spot: Access, since: int) -> Texts:
        pages = spot.client("cloudtrail").get_paginator("lookup_events")
        span = {"StartTime": datetime.fromtimestamp(since / 1000, UTC), "EndTime": _soon()}
        for page in pages.paginate(**span):
            for event in page["Events"]:
                yield f"the event {event['EventName']}", event["CloudTrailEvent"]


def _soon() -> datetime:
    """A moment after everything that was written so far, however clocks differ."""
    return datetime.now(UTC) + timedelta(minutes=1)


SHELVES: tuple[Shelf, ...] = (
    LogGroups(),
    Metrics(),
    Buckets(),
    Streams(),
    Traces(),
    Trails(),
)
