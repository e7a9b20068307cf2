"""The report as one HTML file that needs nothing else: no network, no other file.

Everything is escaped, and a content security policy lets nothing run but the one script whose hash
it names. The probes travel packed, so that a run with hundreds of customers stays one small file.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from harness.report.coverage import Catalogue, cover
from harness.report.graph import draw
from harness.report.matrix import build
from harness.report.summary import STANDINGS, standing, summarize

_FOLDER = Path(__file__).with_name("page")
TEXTS = (
    *("test", "probe", "claim", "principal", "principal_kind", "principal_arn", "action"),
    *("resource", "resource_arn", "expected", "observed", "verdict", "message", "evidence", "twin"),
)
"""Members of a result that are texts, in the order in which they are packed."""
WORDS = {
    "held": "the wall held, with evidence",
    "broken": "a way through was open",
    "blocked": "nobody got through, but what the design allows was refused",
    "no evidence": "the answer proves nothing",
    "unaddressable": "no request can even name it",
}
"""What the standings of probes mean."""
GLOSSARY = (
    ("caller", "the application of a customer account, with the role that it runs as"),
    ("other role, user", "another role or user of a customer account, with every right there"),
    ("fleet", "a session of a customer's role in the operations account"),
    ("administrator", "whoever administers a customer's or the management account"),
    ("reader, support", "who reads a customer's records: its own people, and support by grant"),
    ("operations", "principals of the operations account itself"),
    ("outsider", "an account of another organization, or of none"),
    *WORDS.items(),
    ("twin", "a call of the same session that must succeed, so that a refusal is no accident"),
    ("row", "one way in which walls could fail, in the attack catalogue; see Coverage"),
)
"""The words of the page."""


def render_html(data: Mapping[str, Any], catalogue: Catalogue | None = None) -> str:
    """The report of a run. `catalogue` adds what is covered of it, and what is not.

    Raises `ValueError` when the data is not in the known format.
    """
    summary = summarize(data)
    results: Sequence[Mapping[str, Any]] = data["results"]
    script = (_FOLDER / "report.js").read_text(encoding="utf-8")
    style = (_FOLDER / "report.css").read_text(encoding="utf-8")
    loader = jinja2.FileSystemLoader(_FOLDER)
    engine = jinja2.Environment(
        loader=loader,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return engine.get_template("report.html.j2").render(
        data=data,
        summary=summary,
        tone="good" if summary.holds else "bad" if summary.counts.get("broken") else "unsure",
        standings=[(name, WORDS[name]) for name in (STANDINGS[-1], *STANDINGS[:-1])],
        glossary=GLOSSARY,
        picture=draw(data["environment"], results),
        tables=_tables(results, catalogue),
        uncovered=_uncovered(results, catalogue),
        script=Markup(script),
        style=Markup(style),
        digest=digest,
        packed=pack(data, catalogue),
    )


def pack(data: Mapping[str, Any], catalogue: Catalogue | None = None) -> str:
    """The probes and the matrix for the page's script: JSON, gzip, base64.

    Texts that repeat, as most do, are kept once and named by number. `ids` name results in links;
    a test's results keep theirs from run to run. `sentences` say what the rows are.
    """
    numbers: dict[str, int] = {}

    def number(text: str) -> int:
        return numbers.setdefault(text, len(numbers))

    def note(value: Any) -> int:
        return -1 if value is None else number(json.dumps(value, sort_keys=True))

    rows, ids = [], []
    ordinals: Counter[str] = Counter()
    for each in data["results"]:
        ordinals[each["test"]] += 1
        name = f"{each['test']} {ordinals[each['test']]}"
        ids.append(hashlib.sha256(name.encode()).hexdigest()[:12])
        answer = each["answer"]
        rows.append(
            [
                *(number(each[name]) for name in TEXTS),
                number(" ".join(each["rows"])),
                note(each["request"]),
                note(answer and {k: answer[k] for k in ("status", "code")}),
                number(answer["request_id"] if answer else ""),
                note(each["decision"]),
                note(each["reads"]),
                number(standing(each)),
                each["matrix"],
            ]
        )
    matrix = build(data["results"])
    content = {
        "texts": list(numbers),
        "fields": [
            *(*TEXTS, "rows", "request", "answer", "request_id", "decision"),
            *("reads", "standing", "matrix"),
        ],
        "sentences": {
            row: catalogue.says(row)
            for row in sorted({row for each in data["results"] for row in each["rows"]})
            if catalogue is not None and catalogue.says(row)
        },
        "results": rows,
        "ids": ids,
        "matrix": {
            "columns": list(matrix.columns),
            "rows": [
                {
                    "principal": row.principal,
                    "kind": row.kind,
                    "cells": {
                        str(index): [
                            cell.expected,
                            cell.observed,
                            cell.verdict,
                            cell.first,
                        ]
                        for index, name in enumerate(matrix.columns)
                        if (cell := row.cells.get(name)) is not None
                    },
                }
                for row in matrix.rows
            ],
        },
    }
    text = json.dumps(content, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _tables(
    results: Sequence[Mapping[str, Any]], catalogue: Catalogue | None
) -> list[dict[str, Any]]:
    """Each table of the catalogue with how much of it is probed."""
    if catalogue is None:
        return []
    shown = cover(results, catalogue).shown
    found = []
    for letter, title in catalogue.tables.items():
        rows = [row for row in catalogue.rows if row.startswith(letter)]
        probed = sum(row in shown for row in rows)
        found.append({"letter": letter, "title": title, "rows": len(rows), "probed": probed})
    return found


def _uncovered(
    results: Sequence[Mapping[str, Any]], catalogue: Catalogue | None
) -> list[tuple[str, str, str]]:
    if catalogue is None:
        return []
    shown = cover(results, catalogue).shown
    return [
        (row, wrong, catalogue.uncovered.get(row, "Nobody has said."))
        for row, wrong in catalogue.rows.items()
        if row not in shown
    ]
