"""The rules of environments/embedded/customer."""

from __future__ import annotations

from typing import Any

from support.rules.changes import AIPS, OWN, SHARED, Rules, put

WHERE = "environments/embedded/customer"


def unknown_customer(variables: dict[str, Any]) -> None:
    variables["customer"] = variables["handover"]["customer"] = "umbrella"
    role = variables["handover"]["fleet_role_arn"]
    variables["handover"]["fleet_role_arn"] = role.replace("acme", "umbrella")


RULES = Rules(
    WHERE,
    (
        SHARED,
        f"{WHERE}/variables.tf",
        f"{WHERE}/locals.tf",
    ),
    {
        "customer": "acme",
        "account_id": "222222222222",
        "handover": {
            "format": "bulkhead-handover/1",
            "environment": "embedded",
            "customer": "acme",
            "fleet_role_arn": "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme",
            "external_id_parameter": "/bulkhead/acme/external-id",
            "inference_profiles": {
                "eu-central-1": {"amazon.nova-lite-v1:0": f"{AIPS}eu-central-1{OWN}a1"},
            },
            "regions": ["eu-central-1"],
        },
    },
    (
        ("customer is not a key", unknown_customer),
        ("account_id is not listed", put("333333333333", "account_id")),
        ("handover is not a document", put("bulkhead-handover/0", "handover", "format")),
        ("handover is of environment", put("production", "handover", "environment")),
        ("handover is of customer", put("globex", "handover", "customer")),
        (
            "handover names a fleet role",
            put(
                "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-globex",
                "handover",
                "fleet_role_arn",
            ),
        ),
        (
            "handover names a fleet role",
            put(
                "arn:aws:iam::222222222222:role/bulkhead/fleet/bulkhead-acme",
                "handover",
                "fleet_role_arn",
            ),
        ),
    ),
)
