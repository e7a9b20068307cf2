"""Which disagreements are known, and the proof that each is what it is taken for.

`known.json` lists rules: the AWS page that settles each (`page`, `says`), which engine is `right`,
the facts under which it may apply (`when`), and mostly a `repair`, a change to the case that takes
away what the rule is about. Such a rule explains a disagreement only if the engines agree on the
repaired case: so it hides no other one. Rules without a repair speak about a whole kind of request.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.iam import Outcome
from harness.iam.cases import Case, read_case
from harness.iam.decide import governing_kind
from harness.iam.rcp_services import RCP_SERVICES

Data = dict[str, Any]
Facts = Mapping[str, str | bool]


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    page: str
    says: str
    right: str
    when: Mapping[str, str | bool]
    repair: str = ""

    def may_apply(self, facts: Facts) -> bool:
        return all(facts[name] == value for name, value in self.when.items())


def rules() -> list[Rule]:
    """The listed rules; raises for one whose repair there is not."""
    text = Path(__file__).with_name("known.json").read_text(encoding="utf-8")
    listed = [Rule(**each) for each in json.loads(text)]
    for rule in listed:
        if rule.repair and rule.repair not in REPAIRS:
            raise ValueError(f"known.json: {rule.name} has an unknown repair {rule.repair!r}")
    return listed


def facts(data: Data, case: Case, ours: Outcome, peer: str) -> Facts:
    """What `when` may ask about."""
    request = case.request
    action = request.action.lower()
    texts = json.dumps({key: value for key, value in data.items() if key != "request"})
    return {
        "ours": str(ours),
        "peer": peer,
        "principal": request.principal.kind,
        "serviceLinked": request.principal.is_service_linked,
        "action": action,
        "governs": str(governing_kind(action, request.resource)),
        "rcpService": action.partition(":")[0] in RCP_SERVICES,
        "session": data.get("sessionPolicy") is not None,
        "scps": bool(data.get("scps")),
        "rcps": bool(data.get("rcps")),
        "ifExists": '"ForAnyValue:' in texts and 'IfExists"' in texts,
        "resource": bool(data.get("resourcePolicy")),
        "date": re.search('[":]Date', texts) is not None,
        "emptyValues": any(
            value in ("", [], [""]) for value in data["request"]["context"].values()
        ),
        "rolePath": request.principal.principal_arn.count("/") > 1,
        "emptyDefault": ", ''}" in texts,
        "notIpAddress": "NotIpAddress" in texts,
        "variables": "${" in texts,
        "provider": request.principal.arn,
        "oldVersion": any(p.get("Version") != "2012-10-17" for p in _policies(data)),
        "notPrincipal": '"NotPrincipal"' in texts,
        "keyWithoutResource": any(_without_resource(data)),
        "listedValues": any(
            isinstance(value, list) for value in data["request"]["context"].values()
        ),
        "plainNegated": re.search(r'"(String|Arn|Numeric|Date)Not[A-Za-z]*"', texts) is not None,
    }


def repaired(data: Data, rule: Rule) -> Data:
    """The case without what the rule is about."""
    changed = copy.deepcopy(data)
    REPAIRS[rule.repair](changed)
    return changed


_ALLOW_ALL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def _policies(data: Data) -> Iterator[Data]:
    """Every policy of a case, to read or to change."""
    yield from data.get("identityPolicies") or []
    for key in ("resourcePolicy", "permissionsBoundary", "sessionPolicy"):
        given = data.get(key) or []
        yield from [given] if isinstance(given, dict) else given
    for key in ("scps", "rcps"):
        for level in data.get(key) or []:
            yield from level


def _statements(policy: Data) -> list[Data]:
    listed: Data | list[Data] = policy["Statement"]
    return [listed] if isinstance(listed, dict) else listed


def _without_resource(data: Data) -> Iterator[Data]:
    """The statements of the resource's policy that say no resource."""
    policy = data.get("resourcePolicy")
    for statement in _statements(policy) if policy else ():
        if "Resource" not in statement and "NotResource" not in statement:
            yield statement


def _resource(data: Data) -> None:
    for statement in _without_resource(data):
        statement["Resource"] = "*"


def _new_version(data: Data) -> None:
    for policy in _policies(data):
        policy["Version"] = "2012-10-17"


def _no_not_principal(data: Data) -> None:
    policy = data.get("resourcePolicy")
    if policy:
        policy["Statement"] = [s for s in _statements(policy) if "NotPrincipal" not in s] or {
            "Effect": "Deny",
            "Principal": {"AWS": "000000000000"},
            "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::unrelated",
        }


def _no_if_exists(data: Data) -> None:
    for policy in _policies(data):
        for statement in _statements(policy):
            condition = statement.get("Condition") or {}
            for name in [n for n in condition if n.startswith("ForAnyValue:")]:
                keys = condition.pop(name)
                condition.setdefault(name.removesuffix("IfExists"), {}).update(keys)


