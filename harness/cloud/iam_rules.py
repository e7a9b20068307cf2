"""What IAM refuses and moto does not: names that differ only in case, and policies too long.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
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
_TRUST_LIMIT = 2048
_MANAGED_LIMIT = 6144
_INLINE: Mapping[str, tuple[str, str, int]] = {
    "PutRolePolicy": ("role", "RoleName", 10_240),
    "PutUserPolicy": ("user", "UserName", 2048),
    "PutGroupPolicy": ("group", "GroupName", 5120),
}


class IamRules:
    """Checks calls to IAM against what their account holds already."""

    def __init__(self, estate: MotoEstate) -> None:
        self._estate = estate
        self._of_kind: Mapping[str, Callable[[Any, str], Any]] = {
            "role": lambda iam, name: iam.roles.named(name),
            "user": lambda iam, name: iam.users.get(name),
            "group": lambda iam, name: iam.groups.get(name),
        }

    def check(self, call: Call) -> None:
        """Raise `ApiError` (EntityAlreadyExists, LimitExceeded) where AWS would."""
        if call.service != "iam":
            return
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


def _length(document: Any) -> int:
    """The characters of a document; IAM does not count white space."""
    return sum(not character.isspace() for character in str(document or ""))


def _too_long(message: str) -> ApiError:
    return ApiError("LimitExceeded", message, 409)
