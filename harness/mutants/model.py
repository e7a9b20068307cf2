"""What a mutant is, and whether a run of the suite noticed it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.mutants.edits import ClientEdits, TerraformEdits
from harness.mutants.site import Site

Layer = Literal[
    "trust",
    "permission",
    "role chaining",
    "logs",
    "KMS",
    "Bedrock",
    "caller role",
    "runtime",
    "organization",
]
Level = Literal["terraform", "live", "client"]
LEVELS: tuple[Level, ...] = ("terraform", "live", "client")

SECURITY = "tests/security"
CLIENT = "tests/client"


@dataclass(frozen=True, slots=True)
class Notice:
    """A probe that must break: its kind, what the label of its principal contains, and one of the
    rows of the attack catalogue that it answers, where a kind answers many."""

    probe: str
    principal: str = ""
    row: str = ""

    def matches(self, result: Mapping[str, Any]) -> bool:
        """Whether a result is this probe, broken. `no evidence` is not enough."""
        return (
            result["verdict"] == "broken"
            and result["probe"] == self.probe
            and self.principal in result["principal"]
            and (not self.row or self.row in result["rows"])
        )

    def __str__(self) -> str:
        by = f" of {self.principal}" if self.principal else ""
        return f"{self.probe}{by}{f' for {self.row}' if self.row else ''}"


@dataclass(frozen=True, slots=True)
class Failing:
    """A test that must fail: what its own name contains, the file's aside, and what it says."""

    test: str
    says: str = ""

    def matches(self, test: Mapping[str, Any]) -> bool:
        """Whether the test failed. An error while it was set up is not enough."""
        return (
            self.test in test["id"].partition("::")[2]
            and self.says in test.get("message", "")
            and test["outcome"] == "failed"
        )

    def __str__(self) -> str:
        return f"{self.test} ({self.says})" if self.says else self.test


How = Callable[[Site], None] | TerraformEdits | ClientEdits


@dataclass(frozen=True, slots=True)
class Mutant:
    """One weakening. `id` starts with its row in the attack catalogue."""

    id: str
    title: str
    layer: Layer
    how: How
    """What it changes: live policies and settings, Terraform source, or source of the client."""
    noticed_by: tuple[Notice | Failing, ...]
    tests: str
    """The tests among which these are, as pytest's `-k` takes them; `{region}` is the victim's."""
    folder: str = SECURITY
    """Where these tests lie."""
    more_rows: tuple[str, ...] = ()
    guarded: bool = False
    """Whether the organization's guardrails stay. They go before any other mistake is made: each
    wall must be missed by itself, and not only where no guardrail stands in front of it."""
    gap: str = ""
    """Why nothing notices it, where that is known. `noticed_by` is empty then, and all tests run:
    a gap that something notices is one no more."""

    @property
    def rows(self) -> tuple[str, ...]:
        """The rows of the attack catalogue that this is an instance of."""
        return (self.id.partition("-")[0], *self.more_rows)

    @property
    def level(self) -> Level:
        """Where the mistake is made."""
        if isinstance(self.how, TerraformEdits):
            return "terraform"
        return "client" if isinstance(self.how, ClientEdits) else "live"

    def unnoticed(
        self, results: Iterable[Mapping[str, Any]], tests: Iterable[Mapping[str, Any]] = ()
    ) -> list[Notice | Failing]:
        """Those of `noticed_by` that did not break in these results, or fail in these tests."""
        seen, ran = list(results), list(tests)
        return [
            notice
            for notice in self.noticed_by
            if not any(map(notice.matches, seen if isinstance(notice, Notice) else ran))
        ]
