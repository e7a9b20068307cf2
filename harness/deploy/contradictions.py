"""What the settings of a `customers.yaml` say against each other: who is told, where models may
run, and who else comes in.

Each is refused by a module too, when its root is planned; here it is said before anything starts,
with the field's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Path = list[str | int]
Problem = tuple[Path, str]
ORGANIZATIONS_ROLES = frozenset({"OrganizationAccountAccessRole", "AWSControlTowerExecution"})
TAKEN = re.compile(r"deploy|plan|audit|break-glass-events|spend-.+-(start|stop|budget)")
"""Keys by which a fleet role would be named like another role of ours: as in
modules/operations-role-fleet."""

CROSS_REGION_PREFIXES = frozenset({"us", "us-gov", "eu", "apac", "jp", "au", "ca"})


def contradictions(document: Mapping[str, Any]) -> Iterator[Problem]:
    """The field and what is wrong with it, of a document that fits the schema."""
    yield from _topics(document)
    yield from _limits(document)
    yield from _cross_region(document)
    yield from _operators(document)
    yield from _former(document)
    yield from _content(document)
    yield from _callers(document)
    yield from _names(document)


def _accounts(document: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for key, customer in document["customers"].items():
        for index, account in enumerate(customer["accounts"]):
            yield ["customers", key, "accounts", index], account


def _topics(document: Mapping[str, Any]) -> Iterator[Problem]:
    """An alarm tells topics of its own region; those of customers are of their own account."""
    operations, known = document["operations"], document["regions"]
    for region, topics in operations.get("alarm_topics", {}).items():
        path: Path = ["operations", "alarm_topics", region]
        if region not in known:
            yield path, f"{region} is not in regions, so there is no alarm; name one of them"
        for index, topic in enumerate(topics):
            if topic.split(":")[3] != region:
                yield [*path, index], f"{topic} is not in {region}; an alarm tells its own region"
    for place, account in _accounts(document):
        for index, topic in enumerate(account.get("alarm_topics", ())):
            if topic.split(":")[3:5] != [operations["region"], account["account_id"]]:
                yield (
                    [*place, "alarm_topics", index],
                    f"{topic} is not of account {account['account_id']} in {operations['region']}, "
                    "where the alarms are; use a topic there",
                )


def _limits(document: Mapping[str, Any]) -> Iterator[Problem]:
    operations = document["operations"]
    for key, customer in document["customers"].items():
        spend, path = customer.get("spend", {}), ["customers", key, "spend", "on_limit"]
        told = operations.get("alarm_topics", {})
        silent = [r for r in customer.get("regions", [operations["region"]]) if r not in told]
        if spend.get("on_limit") == "notify" and silent:
            yield (
                path,
                f"notify tells nobody in {', '.join(silent)}; name topics there in "
                "operations.alarm_topics",
            )
        if "monthly_budget_usd" in spend:
            path = ["customers", key, "spend", "monthly_budget_usd"]
            if "budget_emails" not in operations:
                yield (
                    path,
                    "a budget that acts tells somebody; name one in operations.budget_emails",
                )
            if document.get("partition", "aws") != "aws":
                yield path, "AWS Budgets is in the partition aws alone; leave it out"


def _cross_region(document: Mapping[str, Any]) -> Iterator[Problem]:
    listed = document["operations"].get("cross_region", {})
    for prefix, regions in listed.items():
        for index, region in enumerate(regions):
            if region not in document["regions"]:
                yield (
                    ["operations", "cross_region", prefix, index],
                    f"{region} is not in regions; add it there, or leaks in it would not be "
                    "searched for",
                )
    for key, customer in document["customers"].items():
        for index, model in enumerate(customer["models"]):
            prefix, _, plain = model.partition(".")
            if prefix in CROSS_REGION_PREFIXES - listed.keys():
                yield (
                    ["customers", key, "models", index],
                    f"{model} is a cross-region profile, and operations.cross_region has no "
                    f"{prefix}; name its destination regions there, or use {plain}",
                )


def _operators(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Who comes in beside those that deploy."""
    others = {account["account_id"] for _, account in _accounts(document)}
    others |= {document["operations"]["account_id"], *document["probes"].values()}
    for index, account in enumerate(document["organization"].get("trusted_accounts", ())):
        if account in others:
            yield (
                ["organization", "trusted_accounts", index],
                f"account {account} is operations, a customer's or a probe's; trusted accounts "
                "are others, where operators sign in",
            )
    if "break_glass" in document["operations"] and not document.get("trail", True):
        yield (
            ["operations", "break_glass"],
            "nobody hears of an assumption without the trail of operations; set trail: true",
        )


