"""Refuses malformed policy documents when they are saved, as AWS does.

Which parameter of which operation carries a document of which kind is the table below; the rules
themselves are `harness.iam.validate`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.cloud.call import ApiError, Call
from harness.estate import EstateSource
from harness.iam import PolicyKind
from harness.iam.validate import validate


@dataclass(frozen=True, slots=True)
class _Document:
    parameter: str
    kind: PolicyKind
    error: str = "MalformedPolicyDocument"


_DOCUMENTS: Mapping[tuple[str, str], _Document] = {
    ("iam", "CreateRole"): _Document("AssumeRolePolicyDocument", PolicyKind.TRUST),
    ("iam", "UpdateAssumeRolePolicy"): _Document("PolicyDocument", PolicyKind.TRUST),
    ("iam", "PutRolePolicy"): _Document("PolicyDocument", PolicyKind.IDENTITY),
    ("iam", "PutUserPolicy"): _Document("PolicyDocument", PolicyKind.IDENTITY),
    ("iam", "PutGroupPolicy"): _Document("PolicyDocument", PolicyKind.IDENTITY),
    ("iam", "CreatePolicy"): _Document("PolicyDocument", PolicyKind.IDENTITY),
    ("iam", "CreatePolicyVersion"): _Document("PolicyDocument", PolicyKind.IDENTITY),
    ("kms", "CreateKey"): _Document("Policy", PolicyKind.KEY, "MalformedPolicyDocumentException"),
    ("kms", "PutKeyPolicy"): _Document(
        "Policy", PolicyKind.KEY, "MalformedPolicyDocumentException"
    ),
    ("s3", "PutBucketPolicy"): _Document("Policy", PolicyKind.RESOURCE, "MalformedPolicy"),
}
# Resource policies that the estate does not read. One that is saved and then not enforced would
# open or close nothing: saving it is refused. By parameter; None where the call does nothing else.
NOT_ENFORCED: Mapping[tuple[str, str], str | None] = {
    ("sqs", "AddPermission"): None,
    ("sqs", "CreateQueue"): "Policy",
    ("sqs", "SetQueueAttributes"): "Policy",
    ("sns", "AddPermission"): None,
    ("sns", "CreateTopic"): "Policy",
    ("sns", "SetTopicAttributes"): "Policy",
    ("lambda", "AddPermission"): None,
    ("lambda", "AddLayerVersionPermission"): None,
    ("secretsmanager", "PutResourcePolicy"): None,
    ("dynamodb", "CreateTable"): "ResourcePolicy",
    ("dynamodb", "PutResourcePolicy"): None,
    ("kinesis", "PutResourcePolicy"): None,
    ("events", "PutPermission"): None,
    ("organizations", "PutResourcePolicy"): None,
    ("cloudtrail", "PutResourcePolicy"): None,
    ("kms", "CreateGrant"): None,
    ("xray", "PutResourcePolicy"): None,
}
_SERVICE_LINKED = "/aws-service-role/"
_ORG_KINDS = {
    "SERVICE_CONTROL_POLICY": PolicyKind.SCP,
    "RESOURCE_CONTROL_POLICY": PolicyKind.RCP,
}
_ENTITY = re.compile(r"^arn:[\w-]+:iam::([0-9]{12}):(role|user)/(?:.*/)?([^/]+)$")


def refuse_malformed(document: str, kind: PolicyKind, error: str) -> None:
    """Raise `ApiError` with the code `error` where AWS would not save `document`."""
    problems = validate(document, kind)
    if problems:
        raise ApiError(error, problems[0])


def refuse_what_is_not_enforced(call: Call) -> None:
    """Raise `ApiError` for a resource policy or grant that the estate would not read."""
    key = (call.service, call.operation)
    if key not in NOT_ENFORCED:
        return
    parameter = NOT_ENFORCED[key]
    if parameter is not None:
        attributes = call.params.get("Attributes") or {}
        named = call.params.get("AttributeName") == parameter
        if not (named or parameter in attributes or call.params.get(parameter)):
            return
    raise ApiError(
        "UnsupportedOperation",
        f"The embedded cloud does not enforce what {call.service}:{call.operation} would grant, "
        "so it does not save it.",
    )


def _refuse_service_linked_path(call: Call) -> None:
    """Only AWS makes roles there; SCPs and RCPs do not bind them.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
    """
    if str(call.params.get("Path") or "/").startswith(_SERVICE_LINKED):
        raise ApiError(
            "ValidationError", f"Roles under {_SERVICE_LINKED} are made by CreateServiceLinkedRole."
        )


class PolicyValidator:
    """Checks the policy documents of a call before it is passed on."""

    def __init__(
        self,
        estate: EstateSource,
        accounts: frozenset[str],
        user_exists: Callable[[str, str], bool],
        organization_policy_type: Callable[[str, str], str | None],
    ) -> None:
        self._estate = estate
        self._accounts = accounts
        self._user_exists = user_exists
        self._organization_policy_type = organization_policy_type

    def check(self, call: Call) -> None:
        """Raise `ApiError` for a document that AWS would refuse, and for a grant that this cloud
        would not enforce; do nothing for other calls."""
        refuse_what_is_not_enforced(call)
        if call.operation == "CreateRole" and call.service == "iam":
            _refuse_service_linked_path(call)
        if call.service == "organizations":
            self._check_organization_policy(call)
            return
        entry = _DOCUMENTS.get((call.service, call.operation))
        if entry is None:
            return
        document = call.params.get(entry.parameter)
        if document is None:
            return
        text = document if isinstance(document, str) else bytes(document).decode()
        refuse_malformed(text, entry.kind, entry.error)
        if entry.kind is not PolicyKind.IDENTITY:
            self._check_principals(text, entry.error)

    def _check_organization_policy(self, call: Call) -> None:
        content = call.params.get("Content")
        if content is None or call.operation not in ("CreatePolicy", "UpdatePolicy"):
            return
        policy_type = call.params.get("Type") or self._organization_policy_type(
            call.account, str(call.params.get("PolicyId", ""))
        )
        kind = _ORG_KINDS.get(str(policy_type))
        if kind is not None:
            refuse_malformed(content, kind, "MalformedPolicyDocumentException")

    def _check_principals(self, text: str, error: str) -> None:
        document = json.loads(text)
        statements = document.get("Statement") or []
        for statement in statements if isinstance(statements, list) else [statements]:
            principal = statement.get("Principal") or statement.get("NotPrincipal")
            if not isinstance(principal, dict):
                continue
            values = principal.get("AWS") or []
            for value in values if isinstance(values, list) else [values]:
                if not self._exists(str(value)):
                    raise ApiError(error, f'Invalid principal in policy: "AWS":"{value}"')

    def _exists(self, value: str) -> bool:
        if re.fullmatch(r"[0-9]{12}", value):
            return value in self._accounts
        root = re.fullmatch(r"arn:[\w-]+:iam::([0-9]{12}):root", value)
        if root:
            return root[1] in self._accounts
        entity = _ENTITY.match(value)
        if entity is None:
            # `*`, unique ids of deleted principals and session ARNs are not looked up.
            return True
        account, kind, name = entity.groups()
        if kind == "user":
            return self._user_exists(account, name)
        role = self._estate.role(account, name)
        return role is not None and role.arn == value
