"""Writes the page that says which attacks are probed."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import click

import harness.probes
from harness.deploy.workspace import environment_folder, project_root, runs_folder
from harness.errors import UserError
from harness.report.coverage import Catalogue, Coverage, cover, page
from harness.report.summary import summarize

PAGE = Path("docs") / "coverage.md"
ROWS = Path(harness.probes.__file__).with_name("attack_rows.toml")


def catalogue() -> Catalogue:
    """The rows of the attack catalogue."""
    data: dict[str, dict[str, str]] = tomllib.loads(ROWS.read_text(encoding="utf-8"))
    return Catalogue(
        *(data[name] for name in ("tables", "rows", "uncovered", "beside_tables", "beside"))
    )


def write_page(environment: str, results: Path | None) -> bool:
    """Writes docs/coverage.md from a run's results; whether every row is answered or explained.

    Raises `UserError` where there are no results, or not of a whole run that held.
    """
    name = environment_folder(environment).name
    path = results or runs_folder() / name / "results.json"
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        summary = summarize(data)
    except OSError:
        raise UserError(f"{path} does not exist; run `bulkhead demo {name}` first") from None
    except (ValueError, KeyError):
        raise UserError(f"{path} holds no results of a run; run `bulkhead demo {name}`") from None
    if not summary.holds:
        raise UserError(f"{path} is not of a run in which everything held: {summary.sentence}")
    coverage = cover(data["results"], catalogue())
    target = project_root() / PAGE
    target.write_text(page(coverage), encoding="utf-8")
    for problem in problems(coverage):
        click.echo(problem, err=True)
    click.echo(f"{PAGE}: {len(coverage.catalogue.rows)} rows")
    return not problems(coverage)


def problems(coverage: Coverage) -> list[str]:
    """What the catalogue and the probes disagree on, one line each."""
    return [
        *(f"{row} has no probe and no reason in {ROWS.name}" for row in coverage.silent),
        *(f"{row} has a probe, so its reason in {ROWS.name} must go" for row in coverage.stale),
        *(f"{row} is named by a probe and is not in {ROWS.name}" for row in coverage.unknown),
    ]
