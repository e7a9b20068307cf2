"""A small snapshot by hand, of an environment as it should be: two customers, one Region."""

from __future__ import annotations

import copy
from typing import Any

MANAGEMENT, OPERATIONS, ACME, GLOBEX = (
    "999999999999",
    "111111111111",
    "222222222222",
    "333333333333",
)
CONTROL, STRANGER, NOBODY = "888888888888", "666666666666", "777777777777"
REGION = "eu-central-1"
MODEL = f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0"
HIDDEN = {"acme": f"hidden-{'a' * 32}", "globex": f"hidden-{'b' * 32}"}
STOP = f"arn:aws:iam::{OPERATIONS}:policy/bulkhead/fleet/stop"
ANYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def role_arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/bulkhead/{name}"


def fleet_arn(customer: str) -> str:
    return role_arn(OPERATIONS, f"fleet/bulkhead-{customer}")


def boundary_arn(customer: str) -> str:
    return f"arn:aws:iam::{OPERATIONS}:policy/bulkhead/fleet/bulkhead-{customer}-boundary"


def profile_arn(customer: str) -> str:
    return f"arn:aws:bedrock:{REGION}:{OPERATIONS}:application-inference-profile/{customer}"


def group_arn(account: str, customer: str) -> str:
    return f"arn:aws:logs:{REGION}:{account}:log-group:/bulkhead/{customer}/bedrock"


def key_arn(account: str) -> str:
    return f"arn:aws:kms:{REGION}:{account}:key/{account}"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def role(account: str, name: str, trust: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A role below the project's path."""
    path, _, short = name.rpartition("/")
    return {
        "name": short,
        "id": f"AROA{account[:4]}{short.replace('-', '').upper()}",
        "path": f"/bulkhead/{path}/" if path else "/bulkhead/",
        "max_session_seconds": 3600,
        "trust": trust,
        "boundary": None,
        "tags": {},
        "attached": [],
        "inline": {},
        "instance_profiles": [],
        **more,
    }


def _region() -> dict[str, Any]:
    empty = (
        *("api_destinations", "deliveries", "delivery_destinations", "delivery_sources"),
        *("event_buses", "functions", "guardrails", "inference_profiles", "keys", "links"),
        *("log_account_policies", "log_destinations", "log_groups", "log_resource_policies"),
        *("parameters", "queues", "secrets", "sinks", "topics", "trails"),
    )
    return {
        **{name: {} for name in empty},
        "data_retention": "none",
        "enforced_guardrails": [],
        "invocation_logging": None,
    }


def _account(account: str) -> dict[str, Any]:
    admin = f"arn:aws:iam::{account}:user/administrator"
    user = {
        "name": "administrator",
        "id": f"AIDA{account}",
        "path": "/",
        "boundary": None,
        "tags": {},
        "attached": [],
        "inline": {"administrator": copy.deepcopy(ANYTHING)},
        "groups": [],
    }
    return {
        "identity": {
            "users": {admin: user},
            "groups": {},
            "roles": {},
            "policies": {},
            "providers": {},
        },
        "buckets": {},
        "public_access_block": None,
        "regions": {REGION: _region()},
    }


def _customer(document: dict[str, Any], customer: str, account: str) -> None:
    operations = document["accounts"][OPERATIONS]
    invoke = {
        "Sid": "Invoke",
        "Effect": "Allow",
        "Action": "bedrock:InvokeModel",
        "Resource": [profile_arn(customer)],
    }
    through = {
        "Sid": "Through",
        "Effect": "Allow",
        "Action": "bedrock:InvokeModel",
        "Resource": [MODEL],
        "Condition": {"StringEquals": {"bedrock:InferenceProfileArn": profile_arn(customer)}},
    }
    trust = policy(
        {
            "Sid": "Callers",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {
                    "aws:PrincipalArn": role_arn(account, "bulkhead-caller"),
                    "sts:ExternalId": HIDDEN.get(customer, f"hidden-{'9' * 32}"),
                },
                "StringLike": {"sts:RoleSessionName": "t-${aws:PrincipalAccount}-*"},
            },
        }
    )
    operations["identity"]["roles"][fleet_arn(customer)] = role(
        OPERATIONS,
        f"fleet/bulkhead-{customer}",
        trust,
        boundary=boundary_arn(customer),
        inline={"invoke": policy(invoke, through)},
    )
    operations["identity"]["policies"][boundary_arn(customer)] = {
        "default": "v1",
        "versions": {"v1": policy(invoke, through)},
        "tags": {},
    }
    operations["regions"][REGION]["inference_profiles"][profile_arn(customer)] = {
        "name": f"bulkhead-{customer}",
        "models": [MODEL],
        "tags": {"bulkhead:customer": customer},
    }
    home = document["accounts"][account]
    group, key = group_arn(account, customer), key_arn(account)
    home["identity"]["roles"] |= {
        role_arn(account, "bulkhead-caller"): role(
            account,
            "bulkhead-caller",
            policy(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ),
            inline={
                "call": policy(
                    {
                        "Effect": "Allow",
                        "Action": "sts:AssumeRole",
                        "Resource": fleet_arn(customer),
                    }
                )
            },
        ),
        role_arn(account, "reader/bulkhead-reader"): role(
            account,
            "reader/bulkhead-reader",
            policy(
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                    "Action": "sts:AssumeRole",
                }
            ),
            inline={
                "read": policy(
                    {
                        "Effect": "Allow",
                        "Action": ["logs:FilterLogEvents", "logs:GetLogEvents"],
                        "Resource": [group, f"{group}:*"],
                    }
                )
            },
        ),
    }
    there = home["regions"][REGION]
    there["keys"][key] = {
        "manager": "CUSTOMER",
        "state": "Enabled",
        "aliases": [],
        "policy": policy(
            {
                "Sid": "Account",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "Logs",
                "Effect": "Allow",
                "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
                "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                "Resource": "*",
                "Condition": {"StringEquals": {"kms:EncryptionContext:aws:logs:arn": group}},
            },
        ),
        "grants": [],
        "tags": {},
    }
    there["log_groups"][group] = {
        "class": "STANDARD",
        "key": key,
        "retention_in_days": 365,
        "data_protection": {"Name": "records", "Statement": []},
        "bearer_tokens": False,
        "subscription_filters": {},
        "metric_filters": [],
        "policies": [],
        "tags": {},
    }
    document["environment"]["customers"][customer] = {
        "fleet_role": fleet_arn(customer),
        "boundary": boundary_arn(customer),
        "session_names": {account: f"t-{account}-"},
        "inference_profiles": [profile_arn(customer)],
    }
    document["environment"]["homes"][account] = {
        "customer": customer,
        "caller": "lambda",
        "caller_role": role_arn(account, "bulkhead-caller"),
        "further_callers": [],
        "reader_role": role_arn(account, "reader/bulkhead-reader"),
        "support": {},
        "log_groups": {group: {"key": key, "retention_in_days": 365}},
    }


