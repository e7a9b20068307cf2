"""Every validation rule of modules and roots refuses what it is there for, with its own message.

Only `variables.tf` (and the locals a rule looks at) are planned: no provider, a tenth of a second.
Each case breaks one rule alone, so that it fails when that rule is gone; a rule without a case
fails too.
"""

from __future__ import annotations

import copy
import hashlib
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import botocore.session
import pytest

from harness.deploy.environment import load_environment
from harness.errors import UserError

ROOT = Path(__file__).parents[2]

FLEET = "modules/operations-role-fleet"
PROFILES = "modules/inference-profiles"
LOGGING = "modules/customer-logging"
READERS = "modules/log-readers"
GUARDRAILS = "modules/organization-guardrails"
SPEND = "modules/spend-controls"
BOOTSTRAP = "modules/account-bootstrap"
BOOTSTRAP_ROOT = "environments/embedded/bootstrap"
BASELINE = "modules/operations-baseline"
OPERATIONS = "environments/embedded/operations"
CUSTOMER = "environments/embedded/customer"

SHARED = "environments/embedded/customers.yaml"
SCHEMA = "environments/embedded/customers.schema.json"
FILES = {
    FLEET: [f"{FLEET}/variables.tf", f"{FLEET}/regions.tf"],
    PROFILES: [f"{PROFILES}/variables.tf"],
    LOGGING: [f"{LOGGING}/variables.tf"],
    READERS: [f"{READERS}/variables.tf"],
    GUARDRAILS: [f"{GUARDRAILS}/variables.tf"],
    BOOTSTRAP: [f"{BOOTSTRAP}/variables.tf"],
    BOOTSTRAP_ROOT: [
        SHARED,
        SCHEMA,
        *(f"{BOOTSTRAP_ROOT}/{name}" for name in ("variables.tf", "locals.tf", "support.yaml")),
    ],
    BASELINE: [f"{BASELINE}/variables.tf"],
    SPEND: [f"{SPEND}/variables.tf"],
    OPERATIONS: [SHARED, SCHEMA, f"{OPERATIONS}/variables.tf", f"{OPERATIONS}/locals.tf"],
    CUSTOMER: [
        SHARED,
        f"{CUSTOMER}/variables.tf",
        f"{CUSTOMER}/locals.tf",
    ],
}

ACME_ID = "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95"
GLOBEX_ID = "HdM3-sV0qkX_ZtY7bRw2nLc8uFgJ5pQeA1iOo6yKdTm"

AIPS, OWN = "arn:aws:bedrock:", ":011111111111:application-inference-profile/"
PROFILE = "arn:aws:bedrock:eu-west-1:011111111111:application-inference-profile"

