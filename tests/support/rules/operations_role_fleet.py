"""The rules of modules/operations-role-fleet."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from support.rules.changes import (
    ACME_ID,
    AIPS,
    GLOBEX_ID,
    OWN,
    Change,
    Rules,
    in_partition,
    put,
)

WHERE = "modules/operations-role-fleet"


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


def previous(external_id: str, until: str = "2026-01-31T12:00:00Z", of: str = "acme") -> Change:
    """A change of the id before the current one of a customer."""
    return put({"external_id": external_id, "accepted_until": until}, "previous_external_ids", of)


RULES = Rules(
    WHERE,
    (
        f"{WHERE}/variables.tf",
        f"{WHERE}/regions.tf",
        f"{WHERE}/words.tf",
    ),
    {
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
        "previous_external_ids": {
            "globex-2": {
                "external_id": ACME_ID[::-1],
                # No case is named by it.
                "accepted_until": f"{datetime.now(UTC) + timedelta(days=29):%Y-%m-%dT%H:%M:%SZ}",
            }
        },
        "cross_region_destinations": {"eu": ["eu-central-1", "eu-west-1"]},
        "inference_profile_key_value": "application-or-system",
        "tags": {"team": "platform"},
    },
    (
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
        ("customers: a key is one with which", customer_named("deploy")),
        ("customers: a key is one with which", customer_named("plan")),
        ("customers: a key is one with which", customer_named("audit")),
        ("customers: a key is one with which", customer_named("break-glass-events")),
        ("customers: a key is one with which", customer_named("spend-eu-central-1-start")),
        ("customers: a key is one with which", customer_named("spend-eu-central-1-stop")),
        ("customers: a key is one with which", customer_named("spend-eu-central-1-budget")),
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
        ("customers: a caller role is", account("caller_roles", ["OrganizationAccountAccessRole"])),
        ("customers: a caller role is", account("caller_roles", ["AWSControlTowerExecution"])),
        ("customers: a caller role is", account("caller_roles", ["aws-reserved/sso/x"])),
        ("customers: a caller role is", account("caller_roles", ["aws-service-role/x/y"])),
        ("customers: a caller role is", account("caller_roles", ["bulkhead/bulkhead-deploy"])),
        ("customers: a caller role is", account("caller_roles", ["app", "bulkhead/bulkhead-plan"])),
        ("customers: a caller role is", account("caller_roles", ["bulkhead/bulkhead-audit"])),
        ("customers: a caller role is", account("caller_roles", ["bulkhead/reader/x"])),
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
        ("inference_profiles: an ARN is not", in_partition("aws-us-gov", "inference_profiles")),
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
        ("previous_external_ids has an entry", previous(GLOBEX_ID[::-1], of="initech")),
        ("previous_external_ids: an external id must", previous(GLOBEX_ID[:31])),
        ("previous_external_ids: an external id must", previous(f"{GLOBEX_ID[::-1]}*")),
        ("previous_external_ids: an external id must", previous(GLOBEX_ID[::-1] * 29)),
        (
            "previous_external_ids: accepted_until is",
            previous(GLOBEX_ID[::-1], "2099-01-01T00:00:00Z"),
        ),
        ("previous_external_ids: an external id repeats", previous("ab12" * 9)),
        ("previous_external_ids: an external id contains its", previous(f"Acme-{ACME_ID}")),
        *(
            ("previous_external_ids: an external id contains an", previous(f"{ACME_ID}.{account}"))
            for account in ("222222222222", "011111111111", "099999999999")
        ),
        *(
            ("previous_external_ids: an external id is a hash", previous(value))
            for value in (
                hashlib.md5(b"acme").hexdigest(),
                hashlib.sha256(b"acme222222222222").hexdigest().upper(),
                str(uuid.uuid5(uuid.NAMESPACE_DNS, "acme")),
            )
        ),
        ("previous_external_ids: an id is still", previous(ACME_ID)),
        ("previous_external_ids: an id is still", previous(GLOBEX_ID.upper())),
        ("previous_external_ids: two customers", previous(ACME_ID[::-1].upper())),
        *(
            ("previous_external_ids: accepted_until must", previous(GLOBEX_ID[::-1], until))
            for until in ("", "forever", "2026-01-31", "2026-13-31T12:00:00Z", "2026-01-31 12:00")
        ),
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
    ),
)
