"""What a mutant is, and whether a run of the suite noticed it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.mutants.site import Site

Layer = Literal["trust", "permission", "role chaining", "logs", "Bedrock", "caller role"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A probe that must break: its kind, and what the label of its principal contains."""

    probe: str
    principal: str = ""

    def matches(self, result: Mapping[str, Any]) -> bool:
        """Whether a result is this probe, broken. `no evidence` is not enough."""
        return (
            result["verdict"] == "broken"
            and result["probe"] == self.probe
            and self.principal in result["principal"]
        )


@dataclass(frozen=True, slots=True)
class Mutant:
    """One weakening. `id` is its row in the attack catalogue."""

    id: str
    title: str
    layer: Layer
    weaken: Callable[[Site], None]
    noticed_by: tuple[Notice, ...]
    tests: str
    """The tests among which these probes are, as pytest's `-k` takes them."""

    def apply(self, site: Site) -> None:
        """Weaken one wall, with the organization's guardrails gone: each must be noticed alone."""
        site.without_guardrails()
        self.weaken(site)

    def unnoticed(self, results: Iterable[Mapping[str, Any]]) -> list[Notice]:
        """Those of `noticed_by` that did not break in these results."""
        seen = list(results)
        return [
            notice
            for notice in self.noticed_by
            if not any(notice.matches(result) for result in seen)
        ]
