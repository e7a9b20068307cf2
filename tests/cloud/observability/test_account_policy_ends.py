"""Who may end a policy of the account must also be allowed to take from groups what it does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import OUTSIDER, REGION, Clients, allow, trust

EVERY = f"arn:aws:logs:{REGION}:{OUTSIDER}:log-group:*"


@pytest.mark.parametrize(
    ("kind", "also"),
    [
        ("DATA_PROTECTION_POLICY", "logs:DeleteDataProtectionPolicy"),
        ("SUBSCRIPTION_FILTER_POLICY", "logs:DeleteSubscriptionFilter"),
        ("FIELD_INDEX_POLICY", "logs:DeleteIndexPolicy"),
        ("RETENTION_POLICY", "logs:DeleteRetentionPolicy"),
    ],
)
def test_ending_a_policy_needs_the_right_to_end_it_in_each_group(
    kind: str,
    also: str,
    stream: Any,
    clients: Clients,
    make_role: Callable[..., str],
    unique: Callable[[str], str],
) -> None:
    name = unique("ended")
    target = stream(OUTSIDER)
    document = {
        "DATA_PROTECTION_POLICY": _protection,
        "SUBSCRIPTION_FILTER_POLICY": lambda: {
            "DestinationArn": target.arn,
            "RoleArn": target.role,
            "FilterPattern": "",
        },
        "FIELD_INDEX_POLICY": lambda: {"Fields": ["requestId"]},
        "RETENTION_POLICY": lambda: {"retentionInDays": 3653, "enforcementMode": "NEW_ONLY"},
    }[kind]()
    logs = clients(OUTSIDER, "logs")
    logs.put_account_policy(
        policyName=name, policyType=kind, policyDocument=json.dumps(document), scope="ALL"
    )
    both = [allow("logs:DeleteAccountPolicy"), allow(also, EVERY)]

    def end(*statements: Any) -> None:
        role = make_role(OUTSIDER, trust({"AWS": OUTSIDER}), *statements)
        logs = clients(clients.assume(OUTSIDER, role), "logs")
        logs.delete_account_policy(policyName=name, policyType=kind)

    with pytest.raises(ClientError, match=also):
        end(both[0])
    with pytest.raises(ClientError, match="logs:DeleteAccountPolicy"):
        end(both[1])
    end(*both)
    left = logs.describe_account_policies(policyType=kind)["accountPolicies"]
    assert name not in [each["policyName"] for each in left]


def _protection() -> dict[str, Any]:
    found = ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"]
    return {
        "Name": "ended",
        "Version": "2021-06-01",
        "Statement": [
            {
                "Sid": "audit",
                "DataIdentifier": found,
                "Operation": {"Audit": {"FindingsDestination": {}}},
            },
            {
                "Sid": "mask",
                "DataIdentifier": found,
                "Operation": {"Deidentify": {"MaskConfig": {}}},
            },
        ],
    }
