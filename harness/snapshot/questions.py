"""The requests by whose answers two snapshots are compared: a fixed family, from the snapshot.

- who may become which role, knowing its external id and how sessions must be named: the trust
  matrix, for every role that there is;
- who may read which records, unmask them, and decrypt what their keys encrypt;
- who may call through which inference profile;
- who may change the stop, the boundary, the trust and the rights of fleet and caller roles;
- what the security suite probes fleet roles and deploy roles with, and what the guardrails are
  there to deny even to whoever may do anything in an account (`harness.probes`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.estate.snapshot import statements_of
from harness.probes.deploy_grants import NOT_GRANTED, NOT_TO_PLAN
from harness.probes.deploy_rights import (
    EVERYTHING,
    NO_KEY,
    READER_PATH,
    WALLS,
)
from harness.probes.fleet_rights import RIGHTS, Right
from harness.probes.fleet_rights_elsewhere import ELSEWHERE
from harness.probes.guardrail_held import POLICY as HELD
from harness.probes.guardrail_requests import PURPOSES
from harness.snapshot.asking import Asked, Question, Who
from harness.targets.base import DEPLOY_ROLE, PLAN_ROLE

READS = (
    ("logs:FilterLogEvents", ""),
    ("logs:GetLogEvents", ":log-stream:any"),
    ("logs:StartQuery", ""),
    ("logs:StartLiveTail", ""),
    ("logs:Unmask", ""),
)
INVOKES = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
CHANGES = (
    "iam:AttachRolePolicy",
    "iam:DeleteRole",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:UpdateAssumeRolePolicy",
)
BOUNDARY_CHANGES = (
    "iam:CreatePolicyVersion",
    "iam:DeletePolicy",
    "iam:DeletePolicyVersion",
    "iam:SetDefaultPolicyVersion",
)
KEY_CHANGES = ("kms:CreateGrant", "kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion")
_NAME = "bulkhead-diff"
FEW = 8
"""Customers' accounts and fleet roles that stand for all others, where there are more."""
_ACCOUNT = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")
ELSEWHERE_REGION = "sa-east-1"
"""Of no environment."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request by somebody, and how it is told: `WHO may PHRASE`."""

    who: Who
    family: str
    phrase: str
    question: Question

    @property
    def key(self) -> tuple[Who, str, str, str]:
        """The same request asked of another snapshot."""
        return self.who, self.family, self.phrase, self.question.resource


def askings(asked: Asked) -> Iterator[Asking]:
    """All requests of the family, for one snapshot."""
    document = asked.estate.document
    crowd = _Crowd(document, asked.principals())
    yield from _becoming(document, crowd)
    yield from _reading(document, crowd)
    yield from _calling(document, crowd)
    yield from _changing(document, crowd)
    yield from _suite(document)
    yield from _guarded(document)


class _Crowd:
    """Everybody who asks, and who of them asks for what lies in one account.

    All do where customers are few. In a large fleet each thing is asked for by its own account, by
    the accounts that its policy names, by operations, management and the outsiders, and by a few
    others, which stand for the rest: so the requests grow with the fleet and not with its square.
    """

    def __init__(self, document: Mapping[str, Any], everybody: Iterable[Who]) -> None:
        environment = document["environment"]
        self._by_account: dict[str, list[Who]] = {}
        for who in everybody:
            self._by_account.setdefault(who.account, []).append(who)
        self._fleet = frozenset(each["fleet_role"] for each in environment["customers"].values())
        self._few = frozenset(sorted(self._fleet)[:FEW])
        self._always = {
            environment["operations_account"],
            environment["management_account"],
            *environment["outsiders"],
        }
        self._others = sorted(self._by_account.keys() - self._always)

    def around(self, account: str, policies: Any = (), fleet: str = "") -> Iterator[Who]:
        """Who asks for a thing of an account that has these policies; always `fleet` among them."""
        named = {*_ACCOUNT.findall(json.dumps(policies))}
        few = [each for each in self._others if each != account][:FEW]
        for each in sorted({account, *self._always, *named, *few}):
            if each in self._by_account:
                yield from self.of(each, fleet)
            else:  # an account that the environment knows nothing of
                yield Who("made-up", each, "")

    def of(self, account: str, fleet: str = "") -> Iterator[Who]:
        """Who asks of an account: of the fleet roles a few, and always `fleet`."""
        for who in self._by_account.get(account, ()):
            if who.arn not in self._fleet or who.arn in self._few or who.arn == fleet:
                yield who


