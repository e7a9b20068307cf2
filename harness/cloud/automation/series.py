"""Datapoints of metrics as alarms read them: by metric, in the order of time."""

from __future__ import annotations

import bisect
import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

Place = tuple[str, str]
MetricKey = tuple[Place, str, str, frozenset[tuple[str, str]]]
"""Account and Region, namespace, name, dimensions."""


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """One datapoint, or the statistics of several. Ordered by time, then as they came."""

    at: float
    serial: int
    total: float = field(compare=False)
    count: float = field(compare=False)
    least: float = field(compare=False)
    most: float = field(compare=False)
    unit: str = field(compare=False)


def metric_key(place: Place, namespace: str, name: str, dimensions: Mapping[str, str]) -> MetricKey:
    """What names one metric."""
    return place, namespace, name, frozenset(dimensions.items())


class Series:
    """All datapoints of a cloud. Thread-safe."""

    def __init__(self) -> None:
        self._points: dict[MetricKey, list[Point]] = {}
        self._serial = itertools.count()
        self._lock = threading.Lock()

    def add(
        self,
        key: MetricKey,
        at: float,
        total: float,
        unit: str,
        *,
        count: float = 1,
        least: float | None = None,
        most: float | None = None,
    ) -> None:
        """Keep a datapoint; `total` is its value, or the sum of several."""
        low, high = total if least is None else least, total if most is None else most
        point = Point(at, next(self._serial), total, count, low, high, unit)
        with self._lock:
            bisect.insort(self._points.setdefault(key, []), point)

    def within(self, key: MetricKey, after: float, until: float, unit: str = "") -> list[Point]:
        """The datapoints later than `after`, `until` included; all units unless one is named."""
        with self._lock:
            points = self._points.get(key, [])
            first = bisect.bisect_right(points, after, key=_time)
            last = bisect.bisect_right(points, until, key=_time)
            return [p for p in points[first:last] if not unit or p.unit == unit]


def statistic(points: Iterable[Point], name: str) -> float | None:
    """A statistic by CloudWatch's name for it; None without datapoints.

    Raises KeyError for a name that is not in `STATISTICS`.
    """
    reduce = STATISTICS[name]
    found = list(points)
    return reduce(found) if found else None


def _time(point: Point) -> float:
    return point.at


def _count(points: list[Point]) -> float:
    return sum(p.count for p in points)


def _sum(points: list[Point]) -> float:
    return sum(p.total for p in points)


STATISTICS: Final[Mapping[str, Callable[[list[Point]], float]]] = {
    "Sum": _sum,
    "SampleCount": _count,
    "Average": lambda points: _sum(points) / (_count(points) or 1),
    "Minimum": lambda points: min(p.least for p in points),
    "Maximum": lambda points: max(p.most for p in points),
}