GOOD: dict[str, dict[str, Any]] = {
    FLEET: {
        "operations_account_id": "011111111111",
        "management_account_id": "099999999999",
        "customers": {
            "acme": {
                "accounts": [
                    {"account_id": "222222222222"},
                    {"account_id": "222222222223", "caller_roles": ["app", "team/x/app"]},
                ],
                "models": ["amazon.nova-lite-v1:0", "anthropic.claude-3-5-sonnet-20240620-v1:0"],
                "regions": ["eu-central-1"],
            },
            "globex-2": {
                "accounts": [{"account_id": "033333333333"}],
                "models": ["eu.amazon.nova-lite-v1:0", "amazon.titan-text-lite-v1:0:4k"],
                "regions": ["eu-central-1", "eu-west-1"],
            },
        },
        "inference_profiles": {
            "eu-central-1": {
                "acme": {
                    "amazon.nova-lite-v1:0": f"{AIPS}eu-central-1{OWN}aaaaaaaaaaa1",
                    "anthropic.claude-3-5-sonnet-20240620-v1:0": f"{AIPS}eu-central-1{OWN}a2",
                },
                "globex-2": {
                    "eu.amazon.nova-lite-v1:0": f"{AIPS}eu-central-1{OWN}bbbbbbbbbbb1",
                    "amazon.titan-text-lite-v1:0:4k": f"{AIPS}eu-central-1{OWN}bbbbbbbbbbb2",
                },
            },
            "eu-west-1": {
                "globex-2": {
                    "eu.amazon.nova-lite-v1:0": f"{AIPS}eu-west-1{OWN}bbbbbbbbbbb3",
                    "amazon.titan-text-lite-v1:0:4k": f"{AIPS}eu-west-1{OWN}bbbbbbbbbbb4",
                },
            },
        },
        "external_ids": {"acme": ACME_ID, "globex-2": GLOBEX_ID},
        "cross_region_destinations": {"eu": ["eu-central-1", "eu-west-1"]},
        "inference_profile_key_value": "application-or-system",
        "tags": {"team": "platform"},
    },
    PROFILES: {
        "operations_account_id": "011111111111",
        "models": {
            "acme": ["amazon.nova-lite-v1:0", "anthropic.claude-3-5-sonnet-20240620-v1:0"],
            "globex-2": ["eu.amazon.nova-lite-v1:0", "amazon.titan-text-lite-v1:0:4k"],
        },
        "tags": {"team": "platform"},
    },
    LOGGING: {
        "customer": "acme",
        "account_id": "222222222222",
        "fleet_role_arn": "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme",
        "caller": {
            "type": "eks-irsa",
            "oidc_provider": f"oidc.eks.eu-central-1.amazonaws.com/id/{'0123456789ABCDEF' * 2}",
            "namespace": "shop",
            "service_account": "chat.bot",
        },
        "content": {"enabled": True, "data_identifiers": ["EmailAddress", "Ssn-US"]},
        "owner_arns": ["arn:aws:iam::222222222222:role/bulkhead/owner"],
        "permissions_boundary_arn": "arn:aws:iam::222222222222:policy/bulkhead/boundary",
        "alarms": {
            "heartbeat_minutes": 0,
            "action_arns": ["arn:aws:sns:eu-central-1:222222222222:alarms"],
        },
    },
    READERS: {
        "customer": "acme",
        "account_id": "222222222222",
        "operations_account_id": "111111111111",
        "reader": {"principal_arns": ["arn:aws:iam::222222222222:user/a/auditor"], "content": True},
        "support_access": {
            "case-1": {
                "principal_arns": ["arn:aws:iam::888888888888:role/support/engineer"],
                "granted_at": "2026-01-12T08:00:00Z",
                "expires_at": "2026-01-19T08:00:00Z",
            }
        },
        "permissions_boundary_arn": "arn:aws:iam::222222222222:policy/bulkhead/reader-boundary",
    },
    GUARDRAILS: {
        "operations_account_id": "011111111111",
        "customers": {
            "acme": {"accounts": ["222222222222", "222222222223"]},
            "globex-2": {"accounts": ["033333333333"], "own_organization": True},
        },
        "trusted_account_ids": ["888888888888"],
        "model_regions": ["eu-central-1", "us-gov-west-1"],
        "deployer_arns": [
            "arn:aws:iam::011111111111:role/bulkhead/bulkhead-deploy",
            "arn:aws:iam::011111111111:user/administrator",
        ],
        "bootstrapper_arns": ["arn:aws:iam::011111111111:role/OrganizationAccountAccessRole"],
        "stop_executor_arns": ["arn:aws:iam::011111111111:role/bulkhead/stop"],
        "stop_policy_arns": [
            "arn:aws:iam::011111111111:policy/bulkhead/fleet/bulkhead-*-stop",
            "arn:aws:iam::aws:policy/AWSDenyAll",
        ],
        "break_glass_role_arns": ["arn:aws:iam::011111111111:role/break/glass"],
        "break_glass_emails": ["security@example.com"],
        "federated_role_arns": [
            "arn:aws:iam::011111111111:role/ci/deploy",
            "arn:aws:iam::011111111111:role/aws-reserved/sso.amazonaws.com/*",
            "arn:aws:iam::011111111111:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_*",
        ],
        "administrator_role_names": ["path/OrganizationAccountAccessRole"],
        "tags": {"team": "platform"},
    },
    SPEND: {
        "operations_account_id": "011111111111",
        "customers": {
            "acme": {
                "fleet_role_name": "bulkhead-acme",
                "inference_profile_arns": [f"{PROFILE}/aaaaaaaaaaaa", f"{PROFILE}/bbbbbbbbbbbb"],
                "limits": [
                    {"minutes": 1, "input_tokens": 1000, "output_tokens": 200},
                    {
                        "minutes": 1440,
                        "input_tokens": 50000,
                        "output_tokens": 10000,
                        "cache_write_tokens": 1,
                        "cache_read_tokens": 1,
                    },
                ],
                "monthly_budget_usd": 500,
            },
            "globex": {
                "fleet_role_name": "bulkhead-globex",
                "inference_profile_arns": [f"{PROFILE}/cccccccccccc"],
                "limits": [{"minutes": 60, "input_tokens": 1, "output_tokens": 1}],
                "on_limit": "notify",
            },
        },
        "alarm_topic_arns": ["arn:aws:sns:eu-west-1:111111111111:platform"],
        "budget_emails": ["finance@example.com"],
        "permissions_boundary_arn": "arn:aws:iam::011111111111:policy/bulkhead/boundary",
        "tags": {"team": "platform"},
    },
    BOOTSTRAP: {
        "account_id": "222222222222",
        "kind": "customer",
        "customer": "acme",
        "regions": ["eu-central-1", "us-gov-west-1"],
        "deploy_principal_arns": ["arn:aws:iam::888888888888:role/ci/deploy"],
        "plan_principal_arns": ["arn:aws:iam::222222222222:user/somebody"],
        "github": {
            "repository": "acme/infrastructure.live",
            "deploy_environment": "production",
            "plan_environment": "production-plan",
        },
        "gitlab": {
            "url": "https://gitlab.example.com",
            "project": "acme/platform/infrastructure",
            "deploy_branch": "main",
            "plan_branch": "plan/next",
        },
        "tags": {"team": "platform"},
    },
    BOOTSTRAP_ROOT: {
        "account_id": "999999999999",
    },
    BASELINE: {
        "operations_account_id": "011111111111",
        "bucket_prefix": "bulkhead-trail",
        "retention_in_days": 90,
        "break_glass_role_arns": ["arn:aws:iam::011111111111:role/break/glass"],
        "break_glass_bus_arn": "arn:aws:events:eu-central-1:999999999999:event-bus/alarm",
        "tags": {"team": "platform"},
    },
    OPERATIONS: {"external_ids": {"acme": ACME_ID, "globex": GLOBEX_ID, "initech": "x"}},
    CUSTOMER: {
        "customer": "acme",
        "account_id": "222222222222",
        "handover": {
            "format": "bulkhead-handover/1",
            "environment": "embedded",
            "customer": "acme",
            "fleet_role_arn": "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme",
            "external_id_parameter": "/bulkhead/acme/external-id",
            "regions": ["eu-central-1"],
        },
    },
}


class Workbench(Protocol):
    """What this file needs of the `Workbench` in conftest.py."""

    folder: Path

    def init(self) -> None: ...
    def refusals(self, variables: dict[str, Any]) -> list[str]: ...


Change = Callable[[dict[str, Any]], None]


def put(value: Any, *path: str | int) -> Change:
    """A change that sets the field at `path`."""

    def change(variables: dict[str, Any]) -> None:
        place: Any = variables
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def customer_named(name: str) -> Change:
    """A change that gives customer `acme` another key, here and wherever else it stands."""

    def change(variables: dict[str, Any]) -> None:
        profiles = variables["inference_profiles"]["eu-central-1"]
        for by_customer in (variables["customers"], variables["external_ids"], profiles):
            by_customer[name] = by_customer.pop("acme")

    return change


