"""What no weakening requires to be noticed, and why: kinds of probes, rows and modules.

Whoever adds a probe adds the weakening that it must notice, or says here why there can be none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from harness.mutants.catalogue import MUTANTS
from harness.mutants.model import Notice

PROBES: Final[Mapping[str, str]] = {
    "external-ids": "It compares what the apply drew, which no later change reaches; one that is "
    "shared all the same is noticed in the trust (T20).",
    "key-grants": "The embedded cloud saves no grant, since it does not enforce one.",
    "management-account": "An organization's management account is chosen once, with it.",
    "profile-regions": "AWS says where a cross-region profile sends calls, and not a deployment.",
    "records-owner": "It tries the policy that the module hands out; nobody attaches it here.",
    "search-works": "The search's own twin: without it, nothing that was not found counts.",
    "unaddressable": "The API of CloudWatch Logs has no member that could name such a group.",
}
"""By kind of probe."""

ROWS: Final[Mapping[str, str]] = {
    "B10": "As `profile-regions`.",
    "C04": "STS itself ends a chained session after an hour, whatever a role allows.",
    "G07": "As `management-account`.",
    "O13": "What a trail records of a call, the service decides.",
    "T04": "IAM takes no NotPrincipal in the trust policy of a role.",
    "T09": "Accepted: a name is trusted, so that customers can make their roles anew.",
}
"""By row that is probed."""

MODULES: Final[Mapping[str, str]] = {
    "audit-role": "tests/snapshot/test_snapshot_permissions.py::test_each_right_is_needed_and_no_"
    "other",
    "operations-baseline": "tests/modules/test_modules_baseline.py::test_what_keeps_the_trail_is_"
    "missed_where_it_is_gone",
    "state-store": "tests/modules/test_modules_state.py::test_each_denial_of_bucket_and_key_is_"
    "missed_where_it_is_gone",
}
"""By module that the embedded environment does not deploy, so that no copy of it can be weakened:
the test that weakens what its example makes."""


def unrequired(results: Iterable[Mapping[str, Any]]) -> tuple[frozenset[str], frozenset[str]]:
    """Of the results of a run, the kinds of probes that no weakening requires, and the rows that
    none is an instance of."""
    seen = list(results)
    wanted = {n.probe for m in MUTANTS for n in m.noticed_by if isinstance(n, Notice)}
    rows = {row for mutant in MUTANTS for row in mutant.rows}
    return (
        frozenset(result["probe"] for result in seen) - wanted,
        frozenset(row for result in seen for row in result["rows"]) - rows,
    )
