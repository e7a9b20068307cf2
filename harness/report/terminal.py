"""The report on the terminal: trust matrix, what did not hold, verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.report.matrix import Cell, Matrix, Row, build
from harness.report.summary import BLOCKED, Summary, standing, summarize

WIDE = 8
"""With more fleet roles than this the matrix counts cells instead of showing each."""
LISTED = 20
"""How many failures are listed one by one."""


_WORDS = {
    "broken": "broken",
    BLOCKED: "refused, and the design allows it",
    "no evidence": "no evidence",
}


def render(results: Mapping[str, Any], console: Console, *, compact: bool | None = None) -> Summary:
    """Print the report of a run (see the package's docstring for the data) and return its summary.

    `compact` counts the cells of the matrix per principal; by default it does so for large fleets.
    Raises `ValueError` when `results` is not in the known format.
    """
    summary = summarize(results)
    matrix = build(results["results"])
    if matrix.rows:
        small = len(matrix.columns) > WIDE if compact is None else compact
        _print_table(_compact(matrix) if small else _full(matrix), console)
        console.print()
    _print_failures(summary, console)
    style = "bold green" if summary.holds else "bold red"
    console.print(Text(summary.sentence, style=style), soft_wrap=True)
    console.print(
        Text(f"{summary.tests:,} tests in {summary.seconds:.1f} s", style="dim"), highlight=False
    )
    return summary


def _print_table(table: Table, console: Console) -> None:
    if console.is_terminal:
        console.print(table)
        return
    # Tables are padded to their width, which files and diffs do not want.
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        console.print(Text(line.rstrip()), soft_wrap=True, highlight=False)


def _full(matrix: Matrix) -> Table:
    table = _table("Who can assume which fleet role")
    for column in matrix.columns:
        table.add_column(column, justify="center", overflow="fold")
    for row, ends in _sections(matrix):
        table.add_row(
            row.principal,
            *(_cell(row.cells.get(name)) for name in matrix.columns),
            end_section=ends,
        )
    return table


def _compact(matrix: Matrix) -> Table:
    table = _table(f"Who can assume which of {len(matrix.columns)} fleet roles")
    table.add_column("allowed", justify="right")
    table.add_column("denied", justify="right")
    table.add_column("not as required", overflow="fold")
    table.add_column("not probed", justify="right")
    for row, ends in _sections(matrix):
        good = Counter(
            cell.observed
            for cell in row.cells.values()
            if cell.verdict in ("held", "unaddressable")
        )
        wrong = Text(", ").join(
            Text.assemble(name, " ", _cell(cell))
            for name, cell in sorted(row.cells.items())
            if cell.verdict not in ("held", "unaddressable")
        )
        table.add_row(
            row.principal,
            str(good["allowed"]),
            str(good["denied"]),
            wrong,
            str(len(matrix.columns) - len(row.cells)),
            end_section=ends,
        )
    return table


def _table(title: str) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
    )
    table.add_column("principal", overflow="fold")
    return table


def _sections(matrix: Matrix) -> list[tuple[Row, bool]]:
    following = [*matrix.rows[1:], None]
    return [
        (row, after is not None and after.kind != row.kind)
        for row, after in zip(matrix.rows, following, strict=True)
    ]


def _cell(cell: Cell | None) -> Text:
    if cell is None:
        return Text("not probed", style="dim")
    if cell.verdict == "held":
        return Text(cell.observed, style="bold green" if cell.observed == "allowed" else "green")
    if cell.verdict in ("broken", BLOCKED):
        style = "bold red" if cell.verdict == "broken" else "bold yellow"
        return Text(f"{cell.observed.upper()}, must be {cell.expected}", style=style)
    return Text(f"{cell.observed}: {cell.verdict}", style="bold yellow")


def _print_failures(summary: Summary, console: Console) -> None:
    for result in summary.failed[:LISTED]:
        rows = f" ({', '.join(result['rows'])})" if result["rows"] else ""
        _line(console, f"{_WORDS[standing(result)]}: {result['claim']}{rows}", "bold red")
        _line(
            console,
            f"  request   {result['principal']}: {result['action']} on {result['resource_arn']}",
        )
        _line(console, f"  required  {result['expected']}")
        _line(console, f"  answer    {result['observed']}; {result['message']}")
    for test in summary.unexplained[:LISTED]:
        _line(console, f"{test['outcome']}: {test['id']}", "bold red")
        if test["message"]:
            _line(console, f"  {test['message']}")
    hidden = max(0, len(summary.failed) - LISTED) + max(0, len(summary.unexplained) - LISTED)
    if hidden:
        _line(console, f"and {hidden} more", "bold red")
    if summary.failed or summary.unexplained:
        console.print()


def _line(console: Console, text: str, style: str = "") -> None:
    # As Text: an answer may hold square brackets, which are markup in a plain string.
    console.print(Text(text, style=style), soft_wrap=True, highlight=False)
