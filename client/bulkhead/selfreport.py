"""Records the writer makes about itself: that it lives, and what it lost.

They are in CloudWatch's embedded metric format, under the names that the Terraform module
`customer-logging` watches (its `metrics.json`).
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bulkhead.ledger import Loss

NAMESPACE = "Bulkhead"
HEARTBEAT = "bulkhead.heartbeat"
DROPPED = "bulkhead.dropped_records"
# Neither is about a model, so the dimensions with one are left out.
DIMENSIONS: tuple[tuple[str, ...], ...] = ((), ("bulkhead.app",))


class SelfReport:
    """Makes those records. `context` holds the fields that every record of the application bears.

    `bulkhead.app` should be among them: it is a dimension of the metrics.
    """

    def __init__(self, context: Mapping[str, object]) -> None:
        self._context = dict(context)

    def heartbeat(self, timestamp_ms: int) -> dict[str, Any]:
        """A sign of life."""
        return self._record(timestamp_ms, "heartbeat", {HEARTBEAT: 1})

    def losses(
        self, timestamp_ms: int, counts: Mapping[str, int], samples: Sequence[Loss]
    ) -> dict[str, Any]:
        """How many records were lost for which reason since the last report, and which.

        `samples` are some of them, by record id where it is known.
        """
        return {
            **self._record(timestamp_ms, "losses", {DROPPED: sum(counts.values())}),
            "bulkhead.dropped.reasons": dict(counts),
            "bulkhead.dropped.samples": [
                {
                    "reason": loss.reason,
                    **({"id": loss.record_id} if loss.record_id else {}),
                    "timestamp": _iso(loss.timestamp_ms),
                }
                for loss in samples
            ],
        }

    def _record(self, timestamp_ms: int, kind: str, values: Mapping[str, int]) -> dict[str, Any]:
        dimensions = [
            list(names) for names in DIMENSIONS if all(name in self._context for name in names)
        ]
        return {
            "_aws": {
                "Timestamp": timestamp_ms,
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": dimensions,
                        "Metrics": [{"Name": name, "Unit": "Count"} for name in values],
                    }
                ],
            },
            "bulkhead.record.id": str(uuid.uuid4()),
            "bulkhead.record.kind": kind,
            "timestamp": _iso(timestamp_ms),
            **self._context,
            "process.pid": os.getpid(),
            **values,
        }


def _iso(timestamp_ms: int) -> str:
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return str(timestamp_ms)
