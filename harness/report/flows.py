"""What went from which account to which, read out of a run's results."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.report.summary import BLOCKED, DESIGNED, GOOD, standing

WRITES = frozenset({"caller-writes", "record-delivered"})
"""Probes that show whether an account's records reach its own log group."""
_DONE = frozenset({"denied", "refused", "absent"})
"""What is expected where somebody did something; the rest is what was read of an account."""
_ACCOUNT = re.compile(r"\d{12}")


@dataclass(frozen=True, slots=True)
class End:
    """Where a flow starts or ends: an account, or one customer's part of the operations account."""

    account: str
    fleet: str = ""


@dataclass(slots=True)
class Flows:
    """Results by number, sorted by what they say of the accounts."""

    own: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """Accounts that assumed their own fleet role, by account and customer."""
    wrote: dict[str, list[int]] = field(default_factory=dict)
    """By account: what shows that its records are written, if nothing shows that they are not."""
    lost: dict[str, list[int]] = field(default_factory=dict)
    """By account: what shows that its records are not written."""
    refused: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """Refusals by account of the caller and of what it asked for."""
    broken: dict[tuple[End, End], list[int]] = field(default_factory=dict)
    """Walls that broke: from whom into what. Both ends are one where an account is itself not as
    it must be."""
    blocked: dict[str, list[int]] = field(default_factory=dict)
    """By account: what the design allows and did not happen, and what gave no evidence."""
    tried: int = 0
    """Attempts that had to be refused."""
    stopped: int = 0
    """Those that were."""
    facts: Counter[bool] = field(default_factory=Counter)
    """Settings and searches, by whether they were as they must be."""

    @property
    def bad(self) -> set[str]:
        """Accounts at either end of something that broke."""
        return {end.account for pair in self.broken for end in pair}


def flows_of(results: Sequence[Mapping[str, Any]], environment: Mapping[str, Any]) -> Flows:
    """Reads the flows out of a run's results."""
    flows = Flows()
    accounts = {each["account"]: each for each in environment["accounts"]}
    operations = next(a for a, each in accounts.items() if each["part"] == "operations")
    fleets = sorted(
        {each["owner"] for each in accounts.values() if each["part"] == "customer"},
        key=lambda name: (-len(name), name),
    )
    reader = _Reader(accounts, operations, tuple(fleets))
    for index, result in enumerate(results):
        expected, observed = result["expected"], result["observed"]
        stands = standing(result)
        account = account_of(result["principal_arn"])
        if result["probe"] in WRITES and expected in DESIGNED:
            kept = flows.wrote if stands == "held" else flows.lost
            kept.setdefault(account, []).append(index)
        if result["matrix"] and expected == observed == "allowed":
            flows.own.setdefault((account, result["resource"]), []).append(index)
        if expected in ("denied", "refused"):
            flows.tried += 1
            flows.stopped += observed == expected
            if stands == "held":
                target = reader.targets(result, account)[0].account
                flows.refused.setdefault((account, target), []).append(index)
        elif expected not in DESIGNED and stands != "unaddressable":
            flows.facts[stands in GOOD] += 1
        if stands == "broken":
            start = reader.source(result, account)
            for end in reader.targets(result, account):
                # Whoever read a setting has done nothing: the account is not as it must be.
                pair = (start if expected in _DONE else end, end)
                flows.broken.setdefault(pair, []).append(index)
        elif stands in (BLOCKED, "no evidence"):
            flows.blocked.setdefault(account, []).append(index)
    for account in flows.lost:
        flows.wrote.pop(account, None)
    return flows


def account_of(arn: str) -> str:
    """The account that an ARN names; empty for none."""
    parts = arn.split(":")
    return parts[4] if len(parts) > 4 else ""


@dataclass(frozen=True, slots=True)
class _Reader:
    accounts: Mapping[str, Mapping[str, str]]
    operations: str
    fleets: tuple[str, ...]
    """Longest names first, so that one that begins like another is not taken for it."""

    def source(self, result: Mapping[str, Any], account: str) -> End:
        if account == self.operations and result["principal_kind"] == "fleet":
            return End(account, self._fleet(result["principal"]))
        return End(account)

    def targets(self, result: Mapping[str, Any], account: str) -> list[End]:
        """The accounts that the probe asked for, or where something was found.

        The ARN says which; where there is none, the probe's label, and for what lies where it must
        not, the sentence that tells the places."""
        found = [account_of(result["resource_arn"])]
        if result["expected"] == "absent":
            found = _ACCOUNT.findall(result["message"])
        elif found[0] not in self.accounts:
            found = _ACCOUNT.findall(result["resource"])
        known = [each for each in dict.fromkeys(found) if each in self.accounts]
        if not known and "operations" in result["resource"]:
            known = [self.operations]
        ends = []
        for each in known or [account]:
            fleet = self._fleet(result["resource"]) if each == self.operations else ""
            ends.append(End(each, fleet))
        return ends

    def _fleet(self, label: str) -> str:
        """The customer whose part of the operations account a label names."""
        for name in self.fleets:
            rest = label.removeprefix(name)
            if label.startswith(name) and not rest[:1].isalnum() and rest[:1] not in ("-", "_"):
                return name
        return ""
