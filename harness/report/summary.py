"""The verdict over a run: whether everything held, and what did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FORMAT = "bulkhead-results/3"
GOOD = frozenset({"held", "unaddressable"})
DESIGNED = frozenset({"allowed", "present"})
"""What a probe expects of something that the design is for; everything else is a wall."""
BLOCKED = "blocked"
STANDINGS = ("broken", BLOCKED, "no evidence", "unaddressable", "held")
"""Worst first. `blocked`: nobody got through, but what the design allows did not happen."""


def standing(result: Mapping[str, Any]) -> str:
    """The verdict on a probe as people are told it: its verdict, or `blocked` where what broke is
    no wall but something that had to work."""
    if result["verdict"] == "broken" and result["expected"] in DESIGNED:
        return BLOCKED
    return str(result["verdict"])


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run showed. `holds` only if the run ended, probed something, every probe held and
    every test passed; a skipped test is not a passed one. What is left out where accounts are real
    is told, and not counted against them."""

    counts: Mapping[str, int]
    """Probes by `standing`."""
    probes: int
    tests: int
    failed: tuple[Mapping[str, Any], ...]
    """Results that neither held nor were unaddressable, broken walls first."""
    unexplained: tuple[Mapping[str, Any], ...]
    """Tests that did not pass although none of their results says why."""
    complete: bool
    seconds: float
    left_out: int = 0
    """Tests that were not run: they need a copy of the cloud, or change what nobody asked to."""

    @property
    def holds(self) -> bool:
        return self.complete and self.probes > 0 and not self.failed and not self.unexplained

    @property
    def sentence(self) -> str:
        """The verdict in one line."""
        count = {name: self.counts.get(name, 0) for name in STANDINGS}
        probes = f"{self.probes:,} probes" if self.probes != 1 else "1 probe"
        if self.holds:
            extra = count["unaddressable"]
            beside = f", and {extra:,} could not even be addressed" if extra else ""
            if self.left_out:
                left = f"{self.left_out:,} of {self.tests:,} tests were left out"
                return f"All that was tried held: {count['held']:,} of {probes}{beside}; {left}."
            return f"The walls hold: {count['held']:,} of {probes}{beside}."
        refused = f"{count[BLOCKED]:,} designed {_calls(count[BLOCKED])} refused"
        if count["broken"]:
            beside = f"; {refused}" if count[BLOCKED] else ""
            return f"The walls do not hold: {count['broken']:,} of {probes} broke through{beside}."
        if not self.probes:
            return "Nothing was shown: no probe ran."
        if not self.complete:
            return "Nothing was shown: the run did not end."
        missing = f"{count['no evidence']:,} of {probes} gave no evidence"
        if count[BLOCKED]:
            beside = f", and {missing}" if count["no evidence"] else ""
            return f"Not as designed: no wall broke, but {refused}{beside}."
        if count["no evidence"]:
            return f"Not shown: {missing}."
        return f"Not shown: {len(self.unexplained):,} of {self.tests:,} tests did not pass."


def _calls(count: int) -> str:
    return "call was" if count == 1 else "calls were"


def summarize(data: Mapping[str, Any]) -> Summary:
    """Read a run's data. Raises `ValueError` when it is not in the format this package knows."""
    if data.get("format") != FORMAT:
        raise ValueError(f"not a results file of format {FORMAT}")
    results: Sequence[Mapping[str, Any]] = data["results"]
    tests: Sequence[Mapping[str, Any]] = data["tests"]
    failed = [result for result in results if result["verdict"] not in GOOD]
    failed.sort(key=lambda result: STANDINGS.index(standing(result)))
    explained = {result["test"] for result in failed}
    return Summary(
        counts=Counter(map(standing, results)),
        probes=len(results),
        tests=len(tests),
        failed=tuple(failed),
        unexplained=tuple(
            test
            for test in tests
            if test["outcome"] not in ("passed", "left out") and test["id"] not in explained
        ),
        complete=bool(data.get("complete")),
        seconds=float(data.get("seconds", 0.0)),
        left_out=sum(test["outcome"] == "left out" for test in tests),
    )
