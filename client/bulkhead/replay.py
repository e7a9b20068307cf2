"""What becomes of a record that may have been delivered before its process died."""

from __future__ import annotations

from typing import Any

REPLAYED = "bulkhead.replayed"


def replayed(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record without its metrics and marked so.

    It may be in the log group already, under the same `bulkhead.record.id`; CloudWatch would count
    its metrics (the `_aws` block of the embedded metric format) a second time.
    """
    kept = {key: value for key, value in record.items() if key != "_aws"}
    kept[REPLAYED] = True
    return kept
