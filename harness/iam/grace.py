"""How long an external id that was replaced may still open a role.

A trust policy lets the old id in beside the new one, and ends it by a denial from a date on. One
rule for whoever looks at such a policy: in a plan (`harness.checkov`) and where it is deployed
(`harness.probes`).

AWS pages: reference_policies_condition-keys (aws:CurrentTime),
id_roles_common-scenarios_third-party (external ids).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from harness.iam.policy import Policy, Statement

LONGEST_GRACE = timedelta(days=31)
"""The modules' thirty days, and a day for clocks and zones."""

_FROM_A_DATE_ON = ("DateGreaterThan", "DateGreaterThanEquals")


def ending_ids(policy: Policy, now: datetime | None = None) -> frozenset[str]:
    """The external ids with which nobody assumes the role from a date on that is near, or over.

    `now` is the present time, with its zone, where it is not the clock's. A denial that spares
    somebody, or that comes later than `LONGEST_GRACE`, ends none.
    """
    latest = (now or datetime.now(UTC)) + LONGEST_GRACE
    denials, _ = policy.about("sts:assumerole")
    return frozenset(each for denial in denials for each in _ended(denial, latest))


def _ended(denial: Statement, latest: datetime) -> tuple[str, ...]:
    everybody = denial.principals is not None and denial.principals.everyone
    # A further condition would spare somebody.
    if not everybody or denial.not_principal or len(denial.conditions) != 2:
        return ()
    by_key = {each.key.lower(): each for each in denial.conditions}
    ids, date = by_key.get("sts:externalid"), by_key.get("aws:currenttime")
    if ids is None or date is None or ids.name != "StringEquals":
        return ()
    # Without the time a request comes too late: IfExists denies it.
    near = date.name.removesuffix("IfExists") in _FROM_A_DATE_ON
    return ids.values if near and all(_until(time, latest) for time in date.values) else ()


def _until(time: str, latest: datetime) -> bool:
    try:
        return datetime.fromisoformat(time) <= latest
    except (ValueError, TypeError):  # no date, or one without a zone
        return False
