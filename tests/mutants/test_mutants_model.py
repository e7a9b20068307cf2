"""When a mutant counts as noticed."""

from __future__ import annotations

from typing import Any

import pytest

from harness.mutants import MUTANTS, Notice, mutant


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


def test_every_mutant_names_what_must_notice_it() -> None:
    assert len(MUTANTS) >= 40
    assert all(m.noticed_by and m.tests and m.title for m in MUTANTS)
    assert len({m.title for m in MUTANTS}) == len(MUTANTS)
    with pytest.raises(KeyError):
        mutant("T99")