def twin_in_upper_case(variables: dict[str, Any]) -> None:
    variables["customers"]["ACME"] = {
        "accounts": [{"account_id": "444444444444"}],
        "models": ["amazon.nova-lite-v1:0"],
        "regions": ["eu-west-1"],
    }
    variables["external_ids"]["ACME"] = "b7Jw0cTq-N3mYhR5vUe8zKxP2sLgD9aFiO4tEr6BkVu"
    variables["inference_profiles"]["eu-west-1"]["ACME"] = {
        "amazon.nova-lite-v1:0": f"{AIPS}eu-west-1{OWN}ccccccccccc1"
    }


def unknown_customer(variables: dict[str, Any]) -> None:
    variables["customer"] = variables["handover"]["customer"] = "umbrella"
    role = variables["handover"]["fleet_role_arn"]
    variables["handover"]["fleet_role_arn"] = role.replace("acme", "umbrella")


def unknown_kind(variables: dict[str, Any]) -> None:
    variables["kind"], variables["customer"] = "sandbox", ""


def account(field: str, value: Any) -> Change:
    return put(value, "customers", "acme", "accounts", 0, field)


def models(*values: str) -> Change:
    """A change of all models of customer `acme`, and of its profiles with them."""

    def change(variables: dict[str, Any]) -> None:
        variables["customers"]["acme"]["models"] = list(values)
        variables["inference_profiles"]["eu-central-1"]["acme"] = {
            value: f"{AIPS}eu-central-1{OWN}ccccccccccc{n}" for n, value in enumerate(values)
        }

    return change


def model(value: str) -> Change:
    return models(value, "anthropic.claude-3-5-sonnet-20240620-v1:0")


def regions(*values: str) -> Change:
    """A change of the regions of customer `acme`, and of its profiles with them."""

    def change(variables: dict[str, Any]) -> None:
        variables["customers"]["acme"]["regions"] = list(values)
        by_region = variables["inference_profiles"]
        own = list(by_region["eu-central-1"].pop("acme"))
        for n, value in enumerate(dict.fromkeys(values)):
            by_region.setdefault(value, {})["acme"] = {
                name: f"{AIPS}{value}{OWN}ccccccccccc{n}{m}" for m, name in enumerate(own)
            }

    return change


def profile(value: str) -> Change:
    """A change of the ARN of one profile of customer `acme`."""
    return put(value, "inference_profiles", "eu-central-1", "acme", "amazon.nova-lite-v1:0")


def without_profile(region: str, *path: str) -> Change:
    def change(variables: dict[str, Any]) -> None:
        place = variables["inference_profiles"]
        for step in (region, *path)[:-1]:
            place = place[step]
        del place[(region, *path)[-1]]

    return change


def external_id(value: str) -> Change:
    return put(value, "external_ids", "acme")


CALLER_ARN = "arn:aws:iam::222222222222:role/bulkhead/bulkhead-caller"


def granted(field: str, value: Any) -> Change:
    return put(value, "support_access", "case-1", field)


def ticket_named(name: str) -> Change:
    """A change that gives the grant another ticket."""

    def change(variables: dict[str, Any]) -> None:
        variables["support_access"][name] = variables["support_access"].pop("case-1")

    return change


def limited(value: Any, *path: str | int) -> Change:
    return put(value, "customers", "acme", *path)


def limited_customer_named(name: str) -> Change:
    """A change that gives the limited customer `acme` another key."""

    def change(variables: dict[str, Any]) -> None:
        variables["customers"][name] = variables["customers"].pop("acme")

    return change