def _becoming(document: Mapping[str, Any], crowd: _Crowd) -> Iterator[Asking]:
    for account, held in document["accounts"].items():
        for arn, role in held["identity"]["roles"].items():
            id_ = known_external_id(role["trust"])
            services = {Who("service", account, name) for name in _services(role["trust"])}
            everybody = crowd.around(account, role["trust"], arn)
            for who in (*everybody, *sorted(services, key=str)):
                context: dict[str, str | tuple[str, ...]] = {
                    "sts:RoleSessionName": f"t-{who.account}-{_NAME}"
                }
                if id_:
                    context["sts:ExternalId"] = id_
                question = Question("sts:AssumeRole", arn, account, context)
                yield Asking(who, "become a role", f"become {arn}", question)


def known_external_id(trust: Any) -> str:
    """An external id that satisfies what a trust policy asks for, as everybody is taken to know
    it; empty where none is asked for."""
    if isinstance(trust, str):
        return ""
    for statement in statements_of(trust):
        if statement.get("Effect") == "Deny":
            continue
        for operator, tests in (statement.get("Condition") or {}).items():
            if operator.lower().startswith("null") or "not" in operator.lower():
                continue
            for key, values in tests.items():
                if key.lower() == "sts:externalid":
                    first = next(iter(values), "") if isinstance(values, list) else values
                    # A wildcard takes anything, so nothing.
                    return str(first).replace("*", "").replace("?", "x") or "any"
    return ""


def _services(trust: Any) -> Iterator[str]:
    for statement in () if isinstance(trust, str) else statements_of(trust):
        principal = statement.get("Principal")
        named = principal.get("Service", ()) if isinstance(principal, Mapping) else ()
        yield from [named] if isinstance(named, str) else named


def _reading(document: Mapping[str, Any], crowd: _Crowd) -> Iterator[Asking]:
    family = "read records"
    for account, home in document["environment"]["homes"].items():
        for group, settings in home["log_groups"].items():
            region = group.split(":")[3]
            name = group.split(":log-group:", 1)[1]
            key = settings["key"]
            decrypting = {
                "kms:EncryptionContext:aws:logs:arn": group,
                "kms:EncryptionContextKeys": ("aws:logs:arn",),
                "kms:ViaService": f"logs.{region}.amazonaws.com",
            }
            there = document["accounts"][account]["regions"].get(
                region, {"log_groups": {}, "keys": {}}
            )
            policies = [there["log_groups"].get(group), there["keys"].get(key)]
            fleet = _fleet_of(document["environment"], account)
            for who in crowd.around(account, policies, fleet):
                for action, end in READS:
                    question = Question(action, f"{group}{end}", account, region=region)
                    yield Asking(who, family, f"{action} on {name} of {account}", question)
                question = Question("kms:Decrypt", key, account, decrypting, region)
                yield Asking(who, family, f"kms:Decrypt what {name} of {account} holds", question)
                for action in KEY_CHANGES:
                    question = Question(action, key, account, region=region)
                    phrase = f"{action} on the key of {name} of {account}"
                    yield Asking(who, "change keys of records", phrase, question)


def _calling(document: Mapping[str, Any], crowd: _Crowd) -> Iterator[Asking]:
    operations = document["environment"]["operations_account"]
    owners = {
        arn: customer["fleet_role"]
        for customer in document["environment"]["customers"].values()
        for arn in customer["inference_profiles"]
    }
    for region, held in document["accounts"][operations]["regions"].items():
        for arn, profile in held["inference_profiles"].items():
            for who in crowd.around(operations, (), owners.get(arn, "")):
                for action in INVOKES:
                    question = Question(action, arn, operations, region=region)
                    phrase = f"{action} through {profile['name']} in {region}"
                    yield Asking(who, "call models", phrase, question)
                if who.account != operations:
                    continue  # models are called in one's own account
                for model in profile["models"]:
                    name = model.rpartition("/")[2]
                    for through, how in ((arn, f"through {profile['name']}"), ("", "directly")):
                        context = {"bedrock:InferenceProfileArn": through} if through else {}
                        question = Question(INVOKES[0], model, "", context, region)
                        phrase = f"{INVOKES[0]} on {name} {how} in {region}"
                        yield Asking(who, "call models", phrase, question)


