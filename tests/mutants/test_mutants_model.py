"""When a mutant counts as noticed, and what the catalogue of mutants must have."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UserError
from harness.mutants import LEVELS, MUTANTS, Failing, Mutant, Notice, mutant
from harness.mutants.attempt import Attempt
from harness.mutants.edits import ClientEdits, Edit, TerraformEdits, edited_copy
from harness.mutants.pool import in_groups
from harness.mutants.unrequired import MODULES

ROOT = Path(__file__).parents[2]


def result(**changes: Any) -> dict[str, Any]:
    return {
        "probe": "assume-role",
        "principal": "no organization 777777777777",
        "verdict": "broken",
        **changes,
    }


def test_a_broken_probe_is_a_notice() -> None:
    assert mutant("T28").unnoticed([result()]) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "no evidence"},
        {"verdict": "held"},
        {"probe": "session-name"},
        {"principal": "other organization 666666666666"},
    ],
)
def test_anything_else_is_not(changes: dict[str, str]) -> None:
    assert mutant("T28").unnoticed([result(**changes)]) == [
        Notice("assume-role", "no organization")
    ]


def test_where_a_probe_answers_many_rows_a_notice_names_one() -> None:
    noticed = Notice("assume-role", row="T28")
    assert noticed.matches(result(rows=["T01", "T28"]))
    assert not noticed.matches(result(rows=["T01"]))
    assert str(noticed) == "assume-role for T28"


def test_a_failed_test_is_known_by_its_name_and_by_what_it_says() -> None:
    noticed = Failing("test_sent[", says="not sent")
    test = {
        "id": "tests/test_sent.py::test_sent[a]",
        "outcome": "failed",
        "message": "was not sent",
    }
    assert noticed.matches(test)
    for other in (
        {"id": "tests/test_sent[.py::test_other[a]"},
        {"message": "a time-out"},
        {"outcome": "error"},
    ):
        assert not noticed.matches({**test, **other})


def test_a_failed_test_of_the_client_is_a_notice() -> None:
    noticed = Failing("test_no_role_no_model_call")
    test = {"id": "tests/client/test_x.py::test_no_role_no_model_call[sts]", "outcome": "failed"}
    assert mutant("R02-client").unnoticed([], [test]) == []
    for other in ({"outcome": "passed"}, {"outcome": "error"}, {"id": "tests/x.py::test_y"}):
        assert mutant("R02-client").unnoticed([], [{**test, **other}]) == [noticed]


def test_an_attempt_is_as_expected_only_if_it_was_made() -> None:
    caught = Attempt("T28", 1.0, code=1, complete=True, noticed=("assume-role",))
    passed = Attempt("T28", 1.0, code=0, complete=True)
    gap = replace(mutant("T28"), id="T28-gap", noticed_by=(), tests="", gap="nobody looks")
    assert caught.as_expected(mutant("T28")) and not passed.as_expected(mutant("T28"))
    assert passed.as_expected(gap) and not caught.as_expected(gap)
    for bad in (
        Attempt("T28", 1.0, error="nothing to weaken"),
        Attempt("T28", 1.0, code=1, complete=False),
        Attempt("T28", 1.0, code=1, complete=True, missing=("assume-role",)),
        Attempt("T28", 1.0, code=2, complete=True),
    ):
        assert not bad.as_expected(mutant("T28"))
        assert not bad.as_expected(gap)
    assert Attempt.from_json(caught.as_json()) == caught


def test_every_mutant_names_what_must_notice_it() -> None:
    levels = Counter(m.level for m in MUTANTS if not m.gap)
    assert levels["live"] >= 52 and levels["terraform"] >= 12 and levels["client"] >= 8
    assert set(levels) == set(LEVELS)
    assert all(m.title and bool(m.gap) != bool(m.noticed_by and m.tests) for m in MUTANTS)
    assert len({m.id for m in MUTANTS}) == len(MUTANTS)
    assert len({m.title for m in MUTANTS}) == len(MUTANTS)
    with pytest.raises(KeyError):
        mutant("T99")


def test_each_mutant_is_tried_by_itself_but_gaps_together() -> None:
    gaps = [replace(m, id=f"{m.id}-gap", noticed_by=(), gap="x") for m in MUTANTS[:2]]
    groups = in_groups([*MUTANTS, *gaps])
    assert sorted(m.id for group in groups for m in group) == sorted(
        m.id for m in (*MUTANTS, *gaps)
    )
    assert [group for group in groups if len(group) > 1] == [tuple(gaps)]


def test_modules_that_are_not_deployed_here_are_weakened_by_their_own_tests() -> None:
    main = (ROOT / "environments/embedded/bootstrap/main.tf").read_text(encoding="utf-8")
    for module, test in MODULES.items():
        assert f"modules/{module}" in main
        file, _, name = test.partition("::")
        assert f"\ndef {name}(" in (ROOT / file).read_text(encoding="utf-8")


EDITED = [m for m in MUTANTS if isinstance(m.how, TerraformEdits | ClientEdits)]


@pytest.mark.parametrize("edited", EDITED, ids=lambda m: m.id)
def test_every_edit_fits_the_source(edited: Mutant, tmp_path: Path) -> None:
    assert isinstance(edited.how, TerraformEdits | ClientEdits)
    folder = "client" if isinstance(edited.how, ClientEdits) else "modules"
    edited_copy(ROOT, (folder,), edited.how.edits, tmp_path)
    for edit in edited.how.edits:
        text = (tmp_path / edit.file).read_text(encoding="utf-8")
        assert text != (ROOT / edit.file).read_text(encoding="utf-8")
        if edit.file.endswith(".py"):
            compile(text, edit.file, "exec")


@pytest.mark.parametrize(
    ("old", "new"), [("not there", "x"), ("twice", "x"), ("once", "once")], ids=str
)
def test_an_edit_that_does_not_fit_is_an_error(old: str, new: str, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text("once twice twice")
    with pytest.raises(UserError, match=r"main\.tf"):
        Edit("main.tf", old, new).apply(tmp_path)
    Edit("main.tf", "once", "never").apply(tmp_path)
    assert (tmp_path / "main.tf").read_text() == "never twice twice"
