"""The page that says which rows of the attack catalogue are probed, by what, and which are not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_VARIANT = re.compile(r" \([^()]*\)$")
HEAD = """# Which attacks are probed

Made by `bulkhead coverage` from what the probes of a run showed; not written by hand. Each row is
one way in which the walls between customers could fail. Beside it stand the probes that show that
it does not, and the evidence that they accept: any other answer, such as an error for another
reason, fails the run. Each refusal stands beside a call of the same session that succeeds.
"""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The rows: tables by letter, rows by id, and why those without a probe have none."""

    tables: Mapping[str, str]
    rows: Mapping[str, str]
    uncovered: Mapping[str, str]
    beside_tables: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)
    """Rows of other tables, which probes may answer as well; nobody counts these."""

    def says(self, row: str) -> str:
        """The row in a sentence; empty for one that nobody knows."""
        return self.rows.get(row) or self.beside.get(row, "")


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a run covers of the catalogue."""

    catalogue: Catalogue
    shown: Mapping[str, Mapping[str, frozenset[str]]]
    """By row, by claim: the evidence that was accepted."""

    @property
    def silent(self) -> list[str]:
        """Rows that have neither a probe nor a reason."""
        return [r for r in self.catalogue.rows if not self._known(r)]

    @property
    def stale(self) -> list[str]:
        """Rows that have a reason for having no probe, and have one."""
        return [row for row in self.catalogue.uncovered if row in self.shown]

    @property
    def unknown(self) -> list[str]:
        """Rows that probes name, and the catalogue does not."""
        return sorted(row for row in self.shown if not self.catalogue.says(row))

    def _known(self, row: str) -> bool:
        return row in self.shown or row in self.catalogue.uncovered


def cover(results: Iterable[Mapping[str, Any]], catalogue: Catalogue) -> Coverage:
    """Which rows the results of a run answer. Variants of a claim count as one."""
    shown: dict[str, dict[str, set[str]]] = {}
    for result in results:
        claim = _VARIANT.sub("", result["claim"])
        for row in result["rows"]:
            shown.setdefault(row, {}).setdefault(claim, set()).add(result["evidence"])
    return Coverage(
        catalogue,
        {row: {c: frozenset(e) for c, e in claims.items()} for row, claims in shown.items()},
    )


def page(coverage: Coverage) -> str:
    """The page, as Markdown."""
    catalogue = coverage.catalogue
    covered = [row for row in catalogue.rows if row in coverage.shown]
    parts = [HEAD, f"{len(covered)} of {len(catalogue.rows)} rows are probed.\n"]
    for letter, title in catalogue.tables.items():
        parts += _table(letter, title, catalogue.rows, coverage)
    for letter, title in catalogue.beside_tables.items():
        if any(row.startswith(letter) for row in coverage.shown):
            parts += _table(
                letter, f"{title} (answered beside the others)", catalogue.beside, coverage
            )
    parts.append("## Not probed\n")
    parts.append("| row | what would be wrong | why it is not probed |")
    parts.append("|---|---|---|")
    parts += [
        f"| {row} | {wrong} | {catalogue.uncovered.get(row, 'Nobody has said.')} |"
        for row, wrong in catalogue.rows.items()
        if row not in coverage.shown
    ]
    return "\n".join(parts) + "\n"


def _table(letter: str, title: str, rows: Mapping[str, str], coverage: Coverage) -> list[str]:
    """A table with those of its rows that are probed."""
    parts = [
        f"## {letter}. {title}\n",
        "| row | what would be wrong | what shows that it is not | evidence |",
        "|---|---|---|---|",
    ]
    for row, wrong in rows.items():
        if row in coverage.shown and row.startswith(letter):
            claims = coverage.shown[row]
            evidence = sorted({e for each in claims.values() for e in each})
            parts.append(f"| {row} | {wrong} | {_lines(sorted(claims))} | {_lines(evidence)} |")
    return [*parts, ""]


def _lines(texts: list[str]) -> str:
    return "<br>".join(text.replace("|", "\\|") for text in texts)