def _changing(document: Mapping[str, Any], crowd: _Crowd) -> Iterator[Asking]:
    environment = document["environment"]
    operations = environment["operations_account"]
    roles = [(operations, each["fleet_role"]) for each in environment["customers"].values()]
    roles += [(account, home["caller_role"]) for account, home in environment["homes"].items()]
    for account, arn in roles:
        role = document["accounts"][account]["identity"]["roles"].get(arn)
        boundary = role["boundary"] if role else None
        # IAM is called in one's own account.
        for who in crowd.of(account, arn):
            for action in CHANGES:
                context: dict[str, str | tuple[str, ...]] = {}
                if boundary:
                    context["iam:PermissionsBoundary"] = boundary
                if action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
                    context["iam:PolicyARN"] = EVERYTHING
                question = Question(action, arn, account, context)
                yield Asking(who, "change roles", f"{action} on {arn}", question)
    for customer in environment["customers"].values():
        for who in crowd.of(operations, customer["fleet_role"]):
            for action in BOUNDARY_CHANGES:
                question = Question(action, customer["boundary"], operations)
                phrase = f"{action} on {customer['boundary']}"
                yield Asking(who, "change boundaries", phrase, question)


def _suite(document: Mapping[str, Any]) -> Iterator[Asking]:
    environment = document["environment"]
    operations, regions = environment["operations_account"], environment["regions"]
    for customer in environment["customers"].values():
        arn = customer["fleet_role"]
        profile = _profile_of(environment, customer)
        region = profile.split(":")[3]
        who = Who("role", operations, arn)
        there = document["accounts"][operations]["regions"].get(region, {"inference_profiles": {}})
        behind = there["inference_profiles"].get(profile, {"models": ()})["models"]
        anything = f"arn:{environment['partition']}:bedrock:{region}::foundation-model/{_NAME}"
        model = next(iter(behind), anything)
        values = {
            "model": model.rpartition("/")[2],
            "model_arn": model,
            "r": region,
            "a": operations,
            "role": arn.rpartition("/")[2],
            "role_arn": arn,
            "aip": profile,
            "helper": _NAME,
            "elsewhere": f"arn:{environment['partition']}:iam::{operations}:role/{_NAME}",
        }
        for right in (*RIGHTS, *ELSEWHERE):
            yield _right(who, "do what fleet roles must not", right, values, operations, region)
    outsider = next(iter(environment["outsiders"]), operations)
    for account in document["accounts"]:
        home = environment["homes"].get(account, {"log_groups": {}})
        group, held = next(iter(home["log_groups"].items()), ("", {"key": ""}))
        region = group.split(":")[3] if group else regions[0]
        base = f"arn:{environment['partition']}"
        values = {
            "r": region,
            "a": account,
            "group_arn": group or f"{base}:logs:{region}:{account}:log-group:{_NAME}",
            "key": held["key"] or f"{base}:kms:{region}:{account}:key/{NO_KEY}",
            "deploy": DEPLOY_ROLE.rpartition("/")[2],
            "plan": PLAN_ROLE.rpartition("/")[2],
            "secret": f"{base}:secretsmanager:{region}:{account}:secret:{_NAME}",
            "reader": f"{READER_PATH.strip('/')}/{_NAME}",
            "made": _NAME,
            "made_path": "/bulkhead/fleet/" if account == operations else "/bulkhead/",
            "operations": operations,
            "fleet_arn": _fleet_of(environment, account),
            "control_arn": f"{base}:iam::{outsider}:role/{_NAME}",
        }
        for role, rights in (
            (DEPLOY_ROLE, (*WALLS, *NOT_GRANTED)),
            (PLAN_ROLE, (*WALLS, *NOT_GRANTED, *NOT_TO_PLAN)),
        ):
            who = Who("role", account, f"{base}:iam::{account}:role/{role}")
            for right in rights:
                yield _right(who, "do what deployers must not", right, values, account, region)


