"""From a policy document to a compiled `Policy`, refusing whatever it does not know.

What AWS refuses at save time beyond the grammar depends on the kind and is in `validate`.

AWS pages: reference_policies_grammar, reference_policies_elements.
"""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from harness.iam.condition import Condition, compile_condition, parse_condition
from harness.iam.errors import PolicyError
from harness.iam.pattern import Dialect, PatternSet, parse_template
from harness.iam.policy import Effect, Policy, Statement
from harness.iam.principal import parse_principals

VERSION_WITH_VARIABLES = "2012-10-17"
VERSIONS = frozenset({"2008-10-17", VERSION_WITH_VARIABLES})
_POLICY_ELEMENTS = frozenset({"Version", "Id", "Statement"})
_STATEMENT_ELEMENTS = frozenset(
    {
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    }
)
_ARN_FIELDS = 6
_ACTION = re.compile(r"\*|\*:\*|[A-Za-z0-9-]+:[A-Za-z0-9*?_-]+")


def parse_policy(document: str | Mapping[str, Any], *, key_policy: bool = False) -> Policy:
    """Parse and compile a policy document, given as JSON text or as the data of it.

    A statement without Resource is about the resource that its policy belongs to, as in trust
    policies. Not so with `key_policy`: KMS saves a statement without Action or Resource, and it has
    no effect (key-policy-overview).

    Texts are remembered: parsing the same one again costs a look-up. A document without Version
    is of version 2008-10-17, in which policy variables are plain text.

    Raises PolicyError for malformed JSON, a repeated or unknown element, operator or version, and
    for anything else that has no defined meaning.
    """
    if isinstance(document, str):
        return _parse_text(document, key_policy)
    return _parse(copy.deepcopy(document), key_policy)


@lru_cache(maxsize=8192)
def _parse_text(text: str, key_policy: bool) -> Policy:
    return _parse(load_json(text), key_policy)


def load_json(text: str, what: str = "the policy") -> Mapping[str, Any]:
    """The JSON object in `text`; `what` names it in errors.

    Raises PolicyError also for a key that occurs twice, for NaN, which Python would take, and for
    numbers too large to compare.
    """
    try:
        data = _DECODER.decode(text)
    except PolicyError as error:
        raise PolicyError(f"{what} has {error}") from error
    except RecursionError as error:
        raise PolicyError(f"{what} is nested too deeply") from error
    except ValueError as error:
        raise PolicyError(f"{what} is not valid JSON: {error}") from error
    if not isinstance(data, dict):
        raise PolicyError(f"{what} must be a JSON object")
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise PolicyError(f"the element {key!r} twice")
            seen.add(key)
    return data


_LONGEST_NUMBER = 300
"""Characters: about as many digits as a double can have before the point."""


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise PolicyError(f"a number of {len(text)} digits, which is too large")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise PolicyError(f"the number {text[:20]}, which is too large, or none")
    return number


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_float, parse_float=_float, parse_int=_integer
)


def _parse(document: Mapping[str, Any], key_policy: bool) -> Policy:
    if not isinstance(document, Mapping):
        raise PolicyError("the policy must be a JSON object")
    _known(document, _POLICY_ELEMENTS, "policy")
    version = document.get("Version", "2008-10-17")
    if not isinstance(version, str) or version not in VERSIONS:
        raise PolicyError(f"unknown policy version {version!r}")
    policy_id = document.get("Id")
    if policy_id is not None and not isinstance(policy_id, str):
        raise PolicyError("Id must be text")
    if "Statement" not in document:
        raise PolicyError("the policy has no Statement")
    given = document["Statement"]
    listed = [given] if isinstance(given, Mapping) else given
    if not isinstance(listed, list | tuple):
        raise PolicyError("Statement must be an object or a list of objects")
    variables = version == VERSION_WITH_VARIABLES
    return Policy(
        version,
        tuple(_statement(index, each, variables, key_policy) for index, each in enumerate(listed)),
        policy_id,
    )


def _known(element: Mapping[str, Any], names: frozenset[str], where: str) -> None:
    unknown = sorted(str(key) for key in element if key not in names)
    if unknown:
        raise PolicyError(f"unknown element {unknown[0]!r} in the {where}")


