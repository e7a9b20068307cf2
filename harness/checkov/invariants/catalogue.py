"""All rules, in the order of their numbers."""

from __future__ import annotations

from harness.checkov.invariants import documents, fleet_trust, records, rights
from harness.checkov.invariants.rule import Rule


def _all() -> tuple[Rule, ...]:
    rules = [*documents.RULES, *fleet_trust.RULES, *rights.RULES, *records.RULES]
    rules.sort(key=lambda rule: rule.id)
    ids = [rule.id for rule in rules]
    if len(set(ids)) != len(ids):
        # checkov would keep the first of two and say nothing.
        raise ValueError(f"two rules share an id: {ids}")
    return tuple(rules)


RULES = _all()
