"""What AWS refuses when a policy is saved, in AWS's words where they are known.

These are checks of the document alone. Whether a principal exists, and how long a document may be
in a given account, needs to be looked up and is for the caller.

AWS pages: reference_policies_grammar, reference_policies_elements, access-analyzer-reference-
policy-checks, orgs_manage_policies_scps_syntax, orgs_manage_policies_rcps_syntax,
key-policy-overview (KMS).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.iam.errors import PolicyError
from harness.iam.parse import VERSION_WITH_VARIABLES, VERSIONS, load_json, parse_policy
from harness.iam.policy import PolicyKind
from harness.iam.principal import parse_principals

_IAM_KINDS = frozenset(
    {PolicyKind.IDENTITY, PolicyKind.BOUNDARY, PolicyKind.SESSION, PolicyKind.TRUST}
)
_ORGANIZATION_KINDS = frozenset({PolicyKind.SCP, PolicyKind.RCP})
_WITHOUT_PRINCIPAL = frozenset(
    {PolicyKind.IDENTITY, PolicyKind.BOUNDARY, PolicyKind.SESSION, PolicyKind.SCP}
)
_FEWEST_FIELDS = {PolicyKind.IDENTITY: 3, PolicyKind.BOUNDARY: 3}
"""Of an ARN: AWS completes incomplete ones in identity-based policies (reference_identifiers)."""
_PARTITIONS = frozenset(
    {
        "*",
        "aws",
        "aws-cn",
        "aws-us-gov",
        "aws-eusc",
        "aws-iso",
        "aws-iso-b",
        "aws-iso-e",
        "aws-iso-f",
    }
)
_ALLOWED_CHARACTERS = re.compile(r"[\t\n\r -\xff]*")
_PLAIN_SID = re.compile(r"[0-9A-Za-z]*")

# The names of services; which of them exist is not known here.
_SERVICE_ENDS = (".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal")
_FEDERATED = "Federated principals must be valid domain names or SAML metadata ARNs"

SYNTAX = "Syntax errors in policy."
WITHOUT_RESOURCES = "Policy statement must contain resources."
_UNMET = "The provided policy document does not meet the requirements of the policy type."


def validate(policy_document: str | Mapping[str, Any], kind: PolicyKind) -> list[str]:
    """The reasons for which AWS would refuse to save the document; empty when it would take it.

    The first is the one to answer with. Raises nothing: whatever the engine cannot parse is a
    reason as well.
    """
    try:
        document = (
            load_json(policy_document) if isinstance(policy_document, str) else policy_document
        )
    except PolicyError as error:
        return [f"{SYNTAX} ({error})"]
    problems = list(_problems(policy_document, document, kind))
    if not problems:
        try:
            parse_policy(document, key_policy=kind is PolicyKind.KEY)
        except PolicyError as error:
            problems.append(f"{SYNTAX} ({error})")
    return problems


def first_problem(policy_document: Mapping[str, Any], kind: PolicyKind) -> str | None:
    """The first reason beyond those for which `parse_policy` refuses the document; None for none.

    AWS's own RCP, RCPFullAWSAccess, may say what nobody else may save.
    """
    if kind is PolicyKind.RCP and policy_document.get("Statement") in _FULL_ACCESS_RCP:
        return None
    return next(_problems(policy_document, policy_document, kind), None)


_FULL_ACCESS = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
_FULL_ACCESS_RCP = (_FULL_ACCESS, [_FULL_ACCESS])


def _problems(
    given: str | Mapping[str, Any], document: Mapping[str, Any], kind: PolicyKind
) -> Iterator[str]:
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    if kind in _IAM_KINDS and not _ALLOWED_CHARACTERS.fullmatch(text):
        yield (
            "The specified value for policyDocument is invalid. It must contain only printable "
            "ASCII characters."
        )
    if kind is PolicyKind.KEY and not _ALLOWED_CHARACTERS.fullmatch(text):
        # Of the same characters (API_PutKeyPolicy), in words that AWS does not tell.
        yield f"{SYNTAX} (it has characters beyond U+00FF or control characters)"
    version = document.get("Version")
    if version is not None and version not in tuple(VERSIONS):
        yield f"{SYNTAX} (unknown version {version!r})"
    elif kind in _ORGANIZATION_KINDS and version != VERSION_WITH_VARIABLES:
        yield f"{_UNMET} (the Version must be {VERSION_WITH_VARIABLES})"
    listed = document.get("Statement")
    statements = [listed] if isinstance(listed, Mapping) else listed
    if (
        not isinstance(statements, list | tuple)
        or not statements
        or not all(isinstance(statement, Mapping) for statement in statements)
    ):
        yield f"{SYNTAX} (Statement must hold at least one statement)"
        return
    sids = [s["Sid"] for s in statements if isinstance(s.get("Sid"), str) and s["Sid"]]
    if len(set(sids)) != len(sids):
        yield "Statement IDs (SID) in a single policy must be unique."
    if kind in _IAM_KINDS - {PolicyKind.TRUST} and not all(map(_PLAIN_SID.fullmatch, sids)):
        yield (
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the "
            "regular expression [0-9A-Za-z]*"
        )
    for statement in statements:
        yield from _statement(statement, kind)


def _statement(statement: Mapping[str, Any], kind: PolicyKind) -> Iterator[str]:
    for plain in ("Action", "Resource", "Principal"):
        if plain in statement and f"Not{plain}" in statement:
            yield f"{SYNTAX} ({plain} and Not{plain} exclude each other)"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield f'{SYNTAX} (Effect must be "Allow" or "Deny")'
    yield from _actions(statement, kind)
    yield from _resources(statement, kind)
    if kind in _WITHOUT_PRINCIPAL:
        if "Principal" in statement or "NotPrincipal" in statement:
            yield "Policy document should not specify a principal."
    elif "Principal" not in statement and "NotPrincipal" not in statement:
        yield "Missing required field Principal"
    else:
        yield from _principals(statement, kind)
    if kind is PolicyKind.RCP:
        yield from _resource_control(statement)


def _actions(statement: Mapping[str, Any], kind: PolicyKind) -> Iterator[str]:
    name = "NotAction" if "NotAction" in statement else "Action"
    if name not in statement and kind is PolicyKind.KEY:
        return  # KMS saves the statement, which then has no effect
    actions = _texts(statement.get(name))
    if not actions:
        yield "Policy statement must contain actions."
    for action in actions:
        vendor, colon, rest = action.partition(":")
        if not colon and action != "*":
            yield ("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        elif ":" in rest:
            yield "Actions/Condition can contain only one colon."
        elif vendor != "*" and re.search(r"[^a-zA-Z0-9.-]", vendor):
            yield f"Vendor {vendor} is not valid"
        elif kind is PolicyKind.TRUST and vendor.lower() != "sts":
            yield "AssumeRole policy may only specify STS AssumeRole actions."


def _resources(statement: Mapping[str, Any], kind: PolicyKind) -> Iterator[str]:
    name = "NotResource" if "NotResource" in statement else "Resource"
    if kind is PolicyKind.TRUST:
        if name in statement:
            yield "Has prohibited field Resource"
        return
    if name not in statement and kind is PolicyKind.KEY:
        return  # as without actions
    resources = _texts(statement.get(name))
    if not resources:
        yield WITHOUT_RESOURCES
    for resource in resources:
        if resource == "*":
            continue
        pieces = resource.split(":", 5)
        if pieces[0] != "arn" or len(pieces) < 2:
            yield f'Resource {resource} must be in ARN format or "*".'
        elif pieces[1] not in _PARTITIONS:
            yield f'Partition "{pieces[1]}" is not valid for resource "{resource}".'
        elif len(pieces) < _FEWEST_FIELDS.get(kind, 6) and "*" not in pieces[-1]:
            yield f'Resource {resource} must be in ARN format or "*".'
        elif pieces[2:3] == ["iam"] and pieces[3:4] not in ([], [""], ["*"]):
            yield f"IAM resource {resource} cannot contain region information."


def _principals(statement: Mapping[str, Any], kind: PolicyKind) -> Iterator[str]:
    name = "NotPrincipal" if "NotPrincipal" in statement else "Principal"
    if name == "NotPrincipal" and kind in (PolicyKind.TRUST, PolicyKind.RCP):
        yield "Has prohibited field NotPrincipal"
        return
    if name == "NotPrincipal" and statement.get("Effect") == "Allow":
        yield "NotPrincipal is not supported with Effect Allow"
    element = statement[name]
    if not isinstance(element, Mapping):
        if element != "*":
            yield f'Invalid principal in policy: "{element}"'
        return
    for principal_kind, given in element.items():
        for text in _texts(given) or (given,):
            if not _is_principal(principal_kind, text):
                yield (
                    _FEDERATED
                    if principal_kind == "Federated"
                    else (f'Invalid principal in policy: "{_shown(principal_kind)}":"{text}"')
                )


def _is_principal(kind: str, text: Any) -> bool:
    if kind == "Service" and not str(text).endswith(_SERVICE_ENDS):
        return False
    try:
        parse_principals({kind: text})
    except PolicyError:
        return False
    return True


def _shown(kind: str) -> str:
    """As AWS's message has it: in capitals."""
    return kind.upper() if kind == "Service" else kind


def _resource_control(statement: Mapping[str, Any]) -> Iterator[str]:
    if statement.get("Effect") != "Deny":
        yield f"{_UNMET} (a resource control policy has Deny statements only)"
    if "NotAction" in statement:
        yield f"{_UNMET} (a resource control policy has no NotAction)"
    if any(action in ("*", "*:*") for action in _texts(statement.get("Action"))):
        yield f"{_UNMET} (a resource control policy names the service of its actions)"
    if statement.get("Principal") != "*":
        yield f'{_UNMET} (the Principal of a resource control policy is "*")'


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple):
        return tuple(each for each in value if isinstance(each, str))
    return ()
