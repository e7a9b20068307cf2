"""The terminal report, from plain data."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console
from support.results import DENIED, result, run

from harness.report.matrix import build
from harness.report.summary import summarize
from harness.report.terminal import render


def text(data: dict[str, Any], **options: Any) -> str:
    out = io.StringIO()
    render(data, Console(file=out, width=160, color_system=None), **options)
    return out.getvalue()


def test_a_run_in_which_all_holds_says_so_and_shows_every_cell() -> None:
    data = run(
        result(),
        result(resource="globex", **DENIED),
        result(principal="globex caller 333333333333", resource="globex"),
    )
    shown = text(data)
    assert "acme caller 222222222222" in shown
    assert "globex caller 333333333333" in shown
    assert shown.count("not probed") == 1
    assert "The walls hold: 3 of 3 probes." in shown
    assert summarize(data).holds


def test_a_broken_probe_is_listed_with_request_and_answer_and_fails_the_verdict() -> None:
    data = run(
        result(), result(expected="denied", verdict="broken", message="the call was allowed")
    )
    shown = text(data)
    assert "ALLOWED, must be denied" in shown
    assert "broken: another role of the account cannot assume the fleet role (T07)" in shown
    assert "sts:AssumeRole on arn:aws:iam::111111111111:role/acme" in shown
    assert "The walls do not hold: 1 of 2 probes broke through." in shown
    assert not summarize(data).holds


def test_no_evidence_is_not_a_pass() -> None:
    data = run(
        result(observed="failed", verdict="no evidence", message="ThrottlingException: slow")
    )
    assert not summarize(data).holds
    assert "ThrottlingException: slow" in text(data)
    assert "Not shown: 1 of 1 probe gave no evidence." in text(data)


def test_an_unaddressable_thing_counts_as_held_and_is_named_as_such() -> None:
    data = run(
        result(),
        result(expected="unaddressable", observed="unaddressable", verdict="unaddressable"),
    )
    assert summarize(data).holds
    assert "1 of 2 probes, and 1 could not even be addressed" in text(data)


def test_no_probes_show_nothing() -> None:
    assert not summarize(run()).holds
    assert "Nothing was shown" in text(run())


def test_a_run_that_did_not_end_shows_nothing() -> None:
    assert summarize(run(result())).holds
    assert not summarize(run(result(), complete=False)).holds


@pytest.mark.parametrize("outcome", ["failed", "error", "skipped"])
def test_a_test_that_did_not_pass_without_a_result_is_listed(outcome: str) -> None:
    test = {
        "id": "tests/security/t.py::t",
        "outcome": outcome,
        "seconds": 0.0,
        "message": "no role",
    }
    data = run(result(), tests=[test])
    assert not summarize(data).holds
    assert f"{outcome}: tests/security/t.py::t" in text(data)
    assert "no role" in text(data)


def test_the_worst_verdict_of_a_pair_stands_in_its_cell() -> None:
    held, broken = result(**DENIED), result(expected="denied", verdict="broken")
    for order in ((held, broken), (broken, held)):
        (row,) = build(order).rows
        assert row.cells["acme"].verdict == "broken"


def test_results_outside_the_matrix_make_no_row() -> None:
    assert build([result(matrix=False)]).rows == ()
    assert len(build([result()]).rows) == 1


def test_principals_are_ordered_by_kind() -> None:
    kinds = ["outsider", "operations", "other role", "caller"]
    rows = build([result(principal=kind, principal_kind=kind) for kind in kinds]).rows
    assert [row.kind for row in rows] == ["caller", "other role", "operations", "outsider"]


def test_a_large_fleet_is_counted_and_only_what_is_wrong_is_named() -> None:
    fleet = [result(resource=f"customer-{n:03}", **DENIED) for n in range(199)]
    bad = result(resource="customer-199", expected="denied", verdict="broken")
    shown = text(run(result(), *fleet, bad))
    assert "customer-199 ALLOWED, must be denied" in shown
    assert "customer-000" not in shown
    assert max(map(len, shown.splitlines())) <= 160


def test_brackets_in_an_answer_are_shown_as_they_are() -> None:
    data = run(result(verdict="broken", message="[bold]not markup[/bold] [redacted]"))
    assert "[bold]not markup[/bold] [redacted]" in text(data)


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format"):
        summarize({"format": "junit"})


def test_a_file_gets_no_trailing_spaces() -> None:
    shown = text(run(result()))
    assert "acme caller 222222222222" in shown
    assert [line for line in shown.splitlines() if line != line.rstrip()] == []


def test_a_designed_call_that_is_refused_is_told_apart() -> None:
    refused = result(observed="denied", verdict="broken", message="AccessDenied")
    shown = text(run(result(), refused))
    assert "refused, and the design allows it: another role" in shown
    assert "Not as designed: no wall broke, but 1 designed call was refused." in shown
    both = run(refused, refused, result(expected="denied", verdict="broken"))
    says = "The walls do not hold: 1 of 3 probes broke through; 2 designed calls were refused."
    assert says in text(both)
    assert summarize(both).counts == {"blocked": 2, "broken": 1}


def test_large_numbers_are_written_alike() -> None:
    assert summarize(run(*[result()] * 1500)).sentence == "The walls hold: 1,500 of 1,500 probes."