def _former(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Who takes the name of a customer that left takes the name of what it left behind."""
    for key, former in document.get("former_customers", {}).items():
        if key in document["customers"]:
            yield (
                ["customers", key],
                f"{key} was a customer until {former['left']}; give this one another key, or "
                f"strike former_customers.{key} if the name, and records kept under it, may be its",
            )
        listed = {a["account_id"] for _, a in _accounts(document)} | {
            document["operations"]["account_id"],
            *document["organization"].get("trusted_accounts", ()),
        }
        for index, account in enumerate(former["accounts"]):
            if former.get("legal_hold") and account in listed:
                yield (
                    ["former_customers", key, "accounts", index],
                    f"account {account} is listed elsewhere, and held for a customer that left; "
                    "set legal_hold of the customer that has it now, and false here",
                )


def _content(document: Mapping[str, Any]) -> Iterator[Problem]:
    """What is said of prompts and answers that no group takes."""
    if document.get("content", False):
        return
    for key, customer in document["customers"].items():
        for path, said in (
            (["content_retention_in_days"], customer.get("content_retention_in_days")),
            (["masked", "content"], customer.get("masked", {}).get("content")),
        ):
            if said is not None:
                yield (
                    ["customers", key, *path],
                    "there is no group for prompts and answers; set content: true, or leave it out",
                )


def _callers(document: Mapping[str, Any]) -> Iterator[Problem]:
    """What belongs to one kind of caller alone, and roles of the customer that are none."""
    for place, account in _accounts(document):
        for name, caller in (("pods", "eks-irsa"), ("caller_role", "existing")):
            if name in account and account["caller"] != caller:
                yield (
                    [*place, name],
                    f"belongs to caller: {caller}, and this is {account['caller']}; leave one out",
                )
        if account.get("caller_role", "").startswith("bulkhead/"):
            yield (
                [*place, "caller_role"],
                "lies under bulkhead/, where Bulkhead's own roles are; name one that the customer "
                "made elsewhere",
            )
        for index, role in enumerate(account.get("further_callers", ())):
            if role in (account.get("caller_role"), "bulkhead/bulkhead-caller"):
                yield (
                    [*place, "further_callers", index],
                    f"{role} is the caller role already; leave it out",
                )
            elif role.startswith("bulkhead/"):
                yield (
                    [*place, "further_callers", index],
                    "lies under bulkhead/, where the roles are that deploy or read the account; "
                    "name one that the customer made elsewhere",
                )
        named = [([*place, "caller_role"], account.get("caller_role", ""))]
        for index, role in enumerate(account.get("further_callers", ())):
            named.append(([*place, "further_callers", index], role))
        for path, role in named:
            if role in ORGANIZATIONS_ROLES:
                yield (
                    path,
                    "is how the organization's administrators come into the account, and they are "
                    "not the customer; name a role of the application",
                )
            elif role.startswith(("aws-reserved/", "aws-service-role/")):
                yield (
                    path,
                    "is made by AWS, for people or for a service; name a role of the application",
                )


def _names(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Names of roles are the account's, whatever their path."""
    for key in document["customers"]:
        if TAKEN.fullmatch(key):
            yield (
                ["customers", key],
                f"its fleet role would be bulkhead-{key}, as another role of the operations "
                "account is; give the customer another key",
            )