def grown(customers: int) -> dict[str, Any]:
    """The small snapshot with that many customers more, each with an account."""
    document = small()
    members = document["organizations"]["o-1"]["accounts"]
    for number in range(customers):
        account = f"{400_000_000_000 + number}"
        document["accounts"][account] = _account(account)
        members[account] = {"parent": "r-1"}
        document["organizations"]["o-1"]["policies"]["p-FullAWSAccess"]["targets"].append(account)
        _customer(document, f"customer-{number}", account)
    return document


def small() -> dict[str, Any]:
    """The snapshot, made anew each time: it may be changed."""
    full = {"name": "FullAWSAccess", "document": copy.deepcopy(ANYTHING)}
    members = (MANAGEMENT, OPERATIONS, ACME, GLOBEX, CONTROL)
    document: dict[str, Any] = {
        "format": "bulkhead-snapshot/1",
        "taken_at": "2026-01-02T03:04:05Z",
        "key_id": "0123456789abcdef",
        "environment": {
            "name": "small",
            "partition": "aws",
            "management_account": MANAGEMENT,
            "operations_account": OPERATIONS,
            "regions": [REGION],
            "outsiders": {
                CONTROL: "control",
                NOBODY: "no organization",
                STRANGER: "other organization",
            },
            "customers": {},
            "homes": {},
            "guardrails": {"operations-scp": {"policy": "p-1", "accounts": [OPERATIONS]}},
        },
        "organizations": {
            "o-1": {
                "management_account": MANAGEMENT,
                "policy_types": ["SERVICE_CONTROL_POLICY"],
                "units": {"r-1": {"name": "Root", "parent": None}},
                "accounts": {account: {"parent": "r-1"} for account in members},
                "policies": {
                    "p-FullAWSAccess": {
                        **full,
                        "type": "SERVICE_CONTROL_POLICY",
                        "targets": ["r-1", *sorted(members)],
                    },
                    "p-1": {
                        "name": "operations-scp",
                        "type": "SERVICE_CONTROL_POLICY",
                        "document": policy(
                            {
                                "Sid": "InvocationLogging",
                                "Effect": "Deny",
                                "Action": "bedrock:PutModelInvocationLoggingConfiguration",
                                "Resource": "*",
                            }
                        ),
                        "targets": [OPERATIONS],
                    },
                },
                "delegated": {},
            },
            "o-2": {
                "management_account": "999999999998",
                "policy_types": [],
                "units": {},
                "accounts": {STRANGER: {"parent": None}},
                "policies": {},
                "delegated": {},
            },
        },
        "centralization_rules": {},
        "accounts": {
            account: _account(account) for account in (OPERATIONS, ACME, GLOBEX, MANAGEMENT)
        },
        "unreadable": [],
    }
    for customer, account in (("acme", ACME), ("globex", GLOBEX)):
        _customer(document, customer, account)
    document["accounts"][OPERATIONS]["identity"]["policies"] |= {
        STOP: {
            "default": "v1",
            "versions": {
                "v1": policy(
                    {"Sid": "Stop", "Effect": "Deny", "Action": "bedrock:*", "Resource": "*"}
                )
            },
            "tags": {},
        },
        ADMIN: {"default": "v1", "versions": {"v1": copy.deepcopy(ANYTHING)}, "tags": {}},
    }
    return document
