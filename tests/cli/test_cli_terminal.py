"""What the terminal shows in 80 columns: progress, and weakenings."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from harness.cli.mutants import render, show_all
from harness.cli.progress import RootProgress, fitting, probe_progress
from harness.deploy.run import RootEvent
from harness.deploy.terraform import Step
from harness.mutants.attempt import Attempt
from harness.mutants.catalogue import MUTANTS
from harness.mutants.model import LEVELS


def test_a_long_test_id_leaves_bar_and_counter_alone() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    name = "tests/security/test_trust.py::test_caller[" + "customer-of-long-name-" * 5 + "]"
    with probe_progress(console) as progress:
        progress.update(1234, 5678, name, 12)
    printed = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    (line, *_) = [each for each in re.split(r"[\r\n]", printed) if "1234/5678" in each]
    assert line.index("1234/5678") > len("⠋ probes ") + 20  # the bar stands between
    assert "12 failed test_caller" in line
    assert line.rstrip().endswith("…")
    assert len(line.rstrip()) <= 80


def test_only_a_root_that_is_worked_on_turns() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    progress = RootProgress(console, ["kept", "done", "failed", "running", "waiting"], "apply")
    with progress.shown():
        # One that was done before was never seen at work.
        progress(RootEvent("kept", "done", Step("start"), 1.0, kept=True))
        for root in ("done", "failed", "running"):
            progress(RootEvent(root, "running", Step("apply", 1, 3), 1.0))
        progress(RootEvent("done", "done", Step("apply", 3, 3), 2.0))
        progress(RootEvent("failed", "failed", Step("apply", 1, 3), 2.0))
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue()).splitlines()[-5:]
    marks = {line[2:9].split()[0]: line[0] for line in map(str.rstrip, last)}
    assert marks.pop("running") not in "✓✗ "
    assert marks == {"kept": "✓", "done": "✓", "failed": "✗", "waiting": " "}
    ends = (
        "done before, 1.0 s",
        "3 changes, 2.0 s",
        "failed, 2.0 s",
        "applying",
        "waiting to apply",
    )
    assert all(line.rstrip().endswith(end) for line, end in zip(last, ends, strict=True)), last


def test_short_texts_are_whole() -> None:
    assert fitting(Console(width=80), "test_a") == "test_a"
    assert len(fitting(Console(width=80), "x" * 99)) < 30


@pytest.mark.parametrize("terminal", [True, False])
def test_the_list_of_weakenings_takes_two_lines_each(terminal: bool) -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=terminal, color_system=None)
    show_all(console)
    lines = [line for line in out.getvalue().splitlines() if line]
    gaps = [mutant for mutant in MUTANTS if mutant.gap]
    assert len(lines) == 2 * len(MUTANTS) + len(LEVELS) + bool(gaps)
    assert max(map(len, lines)) <= 80 or not terminal
    text = out.getvalue()
    places = [text.index(f" {mutant.id} ") for mutant in MUTANTS if not mutant.gap]
    for gap in gaps:
        assert max(places) < text.index("known gaps") < text.index(f" {gap.id} ")
    if not terminal:  # a file has room for all
        assert all(mutant.title in text for mutant in MUTANTS)


def test_the_outcome_of_weakenings_takes_two_lines_each() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    attempt = Attempt("T01", 1.0, noticed=("assume-role of another, and of somebody else",) * 9)
    chosen = [mutant for mutant in MUTANTS if not mutant.gap][:5]
    render([(mutant, attempt) for mutant in chosen], console)
    lines = out.getvalue().splitlines()
    first = next(n for n, line in enumerate(lines) if chosen[0].id in line)
    assert chosen[0].title[:40] in lines[first]
    assert "noticed by assume-role" in lines[first + 1]
    assert len(lines[first + 1]) <= 80