# Where: (how the rule's message starts, what breaks it).
CASES: dict[str, list[tuple[str, Change]]] = {
    FLEET: [
        ("partition must", put("aws-cn", "partition")),
        ("operations_account_id must", put(11111111111, "operations_account_id")),
        ("operations_account_id must", put("1111111111111", "operations_account_id")),
        ("customers: a key must", customer_named("acme_prod")),
        ("customers: a key must", customer_named("acme*")),
        ("customers: a key must", customer_named("ac${aws:username}")),
        ("customers: a key must", customer_named("acme--prod")),
        ("customers: a key must", customer_named("a" * 33)),
        ("customers: keys must be lower case", customer_named("Acme")),
        ("customers: keys must be lower case", twin_in_upper_case),
        (
            "customers: each customer needs at least one account",
            put([], "customers", "acme", "accounts"),
        ),
        ("customers: every account_id", account("account_id", "22222222222")),
        ("customers: every account_id", account("account_id", 22222222222)),
        ("customers: every account_id", account("account_id", "22222222222*")),
        ("customers: an account_id is listed twice", account("account_id", "033333333333")),
        ("customers: an account_id is listed twice", account("account_id", "222222222223")),
        ("customers: the operations account", account("account_id", "011111111111")),
        ("customers: caller_roles must name", account("caller_roles", [])),
        ("customers: a caller role must", account("caller_roles", ["bulkhead/*"])),
        ("customers: a caller role must", account("caller_roles", ["app?"])),
        ("customers: a caller role must", account("caller_roles", ["${aws:username}"])),
        ("customers: a caller role must", account("caller_roles", ["/app"])),
        ("customers: a caller role must", account("caller_roles", ["app", ""])),
        ("customers: a caller role must", account("caller_roles", ["arn:aws:iam::1:role/app"])),
        ("management_account_id must", put(99999999999, "management_account_id")),
        ("management_account_id is", put("011111111111", "management_account_id")),
        ("customers: the management account", account("account_id", "099999999999")),
        ("customers: each customer needs at least one model", models()),
        ("customers: each customer needs at least one region", regions()),
        ("customers: a region is listed twice", regions("eu-west-1", "eu-west-1")),
        ("customers: a region is not one", regions("eu-wset-1")),
        ("customers: a region is not one", regions("eu-*")),
        ("customers: a region is not one", regions("EU-west-1")),
        ("customers: a region is not one", regions("cn-north-1")),
        ("customers: a region is not in", regions("us-gov-west-1")),
        ("inference_profiles must have", without_profile("eu-west-1")),
        ("inference_profiles must have", without_profile("eu-central-1", "acme")),
        (
            "inference_profiles must have",
            without_profile("eu-central-1", "acme", "amazon.nova-lite-v1:0"),
        ),
        (
            "inference_profiles must have",
            put({"acme": {"m": f"{AIPS}eu-west-3{OWN}x"}}, "inference_profiles", "eu-west-3"),
        ),
        (
            "inference_profiles must have",
            put({"m": f"{AIPS}eu-west-1{OWN}x"}, "inference_profiles", "eu-west-1", "umbrella"),
        ),
        ("inference_profiles: an ARN is not", profile("*")),
        ("inference_profiles: an ARN is not", profile(f"{AIPS}eu-central-1{OWN}*")),
        ("inference_profiles: an ARN is not", profile(f"{AIPS}eu-west-1{OWN}ccccccccccc1")),
        ("inference_profiles: an ARN is not", profile(f"{AIPS}*{OWN}ccccccccccc1")),
        (
            "inference_profiles: an ARN is not",
            profile("arn:aws:bedrock:eu-central-1:222222222222:application-inference-profile/c"),
        ),
        (
            "inference_profiles: an ARN is not",
            profile("arn:aws:bedrock:eu-central-1:011111111111:inference-profile/eu.a.b"),
        ),
        ("inference_profiles: a profile stands", profile(f"{AIPS}eu-central-1{OWN}bbbbbbbbbbb1")),
        ("inference_profiles: a profile stands", profile(f"{AIPS}eu-central-1{OWN}a2")),
        (
            "customers: a model is listed twice",
            models(*["anthropic.claude-3-5-sonnet-20240620-v1:0"] * 2),
        ),
        ("customers: a model is listed twice", model("anthropic.claude-3-5-sonnet-20240620-v1.0")),
        ("customers: a model must", model("amazon.*")),
        ("customers: a model must", model("amazon.nova-${aws:PrincipalTag/m}")),
        ("customers: a model must", model("Amazon.nova-lite-v1:0")),
        ("customers: a model must", model("arn:aws:bedrock:us-east-1::foundation-model/amazon.x")),
        ("customers: global inference profiles", model("global.amazon.nova-lite-v1:0")),
        ("customers: a model with the prefix", model("us.amazon.nova-lite-v1:0")),
        ("denied_service_tiers: a tier must", put(["default"], "denied_service_tiers")),
        ("external_ids must have exactly one", put(ACME_ID + "x", "external_ids", "initech")),
        ("external_ids must have exactly one", put({"acme": ACME_ID}, "external_ids")),
        ("external_ids: an external id must have 32", external_id(ACME_ID[:31])),
        ("external_ids: an external id must have 32", external_id(ACME_ID * 35)),
        ("external_ids: only letters", external_id(ACME_ID + "*")),
        ("external_ids: only letters", external_id(ACME_ID + "${aws:userid}")),
        ("external_ids: only letters", external_id(ACME_ID + " ")),
        ("external_ids: an external id repeats", external_id("ab12" * 9)),
        ("external_ids: two customers share", external_id(GLOBEX_ID)),
        ("external_ids: two customers share", external_id(GLOBEX_ID.upper())),
        ("external_ids: an external id contains its", external_id(f"Acme-{ACME_ID}")),
        ("external_ids: an external id contains an", external_id(f"222222222222{ACME_ID}")),
        ("external_ids: an external id contains an", external_id(f"{ACME_ID}.011111111111")),
        ("external_ids: an external id contains an", external_id(f"{ACME_ID}.099999999999")),
        *(
            ("external_ids: an external id is a hash", external_id(value))
            for value in (
                hashlib.md5(b"acme").hexdigest(),
                hashlib.sha1(b"222222222222").hexdigest(),
                hashlib.sha256(b"bulkhead-acme").hexdigest(),
                hashlib.md5(b"099999999999").hexdigest(),
                hashlib.sha256(b"acme222222222222").hexdigest().upper(),
                hashlib.sha512(b"acme-222222222223").hexdigest(),
                str(uuid.uuid5(uuid.NAMESPACE_DNS, "acme")),
                str(uuid.uuid5(uuid.NAMESPACE_URL, "011111111111")),
                str(uuid.uuid5(uuid.NAMESPACE_OID, "acme")),
            )
        ),
        (
            "cross_region_destinations: the prefix",
            put(["eu-west-1"], "cross_region_destinations", "global"),
        ),
        (
            "cross_region_destinations: name regions",
            put(["eu-wset-1"], "cross_region_destinations", "eu"),
        ),
        (
            "cross_region_destinations: name regions",
            put(["eu-*"], "cross_region_destinations", "eu"),
        ),
        ("cross_region_destinations: list every", put([], "cross_region_destinations", "us")),
        ("inference_profile_key_value must", put("any", "inference_profile_key_value")),
        ("tags: keys", put("acme", "tags", "Bulkhead:customer")),
        ("tags: keys", put("acme", "tags", "aws:x")),
    ],
    GUARDRAILS: [
        ("partition must", put("aws-cn", "partition")),
        ("name_prefix must", put("Bulkhead", "name_prefix")),
        ("name_prefix must", put("b" * 65, "name_prefix")),
        ("operations_account_id must", put("11111111111", "operations_account_id")),
        ("operations_account_id must", put("1111111111111", "operations_account_id")),
        ("customers must", put({}, "customers")),
        *(
            ("customers: a key must", put({"accounts": ["444444444444"]}, "customers", key))
            for key in ("Initech", "a--b", "a*", "a" * 33)
        ),
        ("customers: each customer needs", put([], "customers", "acme", "accounts")),
        ("customers: every account", put(["22222222222"], "customers", "acme", "accounts")),
        ("customers: every account", put(["22222222222*"], "customers", "acme", "accounts")),
        ("customers: an account is listed", put(["033333333333"], "customers", "acme", "accounts")),
        ("customers: the operations", put(["011111111111"], "customers", "acme", "accounts")),
        (
            "customers: a customer can have",
            put([f"{n:012}" for n in range(201)], "customers", "acme", "accounts"),
        ),
        ("trusted_account_ids: a customer's", put(["222222222222"], "trusted_account_ids")),
        ("deployer_arns must list", put([], "deployer_arns")),
        *(
            ("deployer_arns must be", put([arn], "deployer_arns"))
            for arn in (
                "arn:aws:iam::011111111111:role/*",
                "arn:aws:iam::222222222222:role/deploy",
                "arn:aws:iam::011111111111:role/${aws:username}",
                "arn:aws:sts::011111111111:assumed-role/deploy/x",
            )
        ),
        (
            "deployer_arns: a fleet",
            put(["arn:aws:iam::011111111111:role/bulkhead/fleet/bulkhead-acme"], "deployer_arns"),
        ),
        ("bootstrapper_arns must list", put([], "bootstrapper_arns")),
        (
            "bootstrapper_arns must be",
            put(["arn:aws:iam::222222222222:role/x"], "bootstrapper_arns"),
        ),
        ("bootstrapper_arns must be", put(["arn:aws:iam::011111111111:*"], "bootstrapper_arns")),
        (
            "bootstrapper_arns: a fleet",
            put(
                ["arn:aws:iam::011111111111:role/bulkhead/fleet/bulkhead-acme"],
                "bootstrapper_arns",
            ),
        ),
        (
            "stop_executor_arns must",
            put(["arn:aws:iam::011111111111:user/x"], "stop_executor_arns"),
        ),
        (
            "stop_executor_arns: a role",
            put(["arn:aws:iam::011111111111:role/bulkhead/spend/x"], "stop_executor_arns"),
        ),
        (
            "customers: without caller_roles",
            put([], "customers", "acme", "caller_roles"),
        ),
        *(
            ("customers: caller_roles must", put([role], "customers", "acme", "caller_roles"))
            for role in ("/bulkhead/app", "app*", "${aws:username}")
        ),
        (
            "stop_executor_arns must",
            put(["arn:aws:iam::222222222222:role/x"], "stop_executor_arns"),
        ),
        *(
            ("stop_policy_arns must", put([arn], "stop_policy_arns"))
            for arn in (
                "*",
                "arn:aws:iam::011111111111:policy/*",
                "arn:aws:iam::aws:policy/*",
                "arn:aws:iam::011111111111:policy/bulkhead/fleet/bulkhead-*",
                "arn:aws:iam::222222222222:policy/bulkhead/fleet/acme-stop",
                "arn:aws:iam::011111111111:policy/${aws:username}-stop",
            )
        ),
        (
            "break_glass_role_arns: a role",
            put(
                ["arn:aws:iam::011111111111:role/bulkhead/bulkhead-deploy"], "break_glass_role_arns"
            ),
        ),
        (
            "break_glass_role_arns: a role",
            put(
                ["arn:aws:iam::011111111111:role/OrganizationAccountAccessRole"],
                "break_glass_role_arns",
            ),
        ),
        ("break_glass_emails must be", put(["security"], "break_glass_emails")),
        ("break_glass_emails must list", put([], "break_glass_emails")),
        ("trusted_account_ids: every", put(["8888"], "trusted_account_ids")),
        *(
            ("federated_role_arns must", put([arn], "federated_role_arns"))
            for arn in (
                "arn:aws:iam::011111111111:role/*",
                "arn:aws:iam::011111111111:role/ci/deploy*",
                "arn:aws:iam::011111111111:role/x/aws-reserved/sso.amazonaws.com/*",
                "arn:aws:iam::222222222222:role/aws-reserved/sso.amazonaws.com/*",
                "arn:aws:iam::011111111111:role/aws-reserved/sso.amazonaws.com/${aws:username}",
            )
        ),
        ("model_regions must", put([], "model_regions")),
        ("model_regions: name", put(["eu-*"], "model_regions")),
        ("model_regions: name", put(["unspecified"], "model_regions")),
        (
            "break_glass_role_arns must",
            put(["arn:aws:iam::011111111111:role/*"], "break_glass_role_arns"),
        ),
        (
            "break_glass_role_arns must",
            put(["arn:aws:iam::222222222222:role/admin"], "break_glass_role_arns"),
        ),
        ("administrator_role_names must", put(["Admin*"], "administrator_role_names")),
        ("administrator_role_names must", put(["${aws:username}"], "administrator_role_names")),
        ("tags: keys", put({"aws:x": "y"}, "tags")),
    ],
    PROFILES: [
        ("partition must", put("aws-cn", "partition")),
        ("operations_account_id must", put("1111111111111", "operations_account_id")),
        *(
            ("models: a customer's key", put(["amazon.nova-lite-v1:0"], "models", key))
            for key in ("ACME", "acme_2", "acme*", "ac${aws:username}", "a" * 33)
        ),
        ("models: each customer needs", put([], "models", "acme")),
        ("models: a model is listed twice", put(["a.b-c", "a.b.c"], "models", "acme")),
        ("models: profiles of two", put(["2.amazon.titan-text-lite-v1:0:4k"], "models", "globex")),
        *(
            ("models: a model must", put([value], "models", "acme"))
            for value in ("amazon.*", "Amazon.nova-lite-v1:0", "amazon.nova-${aws:userid}")
        ),
        ("models: global", put(["global.amazon.nova-lite-v1:0"], "models", "acme")),
        ("tags: keys", put("acme", "tags", "Bulkhead:customer")),
        ("tags: keys", put("acme", "tags", "aws:x")),
    ],
    BASELINE: [
        ("partition must", put("aws-cn", "partition")),
        ("operations_account_id must", put("11111111111", "operations_account_id")),
        ("bucket_prefix must", put("Trail", "bucket_prefix")),
        ("bucket_prefix must", put("t" * 36, "bucket_prefix")),
        ("bucket_prefix must", put("trail-", "bucket_prefix")),
        ("retention_in_days must", put(89, "retention_in_days")),
        ("retention_in_days must", put(90.5, "retention_in_days")),
        (
            "break_glass_role_arns must",
            put(["arn:aws:iam::011111111111:role/*"], "break_glass_role_arns"),
        ),
        (
            "break_glass_role_arns must",
            put(["arn:aws:iam::222222222222:role/glass"], "break_glass_role_arns"),
        ),
        (
            "break_glass_bus_arn must be the",
            put("arn:aws:events:eu-central-1:999999999999:event-bus/*", "break_glass_bus_arn"),
        ),
        ("break_glass_bus_arn must be given", put("", "break_glass_bus_arn")),
        (
            "break_glass_bus_arn is in",
            put("arn:aws:events:eu-central-1:011111111111:event-bus/alarm", "break_glass_bus_arn"),
        ),
        ("tags: keys", put({"bulkhead:x": "y"}, "tags")),
    ],
    LOGGING: [
        ("partition must", put("aws-cn", "partition")),
        ("customer must", put("acme*", "customer")),
        ("customer must", put("Acme", "customer")),
        ("customer must", put("a" * 33, "customer")),
        ("account_id must", put(22222222222, "account_id")),
        ("fleet_role_arn must", put("arn:aws:iam::111111111111:role/bulkhead/*", "fleet_role_arn")),
        ("fleet_role_arn must", put("arn:aws:iam::*:role/bulkhead/fleet/x", "fleet_role_arn")),
        ("fleet_role_arn must", put("arn:aws:iam::111111111111:user/x", "fleet_role_arn")),
        (
            "fleet_role_arn must",
            put("arn:aws:iam::111111111111:role/${aws:userid}", "fleet_role_arn"),
        ),
        ("fleet_role_arn names", put("arn:aws:iam::222222222222:role/x", "fleet_role_arn")),
        ("caller.type must", put({"type": "root"}, "caller")),
        ("caller.oidc_provider must", put("https://x", "caller", "oidc_provider")),
        ("caller.oidc_provider must", put("*", "caller", "oidc_provider")),
        (
            "caller.oidc_provider must",
            put(
                "token.actions.githubusercontent.com",
                "caller",
                "oidc_provider",
            ),
        ),
        ("caller.namespace must", put("*", "caller", "namespace")),
        ("caller.namespace must", put("", "caller", "namespace")),
        ("caller.service_account must", put("chat-*", "caller", "service_account")),
        ("caller.service_account must", put("${aws:userid}", "caller", "service_account")),
        ("caller: oidc_provider", put("lambda", "caller", "type")),
        ("caller_role_path must", put("/a/*/", "caller_role_path")),
        ("caller_role_path must", put("bulkhead", "caller_role_path")),
        ("caller_role_name must", put("app*", "caller_role_name")),
        ("retention_in_days must", put(0, "retention_in_days")),
        ("retention_in_days must", put(42, "retention_in_days")),
        ("record_data_identifiers must", put([], "record_data_identifiers")),
        (
            "record_data_identifiers must",
            put(
                ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"],
                "record_data_identifiers",
            ),
        ),
        ("content.retention_in_days must", put(90, "content", "retention_in_days")),
        ("content.retention_in_days must", put(0, "content", "retention_in_days")),
        ("content.data_identifiers must", put([], "content", "data_identifiers")),
        ("content.data_identifiers must", put(["*"], "content", "data_identifiers")),
        *(
            ("owner_arns must", put([arn], "owner_arns"))
            for arn in (
                "arn:aws:iam::111111111111:role/owner",
                "arn:aws:iam::222222222222:root",
                "arn:aws:iam::222222222222:role/*",
            )
        ),
        ("owner_arns names", put([CALLER_ARN], "owner_arns")),
        (
            "permissions_boundary_arn must",
            put("arn:aws:iam::111111111111:policy/x", "permissions_boundary_arn"),
        ),
        ("permissions_boundary_arn must", put("boundary", "permissions_boundary_arn")),
        ("alarms: thresholds", put(-1, "alarms", "errors")),
        ("alarms: thresholds", put(0.5, "alarms", "tokens_per_hour")),
        ("alarms.heartbeat_minutes must", put(1441, "alarms", "heartbeat_minutes")),
        ("alarms.heartbeat_minutes must", put(-1, "alarms", "heartbeat_minutes")),
        *(
            ("alarms.action_arns must", put([arn], "alarms", "action_arns"))
            for arn in (
                "arn:aws:sns:eu-central-1:111111111111:alarms",
                "arn:aws:lambda:eu-central-1:222222222222:function:alarms",
                "arn:aws:sns:eu-central-1:222222222222:*",
            )
        ),
        ("key_deletion_window_in_days must", put(6, "key_deletion_window_in_days")),
        ("key_deletion_window_in_days must", put(31, "key_deletion_window_in_days")),
        ("tags: keys", put({"bulkhead:customer": "globex"}, "tags")),
    ],
    READERS: [
        ("partition must", put("aws-cn", "partition")),
        ("customer must", put("Acme", "customer")),
        ("customer must", put("a" * 33, "customer")),
        ("account_id must", put(22222222222, "account_id")),
        ("operations_account_id must", put(11111111111, "operations_account_id")),
        ("operations_account_id is", put("222222222222", "operations_account_id")),
        ("caller_role must", put("app*", "caller_role")),
        ("caller_role must", put("/app", "caller_role")),
        ("caller_role must", put("${aws:username}", "caller_role")),
        *(
            ("reader.principal_arns must", put([arn], "reader", "principal_arns"))
            for arn in (
                "arn:aws:iam::111111111111:role/support",
                "arn:aws:iam::333333333333:role/support",
                "arn:aws:iam::222222222222:root",
                "arn:aws:iam::222222222222:role/*",
                "*",
            )
        ),
        ("reader.principal_arns names", put([CALLER_ARN], "reader", "principal_arns")),
        ("support_access: a ticket", ticket_named("Case-1")),
        ("support_access: a ticket", ticket_named("c" * 33)),
        ("support_access: a grant must name", granted("principal_arns", [])),
        *(
            ("support_access: principals must", granted("principal_arns", [arn]))
            for arn in (
                "arn:aws:iam::888888888888:root",
                "arn:aws:iam::888888888888:user/engineer",
                "arn:aws:iam::888888888888:role/support/*",
                "arn:aws:iam::*:role/support/engineer",
            )
        ),
        (
            "support_access: nobody",
            granted("principal_arns", ["arn:aws:iam::111111111111:role/support"]),
        ),
        ("support_access: granted_at", granted("granted_at", "2026-01-12")),
        ("support_access: granted_at", granted("expires_at", "2026-13-12T08:00:00Z")),
        ("support_access: granted_at", granted("expires_at", "2026-01-13T08:00:00+02:00")),
        ("support_access: a grant must expire", granted("expires_at", "2026-01-19T08:00:01Z")),
        ("support_access: a grant must expire", granted("expires_at", "2026-01-12T08:00:00Z")),
        ("permissions_boundary_arn must", put("boundary", "permissions_boundary_arn")),
        (
            "permissions_boundary_arn must",
            put("arn:aws:iam::111111111111:policy/x", "permissions_boundary_arn"),
        ),
        ("tags: keys", put({"bulkhead:customer": "globex"}, "tags")),
    ],
    SPEND: [
        ("partition must", put("aws-cn", "partition")),
        ("operations_account_id must", put(11111111111, "operations_account_id")),
        ("customers: a key must", limited_customer_named("Acme")),
        ("customers: a key must", limited_customer_named("ac$me")),
        ("customers: fleet_role_name must", limited("bulkhead.acme", "fleet_role_name")),
        ("customers: fleet_role_name must", limited("bulkhead/acme", "fleet_role_name")),
        (
            "customers: two customers have one fleet role",
            limited("BULKHEAD-globex", "fleet_role_name"),
        ),
        ("customers: list 1 to 10", limited([], "inference_profile_arns")),
        (
            "customers: list 1 to 10",
            limited([f"{PROFILE}/{n:012}" for n in range(11)], "inference_profile_arns"),
        ),
        (
            "customers: inference_profile_arns must",
            limited(f"{PROFILE}/aaaaaaaaaaaa".replace("0111", "0222"), "inference_profile_arns", 0),
        ),
        (
            "customers: inference_profile_arns must",
            limited(
                "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0",
                *("inference_profile_arns", 0),
            ),
        ),
        (
            "customers: an inference profile is listed twice",
            limited(f"{PROFILE}/cccccccccccc", "inference_profile_arns", 0),
        ),
        ("customers: each customer needs 1 to 5 limits", limited([], "limits")),
        (
            "customers: each customer needs 1 to 5 limits",
            limited(
                [{"minutes": n, "input_tokens": 1, "output_tokens": 1} for n in range(1, 7)],
                "limits",
            ),
        ),
        ("customers: minutes of a limit", limited(0, "limits", 0, "minutes")),
        ("customers: minutes of a limit", limited(1441, "limits", 0, "minutes")),
        ("customers: minutes of a limit", limited(1.5, "limits", 0, "minutes")),
        ("customers: two limits of a customer", limited(1440, "limits", 0, "minutes")),
        ("customers: the tokens of a limit", limited(0, "limits", 0, "input_tokens")),
        ("customers: the tokens of a limit", limited(0.5, "limits", 0, "output_tokens")),
        ("customers: the tokens of a limit", limited(0, "limits", 1, "cache_write_tokens")),
        ("customers: the tokens of a limit", limited(-1, "limits", 1, "cache_read_tokens")),
        ("customers: on_limit must", limited("warn", "on_limit")),
        ("customers: on_limit is notify", put([], "alarm_topic_arns")),
        ("customers: monthly_budget_usd must", limited(-1, "monthly_budget_usd")),
        ("customers: monthly_budget_usd must", limited(0.5, "monthly_budget_usd")),
        ("customers: a monthly_budget_usd needs", put([], "budget_emails")),
        ("alarm_topic_arns must", put(["platform"], "alarm_topic_arns")),
        ("budget_emails must", put(["finance"], "budget_emails")),
        ("budget_emails must", put([f"f{n}@example.com" for n in range(11)], "budget_emails")),
        (
            "permissions_boundary_arn must",
            put("arn:aws:iam::222222222222:policy/boundary", "permissions_boundary_arn"),
        ),
        ("tags: keys", put({"aws:x": "y"}, "tags")),
    ],
    BOOTSTRAP: [
        ("partition must", put("aws-cn", "partition")),
        ("account_id must", put(22222222222, "account_id")),
        ("kind must", unknown_kind),
        ("customer must be", put("", "customer")),
        ("customer must be", put("operations", "kind")),
        ("customer must start", put("Acme", "customer")),
        ("customer must start", put("a" * 33, "customer")),
        ("caller_role must", put("app*", "caller_role")),
        ("caller_role must", put("/app", "caller_role")),
        ("caller_role must", put("${aws:username}", "caller_role")),
        ("caller_role is", put("bulkhead/bulkhead-deploy", "caller_role")),
        ("caller_role is", put("bulkhead/reader/somebody", "caller_role")),
        ("regions must", put([], "regions")),
        ("regions: name", put(["eu-*"], "regions")),
        *(
            (f"{key} must", put([arn], key))
            for key in ("deploy_principal_arns", "plan_principal_arns")
            for arn in (
                "arn:aws:iam::888888888888:root",
                "arn:aws:iam::888888888888:role/*",
                "arn:aws:iam::*:role/ci",
                "arn:aws:sts::888888888888:assumed-role/ci/session",
                "arn:aws:iam::888888888888:user/${aws:username}",
            )
        ),
        *(
            (
                f"{key} names",
                put(["arn:aws:iam::222222222222:role/bulkhead/bulkhead-plan"], key),
            )
            for key in ("deploy_principal_arns", "plan_principal_arns")
        ),
        ("github needs", put("", "github", "plan_environment")),
        ("github.repository must", put("acme/*", "github", "repository")),
        ("github.repository must", put("acme", "github", "repository")),
        ("github: an environment must", put("prod*", "github", "deploy_environment")),
        ("github: an environment must", put("a:b", "github", "plan_environment")),
        ("github: deploy_environment and", put("Production", "github", "plan_environment")),
        ("gitlab needs", put("", "gitlab", "deploy_branch")),
        ("gitlab.url must", put("http://gitlab.example.com", "gitlab", "url")),
        ("gitlab.url must", put("https://gitlab.example.com/", "gitlab", "url")),
        ("gitlab.project must", put("acme/*", "gitlab", "project")),
        ("gitlab: a branch must", put("release/*", "gitlab", "deploy_branch")),
        ("gitlab: deploy_branch and", put("main", "gitlab", "plan_branch")),
        ("tags: keys", put({"bulkhead:customer": "x"}, "tags")),
    ],
    BOOTSTRAP_ROOT: [
        ("account_id is neither", put("666666666666", "account_id")),
    ],
    OPERATIONS: [
        ("external_ids must", put({"acme": ACME_ID}, "external_ids")),
    ],
    CUSTOMER: [
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
    ],
}


