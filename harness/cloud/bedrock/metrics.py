"""The metrics that Bedrock writes to CloudWatch in the account of the call.

Their dimension is the `modelId` of the call, so calls through an application inference profile are
counted for that profile: what each customer costs can be seen within minutes.

https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-cw.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from harness.cloud.bedrock.models import parse_profile_arn
from harness.cloud.bedrock.profiles import Place

NAMESPACE: Final = "AWS/Bedrock"
_UNITS: Final = {"InvocationLatency": "Milliseconds", "TimeToFirstToken": "Milliseconds"}
Put = Callable[[Place, str, str, float, Mapping[str, str], str, datetime], None]
"""Takes account and Region, namespace, name, value, dimensions, unit and time of a datapoint."""


def nowhere(*_: Any) -> None:
    """Keeps no metrics."""


class Metrics:
    """Writes the datapoints of calls. `put` keeps them."""

    def __init__(self, put: Put, clock: Callable[[], datetime]) -> None:
        self._put = put
        self._clock = clock

    def invoked(self, place: Place, model_id: str, values: Mapping[str, float]) -> None:
        """The datapoints of one call: by metric name; those of zero are left out."""
        parsed = parse_profile_arn(model_id)
        dimensions = {"ModelId": parsed.id if parsed is not None else model_id.rsplit("/", 1)[-1]}
        now = self._clock()
        for name, value in values.items():
            if value:
                unit = _UNITS.get(name, "Count")
                self._put(place, NAMESPACE, name, value, dimensions, unit, now)