def _statement(index: int, source: Any, variables: bool, key_policy: bool) -> Statement:
    where = f"statement {index}"
    if not isinstance(source, Mapping):
        raise PolicyError(f"{where} is not an object")
    try:
        return _parse_statement(index, source, variables, key_policy)
    except PolicyError as error:
        sid = source.get("Sid")
        label = f"{where} ({sid})" if isinstance(sid, str) and sid else where
        raise PolicyError(f"{label}: {error}") from error


def _parse_statement(
    index: int, source: Mapping[str, Any], variables: bool, key_policy: bool
) -> Statement:
    _known(source, _STATEMENT_ELEMENTS, "statement")
    sid = source.get("Sid")
    if sid is not None and not isinstance(sid, str):
        raise PolicyError("Sid must be text")
    effect = source.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyError('Effect must be "Allow" or "Deny"')
    principal_element = _either(source, "Principal", "NotPrincipal", required=False)
    not_principal = principal_element == "NotPrincipal"
    if not_principal and effect == "Allow":
        raise PolicyError("NotPrincipal goes with Deny only")
    action_element = _either(source, "Action", "NotAction", required=not key_policy)
    actions = _texts(source[action_element], action_element) if action_element else ()
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise PolicyError(f"{action!r} is not an action: write service:Name")
    resource_element = _either(source, "Resource", "NotResource", required=False)
    resources = _texts(source[resource_element], resource_element) if resource_element else None
    if resources is None and key_policy:
        patterns: PatternSet | None = _resource_patterns((), variables)  # matches nothing
    else:
        patterns = None if resources is None else _resource_patterns(resources, variables)
    conditions = tuple(_conditions(source.get("Condition", {})))
    return Statement(
        index=index,
        sid=sid,
        effect=_effect(effect),
        principals=parse_principals(source[principal_element]) if principal_element else None,
        not_principal=not_principal,
        actions=actions,
        not_action=action_element == "NotAction",
        resources=resources,
        not_resource=resource_element == "NotResource",
        conditions=conditions,
        source=source,
        action_patterns=_action_patterns(actions),
        resource_patterns=patterns,
        tests=tuple(compile_condition(c, variables=variables) for c in conditions),
    )


def _effect(text: object) -> Effect:
    return "Allow" if text == "Allow" else "Deny"


def _either(source: Mapping[str, Any], plain: str, negated: str, *, required: bool) -> str:
    present = [name for name in (plain, negated) if name in source]
    if len(present) == 2:
        raise PolicyError(f"{plain} and {negated} exclude each other")
    if not present:
        if required:
            raise PolicyError(f"{plain} or {negated} is missing")
        return ""
    return present[0]


def _texts(value: Any, element: str) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not all(isinstance(v, str) for v in listed):
        raise PolicyError(f"{element} must be text or a list of texts")
    if not listed:
        raise PolicyError(f"{element} is empty")
    return tuple(listed)


def _conditions(element: Any) -> Iterable[Condition]:
    if not isinstance(element, Mapping):
        raise PolicyError("Condition must be an object")
    for name, keys in element.items():
        if not isinstance(keys, Mapping):
            raise PolicyError(f"Condition {name!r} must be an object")
        for key, value in keys.items():
            listed = value if isinstance(value, list | tuple) else [value]
            yield parse_condition(name, key, tuple(_scalar(key, each) for each in listed))


def _scalar(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise PolicyError(f"the condition on {key!r} has a value that is not text, number or Boolean")


def _action_patterns(actions: Iterable[str]) -> PatternSet:
    templates = []
    for action in actions:
        text = "*" if action == "*:*" else action
        templates.append(parse_template(text, variables=False))
    return PatternSet(templates, Dialect.GLOB, fold=True)


def _resource_patterns(resources: Iterable[str], variables: bool) -> PatternSet:
    templates = []
    for resource in resources:
        if not resource.startswith("arn:") and set(resource) != {"*"}:
            raise PolicyError(f'resource {resource!r} must be an ARN or "*"')
        template = parse_template(resource, variables=variables)
        colons = sum(part.count(":") for part in template.parts if isinstance(part, str))
        missing = _ARN_FIELDS - 1 - colons
        if missing > 0 and not resource.endswith("*"):
            # AWS completes an ARN that has too few fields (reference_identifiers).
            template = parse_template(resource + ":*" * missing, variables=variables)
        templates.append(template)
    return PatternSet(templates, Dialect.GLOB)