def rules(where: str) -> dict[str, str]:
    """Every rule by its message up to the first interpolation: the variable that it guards."""
    text = (ROOT / where / "variables.tf").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for block in re.split(r"^variable ", text, flags=re.MULTILINE)[1:]:
        for message in re.findall(r'error_message = "((?:[^"\\]|\\.)*)"', block):
            start = message.split("${")[0]
            assert start not in found, f"two rules of {where} have one message: {start}"
            found[start] = block.split('"')[1]
    return found


@pytest.mark.parametrize("where", FILES)
def test_good_variables_are_accepted(where: str, workbench: Callable[..., Workbench]) -> None:
    assert workbench(*FILES[where], at=where).refusals(GOOD[where]) == []


@pytest.mark.parametrize(
    ("where", "start", "change"),
    [
        pytest.param(where, start, change, id=f"{where.rsplit('/')[-1]}-{number}-{start}")
        for where, cases in CASES.items()
        for number, (start, change) in enumerate(cases)
    ],
)
def test_a_broken_variable_is_refused_by_its_rule_alone(
    where: str, start: str, change: Change, workbench: Callable[..., Workbench]
) -> None:
    variables = copy.deepcopy(GOOD[where])
    change(variables)
    refusals = workbench(*FILES[where], at=where).refusals(variables)
    assert len(refusals) == 1, refusals
    assert refusals[0].startswith(start)


