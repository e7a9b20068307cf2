"""docs/runbooks.md: a section for each alarm of the modules, true to the client's records."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from bulkhead.ledger import WriterStats

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
SECTIONS = {
    "modules/customer-logging counted": {
        "bulkhead-CUSTOMER-errors",
        "bulkhead-CUSTOMER-throttles",
        "bulkhead-CUSTOMER-dropped-records",
    },
    "modules/customer-logging tokens": {"bulkhead-CUSTOMER-tokens"},
    "modules/customer-logging heartbeat": {"bulkhead-CUSTOMER-heartbeat"},
    "modules/spend-controls limit": {"bulkhead-spend"},
    "modules/spend-controls executor": {"bulkhead-spend-executor"},
    # The topic is what rings: no metric tells of an assumption.
    "modules/organization-guardrails break_glass": {"bulkhead-break-glass"},
}
ALARM = re.compile(r'^resource "aws_(?:cloudwatch_metric_alarm|sns_topic)" "(\w+)"', re.MULTILINE)


def sections() -> dict[str, str]:
    """The text of each section by its heading."""
    parts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_alarm_of_the_modules_has_a_section_and_a_row() -> None:
    made = {
        f"{file.parent.relative_to(ROOT)} {name}"
        for file in (ROOT / "modules").rglob("*.tf")
        if not {"examples", ".terraform"} & set(file.parts)
        for name in ALARM.findall(file.read_text(encoding="utf-8"))
    }
    assert made == set(SECTIONS)
    wanted = set().union(*SECTIONS.values())
    assert set(sections()) == wanted
    for heading in wanted:
        assert f"](#{heading.lower()}) |" in PAGE


def test_the_counted_alarms_are_those_of_the_module() -> None:
    text = (ROOT / "modules/customer-logging/metrics.tf").read_text(encoding="utf-8")
    block = text[text.index("counted_alarms = {") : text.index(": key => alarm if")]
    keys = re.findall(r"^      (\w+) = \{", block, re.MULTILINE)
    names = {f"bulkhead-CUSTOMER-{key.replace('_', '-')}" for key in keys}
    assert names == SECTIONS["modules/customer-logging counted"]


@pytest.mark.parametrize("heading", sections())
def test_a_section_says_what_it_hears_and_what_to_do(heading: str) -> None:
    text = sections()[heading]
    for part in ("**Hears**", "**Look**"):
        assert part in text
    assert "**Do**" in text or "| do |" in text


def test_every_reason_of_a_loss_is_told() -> None:
    text = sections()["bulkhead-CUSTOMER-dropped-records"]
    reasons = {field.name for field in dataclasses.fields(WriterStats)}
    lost = {name for name in reasons if name.startswith("dropped_")}
    assert lost and {name for name in lost if f"`{name}`" not in text} == set()
    assert any(name.startswith("rejected_") for name in reasons) and "`rejected_…`" in text


def test_queries_name_fields_of_records() -> None:
    schema = json.loads((ROOT / "client/bulkhead/record.schema.json").read_text(encoding="utf-8"))
    fields = {name for kind in schema["oneOf"] for name in kind["properties"]}
    queries = re.findall(r"query '([^']+)'", PAGE)
    named = set(re.findall(r"\b(?:bulkhead|gen_ai|error|process)\.[\w.]+", " ".join(queries)))
    assert len(queries) >= 4 and named and named - fields == set()


def test_fields_of_the_list_are_told_as_they_are_called() -> None:
    schema = json.loads((ROOT / "environments/sandbox/customers.schema.json").read_text("utf-8"))
    known: set[str] = set()

    def walk(part: object) -> None:
        if isinstance(part, dict):
            fields = part.get("properties")
            known.update(fields if isinstance(fields, dict) else ())
        for each in part.values() if isinstance(part, dict) else part:  # type: ignore[attr-defined]
            if isinstance(each, dict | list):
                walk(each)

    walk(schema)
    named = set(re.findall(r"`(\w+)`[^.`]{0,30}`customers\.yaml`", PAGE))
    named |= {
        part
        for path in re.findall(r"`((?:alarms|accounts\[\]|operations)\.[\w.]+)`", PAGE)
        for part in re.findall(r"\w+", path)
    }
    assert {"quotas", "tokens_per_hour", "alarm_topics", "break_glass"} <= named
    assert named - known == set()
