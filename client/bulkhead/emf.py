"""CloudWatch's embedded metric format: records that CloudWatch Logs turns into metrics by itself.

Names, units and dimensions are those that the module `customer-logging` watches (its
`metrics.json`); a test holds the two together.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

NAMESPACE = "Bulkhead"
DIMENSIONS: tuple[tuple[str, ...], ...] = (
    (),
    ("bulkhead.app",),
    ("bulkhead.app", "gen_ai.request.model"),
)
METRICS: Mapping[str, str] = {
    "bulkhead.calls": "Count",
    "bulkhead.errors": "Count",
    "bulkhead.throttles": "Count",
    "gen_ai.usage.input_tokens": "Count",
    "gen_ai.usage.output_tokens": "Count",
    "gen_ai.client.operation.duration": "Seconds",
    "bulkhead.dropped_records": "Count",
    "bulkhead.heartbeat": "Count",
}


def block(record: Mapping[str, object], timestamp_ms: int) -> dict[str, object]:
    """Return the member `_aws` for a record: the metrics and dimensions that it has values for.

    Records with the same ones share what is inside: it is to be read only.
    """
    metrics = tuple([name for name in METRICS if name in record])
    dimensions = tuple([names for names in DIMENSIONS if all(map(record.__contains__, names))])
    return {"Timestamp": timestamp_ms, "CloudWatchMetrics": _directives(dimensions, metrics)}


@functools.lru_cache(maxsize=256)
def _directives(
    dimensions: tuple[tuple[str, ...], ...], metrics: tuple[str, ...]
) -> Sequence[Mapping[str, object]]:
    return [
        {
            "Namespace": NAMESPACE,
            "Dimensions": [list(names) for names in dimensions],
            "Metrics": [{"Name": name, "Unit": METRICS[name]} for name in metrics],
        }
    ]
