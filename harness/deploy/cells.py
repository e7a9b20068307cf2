"""How many customers one operations account holds, from the quotas that bind.

A fleet grows by cells: environments with an operations account and a state each. What a cell holds
is counted by what AWS counts: application inference profiles in each region first, then roles and
customer managed policies. What AWS gives every account stands in `customers.schema.json`, what was
raised in `customers.yaml`; the operations root counts the same and refuses the plan.
https://docs.aws.amazon.com/general/latest/gr/bedrock.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any


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
    """What the customers take of the quotas, by name: a profile for each model and region, a role,
    and a boundary of that role."""
    customers = document["customers"].values()
    main = document["operations"]["region"]
    profiles: Counter[str] = Counter()
    for customer in customers:
        for region in customer.get("regions", [main]):
            profiles[str(region)] += len(customer["models"])
    return {
        "inference_profiles_per_region": max(profiles.values()),
        "roles": len(customers),
        "managed_policies": len(customers),
    }
