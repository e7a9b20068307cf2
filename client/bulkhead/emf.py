"""CloudWatch's embedded metric format: records that CloudWatch Logs turns into metrics by itself.

Names, units and dimensions are those that the module `customer-logging` watches (its
`metrics.json`); a test holds the two together.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

from collections.abc import Mapping

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
    """Return the member `_aws` for a record: the metrics and dimensions that it has values for."""
    return {
        "Timestamp": timestamp_ms,
        "CloudWatchMetrics": [
            {
                "Namespace": NAMESPACE,
                "Dimensions": [
                    list(names) for names in DIMENSIONS if all(name in record for name in names)
                ],
                "Metrics": [
                    {"Name": name, "Unit": unit} for name, unit in METRICS.items() if name in record
                ],
            }
        ],
    }