@pytest.mark.parametrize("where", FILES)
def test_every_rule_has_a_case_and_every_case_one_rule(where: str) -> None:
    messages = list(rules(where))
    starts = {start for start, _ in CASES[where]}
    assert all(sum(m.startswith(s) for m in messages) == 1 for s in starts)
    # `partition must` is in both modules; within one, no start fits two rules.
    assert [m for m in messages if not any(m.startswith(s) for s in starts)] == []


def test_the_known_regions_are_those_of_the_sdk() -> None:
    text = (ROOT / FLEET / "regions.tf").read_text(encoding="utf-8")
    session = botocore.session.Session()
    known = [
        region
        for partition in ("aws", "aws-us-gov")
        for region in session.get_available_regions("bedrock", partition)
    ]
    listed = re.findall(r'^    "([a-z0-9-]+)",$', text, re.MULTILINE)
    assert listed == sorted(known)


@pytest.mark.parametrize("where", FILES)
def test_every_variable_is_typed_described_and_not_null(where: str) -> None:
    text = (ROOT / where / "variables.tf").read_text(encoding="utf-8")
    for block in re.split(r"^variable ", text, flags=re.MULTILINE)[1:]:
        name = block.split('"')[1]
        fields = {
            "description": r"^  description\s*= (\"|<<-EOT)",
            "type": r"^  type\s*= (?!any)",
            "nullable": r"^  (nullable\s*= false|default\s*= null)",
        }
        missing = [f for f, p in fields.items() if not re.search(p, block, re.MULTILINE)]
        assert not missing, f"{where}: variable {name} lacks {missing}"


