"""What is in an environment beside what was deployed, as a snapshot shows it.

Terraform sees what it made. Managed policies attached to its roles it leaves alone, so that a stop
outlives an apply; of what somebody else made it knows nothing. Judged like the probes judge:
conditions excuse nobody (`harness.probes.trustees`, `harness.probes.resource_policies`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.deploy.baseline import RETENTION
from harness.estate.policies import named
from harness.estate.snapshot import statements_of, text
from harness.iam import PolicyError, PolicyKind
from harness.probes.resource_policies import lets_in
from harness.probes.rights import denies_only
from harness.probes.trustees import (
    SERVICE_LINKED,
    Design,
    account_of,
    beyond,
    caller_design,
    job_design,
)
from harness.snapshot.designed import for_own_groups, of_the_alarm, rings_the_alarm

OURS = "/bulkhead/"
"""The path below which every role and policy lies that Bulkhead makes."""
_STOPS = f"{OURS}fleet/"
_WITH_POLICY = (
    "delivery_destinations",
    "event_buses",
    "functions",
    "guardrails",
    "keys",
    "log_destinations",
    "queues",
    "secrets",
    "sinks",
    "topics",
)
_WAYS_OUT = {
    "api_destinations": "sends events to an address",
    "deliveries": "delivers logs",
    "delivery_destinations": "takes deliveries of logs",
    "delivery_sources": "offers logs for delivery",
    "links": "shows what the account keeps to another account",
    "log_account_policies": "handles all log groups of the account",
    "log_destinations": "takes logs of other accounts",
    "log_resource_policies": "lets services write to log groups",
    "sinks": "shows what other accounts keep",
}
"""What no deployed account has, and what it would do."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something that is there and was not deployed, or is not as it was deployed."""

    check: str
    """A name that stays, to filter by."""
    subject: str
    what: str


@dataclass(frozen=True, slots=True)
class Extras:
    """What was found, and what is by design and worth to be told."""

    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]


def extras(document: Mapping[str, Any]) -> Extras:
    """Looks a snapshot through. What could not be read where something could be, is a finding."""
    checks: tuple[Callable[[Mapping[str, Any]], Iterator[Finding]], ...] = (
        _attachments,
        _boundaries,
        _trusts,
        _policies,
        _grants,
        _ways_out,
        _rules,
        _groups,
        _models,
        _guardrails,
        _unread,
    )
    found = sorted({finding for check in checks for finding in check(document)})
    notes = sorted({*_stops(document), *_unread_beside(document)})
    return Extras(tuple(found), tuple(notes))


