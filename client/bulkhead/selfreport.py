"""Records the writer makes about itself: that it lives, and what it lost.

They are metrics, as the records of calls are; the Terraform module `customer-logging` watches them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from bulkhead import emf
from bulkhead._ids import new_id
from bulkhead.ledger import Loss
from bulkhead.record import SCHEMA_VERSION, timestamp

HEARTBEAT, LOSSES = "heartbeat", "losses"


class SelfReport:
    """Makes those records. `context` holds the fields that every record of the application bears.

    `bulkhead.app` should be among them: it is a dimension of the metrics.
    """

    def __init__(self, context: Mapping[str, object]) -> None:
        self._context = dict(context)

    def heartbeat(self, timestamp_ms: int) -> dict[str, Any]:
        """A sign of life."""
        return self._record(timestamp_ms, HEARTBEAT, {"bulkhead.heartbeat": 1})

    def losses(
        self, timestamp_ms: int, counts: Mapping[str, int], samples: Sequence[Loss]
    ) -> dict[str, Any]:
        """How many records were lost for which reason since the last report, and which.

        `samples` are some of them, by record id where it is known.
        """
        return {
            **self._record(
                timestamp_ms, LOSSES, {"bulkhead.dropped_records": sum(counts.values())}
            ),
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
        record = {
            "bulkhead.schema.version": SCHEMA_VERSION,
            "bulkhead.record.type": kind,
            "bulkhead.record.id": new_id(),
            "timestamp": timestamp(timestamp_ms),
            "gen_ai.provider.name": "aws.bedrock",
            **self._context,
            "process.pid": os.getpid(),
            **values,
        }
        return {"_aws": emf.block(record, timestamp_ms), **record}


def _iso(timestamp_ms: int) -> str:
    try:
        return timestamp(timestamp_ms)
    except (ValueError, OverflowError, OSError):
        return str(timestamp_ms)