@pytest.mark.parametrize(
    ("quota", "refused"),
    [
        ("inference_profiles_per_region: 4", False),
        ("inference_profiles_per_region: 3", True),
        ("roles: 3", False),
        ("roles: 2", True),
        ("managed_policies: 2", True),
    ],
)
def test_a_plan_is_refused_for_more_than_one_operations_account_holds(
    quota: str, refused: bool, workbench: Callable[..., Workbench]
) -> None:
    """The real outputs over a module that makes nothing; the harness counts the same before."""
    bench = workbench(*FILES[OPERATIONS], f"{OPERATIONS}/outputs.tf", at=OPERATIONS)
    (bench.folder / "fleet").mkdir()
    (bench.folder / "fleet" / "outputs.tf").write_text('output "customers" {\n  value = {}\n}\n')
    (bench.folder / "main.tf").write_text('module "fleet" {\n  source = "./fleet"\n}\n')
    file = bench.folder.parent / "customers.yaml"
    text = file.read_text(encoding="utf-8")
    changed = text.replace("operations:\n", f"operations:\n  quotas: {{ {quota} }}\n", 1)
    assert changed != text
    file.write_text(changed, encoding="utf-8")
    bench.init()
    refusals = bench.refusals(GOOD[OPERATIONS])
    assert len(refusals) == int(refused), refusals
    if refused:
        assert refusals[0].startswith("customers.yaml lists more than one operations account holds")
        assert f"of {quota.rsplit(maxsplit=1)[-1]}. Move customers to another cell" in refusals[0]
    try:
        load_environment(file.parent)
    except UserError as error:
        assert refused
        assert "more than one operations account holds" in str(error)
    else:
        assert not refused