def _profile_of(environment: Mapping[str, Any], customer: Mapping[str, Any]) -> str:
    """An inference profile of a customer, or else one that is not there."""
    base = f"arn:{environment['partition']}:bedrock:{environment['regions'][0]}"
    absent = f"{base}:{environment['operations_account']}:application-inference-profile/{_NAME}"
    return next(iter(customer["inference_profiles"]), absent)


def _fleet_of(environment: Mapping[str, Any], account: str) -> str:
    """The fleet role of the account's customer, or else some customer's."""
    home = environment["homes"].get(account)
    customers = environment["customers"]
    found = customers.get(home["customer"]) if home else next(iter(customers.values()), None)
    return str(found["fleet_role"]) if found else _NAME


def _guarded(document: Mapping[str, Any]) -> Iterator[Asking]:
    """What service control policies deny, asked by a role that its account gives every right."""
    environment = document["environment"]
    operations, homes = environment["operations_account"], environment["homes"]
    for account in (operations, *homes):
        home_account = account if account in homes else next(iter(homes), "")
        if not home_account:
            continue
        home = homes[home_account]
        customer = environment["customers"].get(home["customer"])
        group, held = next(iter(home["log_groups"].items()), ("", {"key": ""}))
        if customer is None or not group:
            continue
        profile = _profile_of(environment, customer)
        region = group.split(":")[3]
        names = {
            "a": account,
            "b": home_account,
            "n": next(
                (a for a, h in homes.items() if h["customer"] != home["customer"]), operations
            ),
            "o": operations,
            "x": next(iter(environment["outsiders"]), "000000000000"),
            "r": region,
            "customer": home["customer"],
            "fleet": customer["fleet_role"],
            "boundary": customer["boundary"],
            "model": f"arn:{environment['partition']}:bedrock:{region}::foundation-model/any",
            "aip": profile,
            "group": group,
            "key": held["key"],
        }
        for purpose in PURPOSES:
            of_operations = purpose.policy.startswith("operations")
            if not purpose.policy.endswith("scp") or of_operations is not (account == operations):
                continue
            if (
                purpose.policy == HELD
                and account not in environment["guardrails"].get(HELD, {"accounts": ()})["accounts"]
            ):
                continue
            for asked in purpose.denies:
                resource = asked.resource.format_map(names)
                owner = "" if resource == "*" else resource.split(":", 5)[4]
                context = {
                    key: value.format_map(names)
                    if isinstance(value, str)
                    else tuple(each.format_map(names) for each in value)
                    for key, value in asked.context.items()
                }
                # Without a Region of its own, what is denied elsewhere is asked for elsewhere.
                by_region = ("StringNotEquals", "aws:RequestedRegion") in purpose.keys
                wanted = str(
                    context.get("aws:RequestedRegion", ELSEWHERE_REGION if by_region else region)
                )
                question = Question(asked.action, resource, owner, context, wanted)
                phrase = f"{asked.action} in {account}, which {purpose.sid} is to deny"
                for by in asked.by:
                    arn = by.format_map(names)
                    if arn.startswith(f"arn:aws:iam::{account}:role/"):
                        who = Who("made-up", account, arn)
                        yield Asking(who, "do what guardrails deny", phrase, question)


def _right(
    who: Who, family: str, right: Right, values: Mapping[str, str], account: str, region: str
) -> Asking:
    resource = right.resources[0]
    for name, value in values.items():
        resource = resource.replace("{" + name + "}", value)
    # What only the suite makes stands for anything of its kind.
    while (start := resource.find("{")) >= 0 and (end := resource.find("}", start)) > start:
        resource = resource[:start] + _NAME + resource[end + 1 :]
    parts = resource.split(":", 5)
    owner = "" if resource == "*" else parts[4] if len(parts) > 4 and parts[4] else account
    if resource != "*" and ":foundation-model/" in resource:
        owner = ""
    return Asking(
        who,
        family,
        f"{right.claim} ({right.action})",
        Question(right.action, resource, owner, {}, region),
    )
