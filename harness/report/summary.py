"""The verdict over a run: whether everything held, and what did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FORMAT = "bulkhead-results/2"
GOOD = frozenset({"held", "unaddressable"})


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run showed. `holds` only if the run ended, probed something, every probe held and
    every test passed; a skipped test is not a passed one."""

    counts: Mapping[str, int]
    probes: int
    tests: int
    failed: tuple[Mapping[str, Any], ...]
    """Results that neither held nor were unaddressable."""
    unexplained: tuple[Mapping[str, Any], ...]
    """Tests that did not pass although none of their results says why."""
    complete: bool
    seconds: float

    @property
    def holds(self) -> bool:
        return self.complete and self.probes > 0 and not self.failed and not self.unexplained

    @property
    def sentence(self) -> str:
        """The verdict in one line."""
        if self.holds:
            extra = self.counts.get("unaddressable", 0)
            beside = f" ({extra} could not even be addressed)" if extra else ""
            return f"The walls hold: {self.probes} of {self.probes} probes{beside}."
        if self.counts.get("broken"):
            broken = self.counts["broken"]
            return f"The walls do not hold: {broken} of {self.probes} probes broke through."
        if not self.probes:
            return "Nothing was shown: no probe ran."
        if not self.complete:
            return "Nothing was shown: the run did not end."
        missing = self.counts.get("no evidence", 0)
        if missing:
            return f"Not shown: {missing} of {self.probes} probes gave no evidence."
        return f"Not shown: {len(self.unexplained)} of {self.tests} tests did not pass."


def summarize(data: Mapping[str, Any]) -> Summary:
    """Read a run's data. Raises `ValueError` when it is not in the format this package knows."""
    if data.get("format") != FORMAT:
        raise ValueError(f"not a results file of format {FORMAT}")
    results: Sequence[Mapping[str, Any]] = data["results"]
    tests: Sequence[Mapping[str, Any]] = data["tests"]
    failed = tuple(result for result in results if result["verdict"] not in GOOD)
    explained = {result["test"] for result in failed}
    return Summary(
        counts=Counter(result["verdict"] for result in results),
        probes=len(results),
        tests=len(tests),
        failed=failed,
        unexplained=tuple(
            test for test in tests if test["outcome"] != "passed" and test["id"] not in explained
        ),
        complete=bool(data.get("complete")),
        seconds=float(data.get("seconds", 0.0)),
    )