def _values(data: Data) -> Mapping[str, str]:
    """The values that variables take, by lower-case key, so written that they stay literal."""
    request = read_case(data).request
    keys = {key: values[0] for key, values in request.principal.context.items()}
    for key, value in request.context.items():
        keys.pop(key.lower(), None)
        if isinstance(value, str):
            keys[key.lower()] = value
    return {
        key: re.sub(r"[$*?]", lambda found: f"${{{found[0]}}}", value)
        for key, value in keys.items()
    }


def _rewrite(data: Data, change: Callable[[str], str]) -> None:
    """Change every text in the policies of a case."""

    def walk(part: Any) -> Any:
        if isinstance(part, str):
            return change(part)
        if isinstance(part, list):
            return [walk(each) for each in part]
        return {key: walk(each) for key, each in part.items()} if isinstance(part, dict) else part

    for key in set(data) - {"id", "request"}:
        data[key] = walk(data[key])


_VARIABLE = re.compile(r"\$\{([^{}*?$,']+)(?:, '([^'{}]*)')?\}")


def _no_value(data: Data) -> None:
    values = _values(data)

    def fill(found: re.Match[str]) -> str:
        known = found[2] is not None or found[1].lower() in values
        return found[0] if known else "no-value"

    _rewrite(data, lambda text: _VARIABLE.sub(fill, text))


def _empty_default(data: Data) -> None:
    values = _values(data)

    def fill(found: re.Match[str]) -> str:
        return values.get(found[1].lower(), "") if found[2] == "" else found[0]

    _rewrite(data, lambda text: _VARIABLE.sub(fill, text))


def _arn_fields(data: Data) -> None:
    values = _values(data)

    def fill(text: str) -> str:
        def one(found: re.Match[str]) -> str:
            colons = _VARIABLE.sub("", text[: found.start()]).count(":")
            return values.get(found[1].lower(), found[0]) if colons < 5 else found[0]

        return _VARIABLE.sub(one, text) if text.startswith("arn:") else text

    _rewrite(data, fill)


def _iso_dates(data: Data) -> None:
    """Write ISO 8601 for seconds, in date conditions and in the keys that they ask for."""
    asked: set[str] = set()
    for policy in _policies(data):
        for statement in _statements(policy):
            for name, keys in (statement.get("Condition") or {}).items():
                if "Date" not in name:
                    continue
                asked |= {key.lower() for key in keys}
                for key, value in keys.items():
                    keys[key] = [*map(_iso, value)] if isinstance(value, list) else _iso(value)
    context = data["request"]["context"]
    data["request"]["context"] = {
        key: _iso(value) if key.lower() in asked else value for key, value in context.items()
    }


def _iso(text: Any) -> Any:
    if not isinstance(text, str) or not text.isdigit():
        return text
    return datetime.fromtimestamp(int(text), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _no_empty(data: Data) -> None:
    context = data["request"]["context"]
    data["request"]["context"] = {
        key: value for key, value in context.items() if value not in ("", [], [""])
    }


def _no_path(data: Data) -> None:
    role = read_case(data).request.principal.principal_arn
    plain = f"{role.partition('/')[0]}/{role.rpartition('/')[2]}"
    for key in set(data) - {"id"}:
        data[key] = json.loads(json.dumps(data[key]).replace(role, plain))


def _no_address(data: Data) -> None:
    context = data["request"]["context"]
    data["request"]["context"] = {k: v for k, v in context.items() if k.lower() != "aws:sourceip"}


def _other_provider(data: Data) -> None:
    other = "arn:aws:iam::111111111111:oidc-provider/idp.example"
    for key, value in data.items():
        data[key] = json.loads(json.dumps(value).replace('"accounts.google.com"', f'"{other}"'))


def _other_name(data: Data) -> None:
    for key, value in data.items():
        text = json.dumps(value)
        data[key] = json.loads(re.sub(r":federated-user/[^\"]*", ":federated-user/unheard", text))


REPAIRS: Mapping[str, Callable[[Data], None]] = {
    "every right to the root user": lambda data: data.update(identityPolicies=[_ALLOW_ALL]),
    "no session policy": lambda data: data.update(sessionPolicy=None),
    "a session policy that allows all": lambda data: data.update(sessionPolicy=_ALLOW_ALL),
    "no organization policies": lambda data: data.update(scps=[], rcps=[]),
    "Resource in every statement of the key policy": _resource,
    "no RCPs": lambda data: data.update(rcps=[]),
    "the new version": _new_version,
    "no NotPrincipal": _no_not_principal,
    "no IfExists beside ForAnyValue": _no_if_exists,
    "text for variables without a value": _no_value,
    "values for variables with an empty default": _empty_default,
    "values for variables in the first fields of ARNs": _arn_fields,
    "dates in ISO 8601": _iso_dates,
    "no keys without a value": _no_empty,
    "no path of the role": _no_path,
    "no source address": _no_address,
    "another provider": _other_provider,
    "another name for the federated user": _other_name,
}
