"""The trust matrix: who can assume what, taken from the results and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.report.summary import STANDINGS, standing

_KIND_ORDER = ("caller", "other role", "user", "operations", "outsider")


@dataclass(frozen=True, slots=True)
class Cell:
    """All probes of one principal against one fleet role, the worst verdict standing for them."""

    expected: str
    observed: str
    verdict: str
    """How the worst of them stands: see `harness.report.summary.standing`."""
    first: int
    """Number of that one among all results."""


@dataclass(slots=True)
class Row:
    """One principal, with its cells by column label."""

    principal: str
    kind: str
    cells: dict[str, Cell] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows and columns in a stable order: principals by kind then name, fleet roles by name."""

    rows: tuple[Row, ...]
    columns: tuple[str, ...]


def build(results: Iterable[Mapping[str, Any]]) -> Matrix:
    """The matrix of the results that say they are part of it. A pair nobody probed has no cell."""
    rows: dict[str, Row] = {}
    columns: set[str] = set()
    for index, result in enumerate(results):
        if not result["matrix"]:
            continue
        row = rows.setdefault(
            result["principal"], Row(result["principal"], result["principal_kind"])
        )
        column = result["resource"]
        columns.add(column)
        cell = Cell(result["expected"], result["observed"], standing(result), index)
        old = row.cells.get(column)
        if old is None or _rank(cell) < _rank(old):
            row.cells[column] = cell
    return Matrix(tuple(sorted(rows.values(), key=_order)), tuple(sorted(columns)))


def _rank(cell: Cell) -> int:
    return STANDINGS.index(cell.verdict)


def _order(row: Row) -> tuple[int, str]:
    known = row.kind in _KIND_ORDER
    return (_KIND_ORDER.index(row.kind) if known else len(_KIND_ORDER), row.principal)
