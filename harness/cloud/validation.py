"""Refuses malformed policy documents when they are saved, as AWS does.

Which parameter of which operation carries a document of which kind is `saved_policies`' table; the
rules themselves are `harness.iam.validate`'s. Here is what needs to be looked up: whether the
principals and the resource that a policy names exist.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Set
from typing import Any

from harness.cloud.call import ApiError, Call
from harness.cloud.saved_policies import (
    DOCUMENTS,
    ORGANIZATIONS,
    S3,
    Words,
    refuse_malformed,
    refuse_oversized,
    refuse_principal,
)
from harness.estate import EstateSource
from harness.iam import PolicyKind

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
    ("kms", "ReplicateKey"): "Policy",
    ("lambda", "PutResourcePolicy"): None,
    ("logs", "PutDeliveryDestinationPolicy"): None,
    ("bedrock-agent", "PutResourcePolicy"): None,
    ("ssm", "ModifyDocumentPermission"): None,
    ("ssm", "PutResourcePolicy"): None,
    ("xray", "PutResourcePolicy"): None,
}
_OF_AWS = ("/aws-service-role/", "/aws-reserved/")
_ORG_KINDS = {
    "SERVICE_CONTROL_POLICY": PolicyKind.SCP,
    "RESOURCE_CONTROL_POLICY": PolicyKind.RCP,
}
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
_ORG_LIMITS = {PolicyKind.SCP: 10_240, PolicyKind.RCP: 5120}
_UNIQUE_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{6,}")
_ENTITY = re.compile(r"arn:[\w-]+:iam::([0-9]{12}):(role|user)/(?:.*/)?([^/]+)")


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


def _refuse_reserved_path(call: Call) -> None:
    """Only AWS makes roles there; SCPs and RCPs do not bind service-linked ones.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
    """
    path = str(call.params.get("Path") or "/")
    if path.startswith(_OF_AWS):
        raise ApiError("ValidationError", f"Only AWS makes roles under {path}.")


class PolicyValidator:
    """Checks the policy documents of a call before it is passed on."""

    def __init__(
        self,
        estate: EstateSource,
        accounts: Set[str],
        user_exists: Callable[[str, str], bool],
        id_exists: Callable[[str], bool],
        organization_policy_type: Callable[[str, str], str | None],
    ) -> None:
        self._estate = estate
        self._accounts = accounts
        self._user_exists = user_exists
        self._id_exists = id_exists
        self._organization_policy_type = organization_policy_type

    def check(self, call: Call) -> None:
        """Raise `ApiError` for a document that AWS would refuse, and for a grant that this cloud
        would not enforce; do nothing for other calls."""
        refuse_what_is_not_enforced(call)
        if call.operation == "CreateRole" and call.service == "iam":
            _refuse_reserved_path(call)
        if call.service == "organizations":
            self._check_organization_policy(call)
            return
        entry = DOCUMENTS.get((call.service, call.operation))
        if entry is None:
            return
        document = call.params.get(entry.parameter)
        if document is None:
            return
        text = document if isinstance(document, str) else bytes(document).decode()
        refuse_oversized(text, entry.words)
        refuse_malformed(text, entry.kind, entry.words)
        statements = _statements(text)
        if entry.kind is not PolicyKind.IDENTITY:
            self._check_principals(statements, entry.words)
        if call.service == "s3":
            _check_bucket(statements, str(call.params.get("Bucket")))

    def _check_organization_policy(self, call: Call) -> None:
        content = call.params.get("Content")
        if content is None or call.operation not in ("CreatePolicy", "UpdatePolicy"):
            return
        policy_type = call.params.get("Type") or self._organization_policy_type(
            call.account, str(call.params.get("PolicyId", ""))
        )
        kind = _ORG_KINDS.get(str(policy_type))
        if kind is None:
            return
        refuse_malformed(content, kind, ORGANIZATIONS)
        if len(content) > _ORG_LIMITS[kind]:
            raise ApiError(
                "ConstraintViolationException",
                f"You have exceeded the maximum size of a policy: {_ORG_LIMITS[kind]} characters.",
            )

    def _check_principals(self, statements: list[Any], words: Words) -> None:
        for statement in statements:
            principal = statement.get("Principal") or statement.get("NotPrincipal")
            if not isinstance(principal, dict):
                continue
            values = principal.get("AWS") or []
            for value in values if isinstance(values, list) else [values]:
                if not self._exists(str(value)):
                    raise refuse_principal("AWS", str(value), words)

    def _exists(self, value: str) -> bool:
        if re.fullmatch(r"[0-9]{12}", value):
            return value in self._accounts
        root = re.fullmatch(r"arn:[\w-]+:iam::([0-9]{12}):root", value)
        if root:
            return root[1] in self._accounts
        if _UNIQUE_ID.fullmatch(value):
            # The id of a deleted principal, as policies show it, cannot be saved again.
            return self._id_exists(value)
        entity = _ENTITY.fullmatch(value)
        if entity is None:
            return True  # `*`; session ARNs are not looked up
        account, kind, name = entity.groups()
        if kind == "user":
            return self._user_exists(account, name)
        role = self._estate.role(account, name)
        return role is not None and role.arn == value


def _statements(text: str) -> list[Any]:
    found = json.loads(text).get("Statement") or []
    return found if isinstance(found, list) else [found]


def _check_bucket(statements: list[Any], bucket: str) -> None:
    """A bucket's policy speaks of the bucket and its objects alone.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-bucket-user-policy-specifying-principal-intro.html
    """
    own = f"arn:aws:s3:::{bucket}"
    for statement in statements:
        resources = statement.get("Resource") or statement.get("NotResource") or []
        for resource in resources if isinstance(resources, list) else [resources]:
            if resource != own and not str(resource).startswith((f"{own}/", f"{own}*")):
                raise ApiError(S3.code, "Policy has invalid resource")
        actions = statement.get("Action") or statement.get("NotAction") or []
        for action in actions if isinstance(actions, list) else [actions]:
            if action != "*" and not str(action).lower().startswith("s3:"):
                raise ApiError(S3.code, "Policy has invalid action")
