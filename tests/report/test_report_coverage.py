"""The page of attacks that are probed."""

from __future__ import annotations

from typing import Any

from harness.cli.coverage import catalogue, problems
from harness.report.coverage import Catalogue, cover, page

ROWS = Catalogue(
    {"T": "Trust"},
    {"T01": "everybody", "T02": "the organization", "T03": "the name | the path"},
    {"T02": "Not built."},
    {"G": "Guardrails"},
    {"G07": "above the guardrails", "G08": "beside them"},
)


def result(*rows: str, claim: str = "nobody gets in (by name)", evidence: str = "no") -> Any:
    return {"rows": list(rows), "claim": claim, "evidence": evidence}


def test_variants_of_a_claim_are_one() -> None:
    seen = cover([result("T01"), result("T01", claim="nobody gets in (by id)")], ROWS)
    assert dict(seen.shown) == {"T01": {"nobody gets in": frozenset({"no"})}}


def test_every_row_is_on_the_page_once() -> None:
    text = page(cover([result("T01"), result("T03", claim="a | b")], ROWS))
    assert "2 of 3 rows are probed." in text
    assert "| T01 | everybody | nobody gets in | no |" in text
    assert "a \\| b" in text
    assert "| T02 | the organization | Not built. |" in text
    assert all(text.count(f"| {row} |") == 1 for row in ROWS.rows)


def test_rows_without_probe_and_reason_are_told() -> None:
    assert problems(cover([result("T01"), result("T03")], ROWS)) == []
    (silent,) = problems(cover([result("T01")], ROWS))
    assert silent.startswith("T03 has no probe and no reason")


def test_reasons_must_go_when_there_is_a_probe() -> None:
    (stale,) = problems(cover([result("T01", "T02", "T03")], ROWS))
    assert stale.startswith("T02 has a probe")


def test_rows_that_do_not_exist_are_told() -> None:
    wrong = problems(cover([result("T01", "T03", "T99", "B09", "G07")], ROWS))
    assert [line[:23] for line in wrong] == ["B09 is named by a probe", "T99 is named by a probe"]


def test_rows_of_other_tables_are_shown_where_probes_answer_them() -> None:
    text = page(cover([result("T01", "G07")], ROWS))
    assert "1 of 3 rows are probed." in text
    assert "| G07 | above the guardrails | nobody gets in | no |" in text
    assert "G08" not in text


def test_the_catalogue_is_whole() -> None:
    rows = catalogue()
    assert {row[0] for row in rows.rows} == set(rows.tables)
    assert set(rows.uncovered) <= set(rows.rows)
    assert {row[0] for row in rows.beside} == set(rows.beside_tables)
    assert not set(rows.beside) & set(rows.rows)
    counted = {t: sum(row.startswith(t) for row in rows.rows) for t in rows.tables}
    assert counted == {"T": 46, "P": 42, "C": 10, "K": 12, "L": 31, "O": 17}
