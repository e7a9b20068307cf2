"""How many customers one operations account holds, from the quotas that bind.

A fleet grows by cells: environments with an operations account and a state each. What a cell holds
is counted by what AWS counts: application inference profiles in each region first, then roles,
customer managed policies and alarms, those of every root that is applied in the account and those
made by hand that `customers.yaml` names. What else is in the account nobody here knows of. What AWS
gives every account stands in `customers.schema.json`, what was raised in `customers.yaml`; the
operations root counts the same and refuses the plan.
https://docs.aws.amazon.com/general/latest/gr/bedrock.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

BOOTSTRAP_ROLES = 2
"""The deploy role and the plan role."""
BOOTSTRAP_POLICIES = 2
"""Their boundary, and that of the roles that they make."""
EXECUTOR_ROLES = 2
"""In each region with limits: one starts the executor, which stops with the other."""
ALARMS_PER_LIMIT = 4
"""One for each kind of token; where calls are limited too, one more."""


def over_quota(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """What of a valid `customers.yaml` is more than the operations account holds, as
    `1001 roles of 1000`; empty when all fits."""
    quotas = quotas_of(document, schema)
    needed = used(document)
    return [
        f"{needed[name]} {name.replace('_', ' ')} of {quota}"
        for name, quota in sorted(quotas.items())
        if needed[name] > quota
    ]


def quotas_of(document: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, int]:
    """The quotas of the operations account, by name."""
    known = schema["$defs"]["quotas"]["properties"]
    raised = document["operations"].get("quotas", {})
    return {name: int(raised.get(name, quota["default"])) for name, quota in known.items()}


def used(document: Mapping[str, Any]) -> dict[str, int]:
    """What is taken of the quotas, by name.

    For each customer a profile for each model and region, a role, and a boundary of that role; for
    each region where any is limited, the executor's roles, the policy of a stop and an alarm, and
    the alarms of each limit; for each region with budgets, their role; and what the account is
    bootstrapped with.
    """
    customers, operations = document["customers"].values(), document["operations"]
    profiles: Counter[str] = Counter()
    alarms: Counter[str] = Counter()
    budgeted: set[str] = set()
    for customer in customers:
        regions = [str(region) for region in customer.get("regions", [operations["region"]])]
        if customer.get("spend", {}).get("monthly_budget_usd", 0) > 0:
            budgeted.add(min(regions))
        for region in regions:
            profiles[region] += len(customer["models"])
            if "spend" in customer:
                for limit in customer["spend"]["limits"]:
                    alarms[region] += ALARMS_PER_LIMIT + ("calls" in limit)
    emergencies = len(operations.get("break_glass", {}).get("roles", ()))
    by_hand = emergencies + str(document["administrator"]).startswith("role/")
    # It tells of every assumption of these.
    forwarder = bool(emergencies and document.get("trail", True))
    ci = document.get("ci", {})
    auditor = "audit_environment" in ci.get("github", {}) or "audit_branch" in ci.get("gitlab", {})
    return {
        "inference_profiles_per_region": max(profiles.values()),
        "roles": len(customers)
        + EXECUTOR_ROLES * len(alarms)
        + len(budgeted)
        + BOOTSTRAP_ROLES
        + forwarder
        + auditor
        + by_hand,
        "managed_policies": len(customers) + len(alarms) + BOOTSTRAP_POLICIES,
        # One more tells of a stop that failed.
        "alarms_per_region": max((count + 1 for count in alarms.values()), default=0),
    }