def _roles(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for account, held in document["accounts"].items():
        for arn, role in held["identity"]["roles"].items():
            yield account, arn, role


def _default(document: Mapping[str, Any], account: str, arn: str) -> Any:
    policy = document["accounts"][account]["identity"]["policies"].get(arn)
    return None if policy is None else policy["versions"][policy["default"]]


def _denying(policy: Any) -> bool:
    return isinstance(policy, Mapping) and denies_only(policy)


def _is_stop(document: Mapping[str, Any], account: str, arn: str) -> bool:
    where = arn.partition(":policy")[2]
    return where.startswith(_STOPS) and _denying(_default(document, account, arn))


def _attachments(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Managed policies on roles of ours: a stop may be, nothing else is deployed. What customers
    attach to callers that they made is theirs; no such role lies below our path."""
    for account, arn, role in _roles(document):
        if role["path"].startswith(OURS):
            for attached in role["attached"]:
                if not _is_stop(document, account, attached):
                    yield Finding("attached", arn, f"{attached} is attached to it")


def _stops(document: Mapping[str, Any]) -> Iterator[Finding]:
    for customer, each in document["environment"]["customers"].items():
        operations = document["environment"]["operations_account"]
        roles = document["accounts"][operations]["identity"]["roles"]
        for attached in roles.get(each["fleet_role"], {"attached": ()})["attached"]:
            if _is_stop(document, operations, attached):
                yield Finding("stopped", each["fleet_role"], f"{customer} is stopped: {attached}")


def _boundaries(document: Mapping[str, Any]) -> Iterator[Finding]:
    environment = document["environment"]
    roles = document["accounts"][environment["operations_account"]]["identity"]["roles"]
    for customer, each in environment["customers"].items():
        role = roles.get(each["fleet_role"])
        if role is None:
            yield Finding("fleet-role", each["fleet_role"], f"the role of {customer} is not there")
        elif role["boundary"] != each["boundary"]:
            what = f"its boundary is {role['boundary'] or 'not set'}, not {each['boundary']}"
            yield Finding("boundary", each["fleet_role"], what)


def _trusts(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Roles that somebody may become who is not meant to."""
    environment = document["environment"]
    homes = environment["homes"]
    fleet = {each["fleet_role"]: name for name, each in environment["customers"].items()}
    designs: dict[str, Design] = {}
    for arn, customer in fleet.items():
        own = {a: home for a, home in homes.items() if home["customer"] == customer}
        callers = [[home["caller_role"], *home["further_callers"]] for home in own.values()]
        designs[arn] = Design(
            frozenset(own), callers=frozenset(each for several in callers for each in several)
        )
    for account, home in homes.items():
        designs[home["caller_role"]] = caller_design(home["caller"], account)
        for arn, who in home["support"].items():
            designs[arn] = Design(frozenset({account, *(each.split(":")[4] for each in who)}))
    for account, arn, role in _roles(document):
        if role["path"].startswith(SERVICE_LINKED):
            continue
        others = Design(frozenset({account}), None, never=frozenset(fleet))
        design = designs.get(arn) or job_design(others, arn, environment.get("jobs", {}))
        if not _valid(PolicyKind.TRUST, arn, role["trust"]):
            yield Finding("trust", arn, "its trust policy cannot be judged")
            continue
        for who in beyond(role["trust"], design):
            yield Finding("trust", arn, f"its trust lets in {who}")


def _policies(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Resources whose own policy lets in somebody of another account, or a fleet role."""
    environment = document["environment"]
    never = {each["fleet_role"].rpartition("/")[2] for each in environment["customers"].values()}
    for account, held in document["accounts"].items():
        listed = [(name, each["policy"]) for name, each in held["buckets"].items()]
        for region in held["regions"].values():
            for section in _WITH_POLICY:
                listed += [(arn, each["policy"]) for arn, each in region[section].items()]
            for group, each in region["log_groups"].items():
                listed += [(group, policy) for policy in each["policies"]]
            for parameter, each in region["parameters"].items():
                listed += [(parameter, policy) for policy in each["policies"]]
        for name, policy in listed:
            kind = PolicyKind.KEY if ":key/" in name else PolicyKind.RESOURCE
            if policy is not None and not _valid(kind, name, policy):
                yield Finding("resource-policy", name, "its policy cannot be judged")
            elif policy is not None:
                yield from (
                    Finding("resource-policy", name, f"its policy lets in {who}")
                    for who in _let_in(document, policy, account, name, never)
                )


def _valid(kind: PolicyKind, name: str, policy: Any) -> bool:
    try:
        named(kind, name, text(policy))
    except PolicyError:
        return False
    return True


def _let_in(
    document: Mapping[str, Any], policy: Any, account: str, name: str, never: set[str]
) -> list[str]:
    kept = [
        each
        for each in statements_of(policy)
        if not (":key/" in name and for_own_groups(each, account))
        and not of_the_alarm(document, account, name, each)
    ]
    return lets_in(json.dumps({"Statement": kept}), account, never)


def _grants(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Grants pass a key on beside its policy. AWS makes some for services, for its own keys."""
    for account, held in document["accounts"].items():
        for region in held["regions"].values():
            for arn, key in region["keys"].items():
                for grant in key["grants"]:
                    who = grant["grantee"]
                    outside = who.startswith("arn:") and who.split(":")[4] != account
                    if key["manager"] != "AWS" or outside:
                        operations = ", ".join(grant["operations"])
                        yield Finding("grant", arn, f"{who} may {operations} by a grant")


def _ways_out(document: Mapping[str, Any]) -> Iterator[Finding]:
    for account, held in document["accounts"].items():
        for name, region in held["regions"].items():
            for section, does in _WAYS_OUT.items():
                for each in region[section]:
                    yield Finding("way-out", each, f"{does} ({account} in {name})")
            for group, settings in region["log_groups"].items():
                for filter_, out in settings["subscription_filters"].items():
                    what = f"the subscription filter {filter_} sends it to {out['destination']}"
                    yield Finding("way-out", group, what)
                if settings["bearer_tokens"]:
                    yield Finding("way-out", group, "it takes events with a bearer token")
    for name in document["centralization_rules"]:
        yield Finding("way-out", f"centralization rule {name}", "copies logs between accounts")


def _rules(document: Mapping[str, Any]) -> Iterator[Finding]:
    for account, held in document["accounts"].items():
        for region in held["regions"].values():
            for bus, settings in region["event_buses"].items():
                for name, rule in settings["rules"].items():
                    for target in rule["targets"]:
                        if rings_the_alarm(document, bus, name, target):
                            continue
                        if account_of(target) not in ("", account):
                            yield Finding("event-rule", bus, f"the rule {name} sends to {target}")


def _groups(document: Mapping[str, Any]) -> Iterator[Finding]:
    for account, home in document["environment"]["homes"].items():
        for arn, wanted in home["log_groups"].items():
            region = document["accounts"][account]["regions"].get(arn.split(":")[3])
            group = None if region is None else region["log_groups"].get(arn)
            if group is None:
                yield Finding("log-group", arn, "it is not there")
                continue
            for name in ("key", "retention_in_days"):
                if group[name] != wanted[name]:
                    said = f"its {name.replace('_', ' ')} is {group[name] or 'not set'}"
                    yield Finding("log-group", arn, f"{said}, not {wanted[name]}")
            if group["data_protection"] is None:
                yield Finding("log-group", arn, "nothing is masked in it")


def _models(document: Mapping[str, Any]) -> Iterator[Finding]:
    environment = document["environment"]
    operations = environment["operations_account"]
    known = {
        arn for each in environment["customers"].values() for arn in each["inference_profiles"]
    }
    for name, region in document["accounts"][operations]["regions"].items():
        where = f"account {operations} in {name}"
        if region["invocation_logging"] is not None:
            yield Finding("invocation-logging", where, "model invocations are logged")
        if region["data_retention"] not in (None, RETENTION):
            what = f"Bedrock's data retention is {region['data_retention']}, not {RETENTION}"
            yield Finding("data-retention", where, what)
        for arn, profile in region["inference_profiles"].items():
            if arn not in known:
                what = f"{profile['name']} belongs to no customer's deployment"
                yield Finding("inference-profile", arn, what)


def _guardrails(document: Mapping[str, Any]) -> Iterator[Finding]:
    management = document["environment"]["management_account"]
    policies: Mapping[str, Any] = next(
        (
            each["policies"]
            for each in document["organizations"].values()
            if each["management_account"] == management
        ),
        {},
    )
    for name, guardrail in document["environment"]["guardrails"].items():
        policy = policies.get(guardrail["policy"])
        if policy is None:
            yield Finding("guardrail", name, "it is not there")
            continue
        for account in guardrail["accounts"]:
            if account not in policy["targets"]:
                yield Finding("guardrail", name, f"it does not bind {account} any more")


_LOOKED_AT = frozenset(
    {
        *_WITH_POLICY,
        *_WAYS_OUT,
        "buckets",
        "centralization_rules",
        "identity",
        "inference_profiles",
        "log_groups",
        "parameters",
    }
)
_OF_OPERATIONS = frozenset({"data_retention", "invocation_logging"})
_OF_MANAGEMENT = frozenset({"organization"})
"""What is looked at in one account only. Of others it is told to which organization they belong."""


def _matters(document: Mapping[str, Any], gap: Mapping[str, str]) -> bool:
    section, account = gap["section"], gap["account"]
    environment = document["environment"]
    return (
        section in _LOOKED_AT
        or (section in _OF_OPERATIONS and account == environment["operations_account"])
        or (section in _OF_MANAGEMENT and account == environment["management_account"])
    )


def _unread(document: Mapping[str, Any]) -> Iterator[Finding]:
    """What a check would have looked at, and nobody could."""
    return (_gap(gap) for gap in document["unreadable"] if _matters(document, gap))


def _unread_beside(document: Mapping[str, Any]) -> Iterator[Finding]:
    return (_gap(gap) for gap in document["unreadable"] if not _matters(document, gap))


def _gap(gap: Mapping[str, str]) -> Finding:
    place = " ".join(filter(None, (gap["account"], gap["region"])))
    subject = gap["resource"] or f"{gap['section'].replace('_', ' ')} of {place}"
    return Finding("unreadable", subject, f"{gap['call']} answered {gap['code']}")
