"""What IAM refuses and moto does not: names that differ only in case, policies too long, malformed
paths and names, changes to service-linked roles, and boundaries that do not exist.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Set
from typing import Any

from harness.cloud.call import ApiError, Call
from harness.cloud.moto_estate import MotoEstate

# By operation: what it names, the parameter with the new name, and that with the old one.
_NAMES: Mapping[str, tuple[str, str, str]] = {
    "CreateRole": ("Role", "RoleName", ""),
    "CreateUser": ("User", "UserName", ""),
    "CreateGroup": ("Group", "GroupName", ""),
    "CreatePolicy": ("Policy", "PolicyName", ""),
    "CreateInstanceProfile": ("Instance Profile", "InstanceProfileName", ""),
    "UpdateUser": ("User", "NewUserName", "UserName"),
    "UpdateGroup": ("Group", "NewGroupName", "GroupName"),
}
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html and its siblings: a path
# that did not end in a slash would run into the name, and be decided as another entity's.
_PATH = re.compile(r"/|/[!-~]+/")
_POLICY_PATH = re.compile(r"((/[A-Za-z0-9.,+@=_-]+)*)/")
_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")
_NAMED = re.compile(r"(New)?(Role|User|Group|Policy|InstanceProfile|ServerCertificate)Name")
_TRUST_LIMIT = 2048
_MANAGED_LIMIT = 6144
_INLINE: Mapping[str, tuple[str, str, int]] = {
    "PutRolePolicy": ("role", "RoleName", 10_240),
    "PutUserPolicy": ("user", "UserName", 2048),
    "PutGroupPolicy": ("group", "GroupName", 5120),
}
# The operations on roles that can answer UnmodifiableEntity, by botocore's model of IAM.
_CHANGES_A_ROLE = frozenset(
    {
        "AddRoleToInstanceProfile",
        "AttachRolePolicy",
        "DeleteRole",
        "DeleteRolePermissionsBoundary",
        "DeleteRolePolicy",
        "DetachRolePolicy",
        "PutRolePermissionsBoundary",
        "PutRolePolicy",
        "RemoveRoleFromInstanceProfile",
        "UpdateAssumeRolePolicy",
        "UpdateRole",
        "UpdateRoleDescription",
    }
)
_PROTECTED = ("/aws-service-role/", "/aws-reserved/")
_TAKES_A_BOUNDARY = frozenset({"CreateRole", "CreateUser", "PutRolePermissionsBoundary"})


class IamRules:
    """Checks calls to IAM against what their account holds already."""

    def __init__(self, estate: MotoEstate, workloads: Collection[str] = ()) -> None:
        """`workloads` are the services that applications run in; none has a linked role."""
        self._estate = estate
        self._workloads = workloads
        self._of_kind: Mapping[str, Callable[[Any, str], Any]] = {
            "role": lambda iam, name: iam.roles.named(name),
            "user": lambda iam, name: iam.users.get(name),
            "group": lambda iam, name: iam.groups.get(name),
        }

    def check(self, call: Call) -> None:
        """Raise `ApiError` where AWS would: DeleteConflict, EntityAlreadyExists, LimitExceeded,
        InvalidInput, NoSuchEntity, UnmodifiableEntity, ValidationError."""
        if call.service != "iam":
            return
        _check_form(call)
        self._check_protected(call)
        self._check_boundary(call)
        self._check_name(call)
        if call.operation in ("CreateRole", "UpdateAssumeRolePolicy"):
            created = call.operation == "CreateRole"
            member = "AssumeRolePolicyDocument" if created else "PolicyDocument"
            if _length(call.params.get(member)) > _TRUST_LIMIT:
                raise _too_long(f"Cannot exceed quota for ACLSizePerRole: {_TRUST_LIMIT}")
        elif call.operation in ("CreatePolicy", "CreatePolicyVersion"):
            if _length(call.params.get("PolicyDocument")) > _MANAGED_LIMIT:
                raise _too_long(f"Cannot exceed quota for PolicySize: {_MANAGED_LIMIT}")
        elif call.operation in _INLINE:
            self._check_inline(call)
        elif call.operation == "DeletePolicy":
            self._check_detached(call)

    def _check_detached(self, call: Call) -> None:
        """What is attached stays: deleting it would take a denial off without a word.

        https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html
        """
        iam: Any = self._estate.iam(call.account)
        arn = call.params.get("PolicyArn")
        holders = (*iam.roles.values(), *iam.users.values(), *iam.groups.values())
        if any(policy.arn == arn for each in holders for policy in each.managed_policies.values()):
            raise ApiError("DeleteConflict", "Cannot delete a policy attached to entities.", 409)

    def _check_protected(self, call: Call) -> None:
        """Nobody changes the roles that AWS made: SCPs and RCPs do not bind their sessions.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
        """
        if call.operation == "CreateServiceLinkedRole":
            service = str(call.params.get("AWSServiceName") or "")
            if service in self._workloads:
                raise ApiError("InvalidInput", f"{service} has no service-linked role.")
        if call.operation not in _CHANGES_A_ROLE:
            return
        name = str(call.params.get("RoleName") or "")
        role = self._of_kind["role"](self._estate.iam(call.account), name)
        if role is not None and role.path.startswith(_PROTECTED):
            raise ApiError(
                "UnmodifiableEntity",
                f"Cannot perform the operation on the protected role '{role.name}' - this role is "
                "only modifiable by AWS",
            )

    def _check_boundary(self, call: Call) -> None:
        """A boundary is a policy that exists.

        https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePermissionsBoundary.html
        """
        arn = call.params.get("PermissionsBoundary")
        if call.operation not in _TAKES_A_BOUNDARY or not arn:
            return
        if str(arn).count(":") < 5:
            raise ApiError("ValidationError", f"ARN {arn} is not valid.")
        if self._estate.managed_policy(call.account, str(arn)) is None:
            raise ApiError(
                "NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.", 404
            )

    def _check_name(self, call: Call) -> None:
        kind, member, old = _NAMES.get(call.operation, ("", "", ""))
        name = str(call.params.get(member) or "")
        if not name or name.lower() == str(call.params.get(old) or "").lower():
            return
        if name.lower() in self._names(call.account, kind):
            said = (
                f"A policy called {name} already exists. Duplicate names are not allowed."
                if kind == "Policy"
                else f"{kind} with name {name} already exists."
            )
            raise ApiError("EntityAlreadyExists", said, 409)

    def _names(self, account: str, kind: str) -> Set[str]:
        """The names of a kind that are taken, in lower case."""
        iam: Any = self._estate.iam(account)
        if kind == "Role":
            taken: Set[str] = iam.roles.names()
            return taken
        if kind == "Policy":
            policies = tuple(iam.managed_policies.values())
            return {p.name.lower() for p in policies if f"::{account}:" in p.arn}
        held = {"User": iam.users, "Group": iam.groups, "Instance Profile": iam.instance_profiles}
        return {entity.name.lower() for entity in tuple(held[kind].values())}

    def _check_inline(self, call: Call) -> None:
        kind, member, limit = _INLINE[call.operation]
        name = str(call.params.get(member) or "")
        entity = self._of_kind[kind](self._estate.iam(call.account), name)
        kept = {} if entity is None else dict(entity.policies)
        kept[str(call.params.get("PolicyName"))] = call.params.get("PolicyDocument")
        if sum(_length(document) for document in kept.values()) > limit:
            raise _too_long(f"Maximum policy size of {limit} bytes exceeded for {kind} {name}")


def _check_form(call: Call) -> None:
    for member in ("Path", "NewPath"):
        path = call.params.get(member)
        form = _POLICY_PATH if call.operation == "CreatePolicy" else _PATH
        if path is not None and (form.fullmatch(str(path)) is None or len(str(path)) > 512):
            raise ApiError(
                "ValidationError",
                "The specified value for path is invalid. It must begin and end with / and contain "
                "only alphanumeric characters and/or / characters.",
            )
    for member, name in call.params.items():
        if _NAMED.fullmatch(member) and _NAME.fullmatch(str(name)) is None:
            said = f"{member[0].lower()}{member[1:]}"
            raise ApiError(
                "ValidationError",
                f"The specified value for {said} is invalid. It must contain only alphanumeric "
                "characters and/or the following: +=,.@_-",
            )


def _length(document: Any) -> int:
    """The characters of a document; IAM does not count white space."""
    return sum(not character.isspace() for character in str(document or ""))


def _too_long(message: str) -> ApiError:
    return ApiError("LimitExceeded", message, 409)
