"""Where a mutant works: a deployment, one customer of it as the victim, and tools to edit both."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import UserError
from harness.probes.stage import Fleet, Home, Stage

Statement = dict[str, Any]
Statements = list[Statement]


@dataclass(frozen=True, slots=True)
class Site:
    """Edits live policies and settings as the administrators of the accounts.

    Every method raises botocore's `ClientError` when AWS refuses, and `UserError` when there is
    nothing to weaken: a mutant that changes nothing would look unnoticed.
    """

    stage: Stage

    @property
    def victim(self) -> Fleet:
        """The fleet role that is weakened: the first customer's."""
        return next(iter(self.stage.fleets.values()))

    @property
    def neighbor(self) -> Fleet:
        """Another customer's fleet role."""
        return next(f for f in self.stage.fleets.values() if f is not self.victim)

    @property
    def victims_home(self) -> Home:
        return self.home_of(self.victim)

    @property
    def neighbors_home(self) -> Home:
        return self.home_of(self.neighbor)

    def home_of(self, fleet: Fleet) -> Home:
        """The first account of a customer."""
        return next(h for h in self.stage.homes.values() if h.customer == fleet.customer)

    @property
    def operations(self) -> str:
        return self.stage.environment.operations_account

    @property
    def region(self) -> str:
        return self.stage.environment.region

    @property
    def organization(self) -> str:
        """The id of the organization that the fleet is in."""
        answer = self.client(self.operations, "organizations").describe_organization()
        return str(answer["Organization"]["Id"])

    def client(self, account: str, service: str, region: str | None = None) -> Any:
        """A client of an account's administrator."""
        target = self.stage.target
        return target.client(target.session(account), service, region or self.region)

    def without_guardrails(self) -> None:
        """Detach every SCP and RCP of ours, as the management account.

        A guardrail in front of a weakened wall would hide that nobody notices the wall itself.
        """
        management = self.client(self.stage.environment.management_account, "organizations")
        for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
            for policy in management.list_policies(Filter=kind)["Policies"]:
                if policy["AwsManaged"]:
                    continue
                targets = management.list_targets_for_policy(PolicyId=policy["Id"])["Targets"]
                for target in targets:
                    management.detach_policy(PolicyId=policy["Id"], TargetId=target["TargetId"])

    # --- trust ----------------------------------------------------------------------------------

    def trust(self, edit: Callable[[Statements], Statements], fleet: Fleet | None = None) -> None:
        """Replace the statements of a fleet role's trust policy; the victim's by default."""
        role = (fleet or self.victim).role_name
        iam = self.client(self.operations, "iam")
        old = _statements(iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"])
        iam.update_assume_role_policy(
            RoleName=role, PolicyDocument=_document(_changed(old, edit, f"trust of {role}"))
        )

    # --- permissions ----------------------------------------------------------------------------

    def permissions(
        self, *statements: Statement, add: bool = False, fleet: Fleet | None = None
    ) -> None:
        """Give a fleet role (the victim's by default) these statements instead of its own, or
        beside its own grants, and take away its boundary and its denials, as in a fleet that has
        neither."""
        iam = self.client(self.operations, "iam")
        role = (fleet or self.victim).role_name
        if "PermissionsBoundary" in iam.get_role(RoleName=role)["Role"]:
            iam.delete_role_permissions_boundary(RoleName=role)
        self.inline(self.operations, role, lambda old: [*_grants(old, add), *statements])

    def add_policy(self, name: str, *statements: Statement) -> None:
        """Give the victim's fleet role one more inline policy."""
        self.client(self.operations, "iam").put_role_policy(
            RoleName=self.victim.role_name,
            PolicyName=name,
            PolicyDocument=_document(list(statements)),
        )

    def caller_permissions(self, *statements: Statement) -> None:
        """Give the victim's caller role these statements beside its own grants, without its
        denials and its boundary."""
        home = self.victims_home
        iam = self.client(home.account, "iam")
        if "PermissionsBoundary" in iam.get_role(RoleName=home.caller_role_name)["Role"]:
            iam.delete_role_permissions_boundary(RoleName=home.caller_role_name)
        self.inline(
            home.account,
            home.caller_role_name,
            lambda old: [*_grants(old, True), *statements],
        )

    # --- others ---------------------------------------------------------------------------------

    def caller_trust(self, principal: object, action: str = "sts:AssumeRole") -> None:
        """Let `principal` become the victim's caller role too."""
        home = self.victims_home
        iam = self.client(home.account, "iam")
        role = iam.get_role(RoleName=home.caller_role_name)["Role"]
        statements = _statements(role["AssumeRolePolicyDocument"])
        more = {"Effect": "Allow", "Principal": principal, "Action": action}
        iam.update_assume_role_policy(
            RoleName=home.caller_role_name, PolicyDocument=_document([*statements, more])
        )

    def make_role(self, account: str, name: str, principal: object, *rights: Statement) -> None:
        """A role of that name that `principal` may assume, with those rights."""
        iam = self.client(account, "iam")
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document([trust]))
        if rights:
            iam.put_role_policy(
                RoleName=name, PolicyName="rights", PolicyDocument=_document(list(rights))
            )

    def rewrite_key(self, edit: Callable[[Statements], Statements]) -> None:
        """Replace the statements of the policy of the victim's key."""
        home = self.victims_home
        kms = self.client(home.account, "kms", home.region)
        old = _statements(kms.get_key_policy(KeyId=home.key_arn, PolicyName="default")["Policy"])
        new = _changed(old, edit, f"policy of {home.key_arn}")
        kms.put_key_policy(KeyId=home.key_arn, PolicyName="default", Policy=_document(new))

    def key_policy(self, *more: Statement, without: str = "") -> None:
        """Add statements to the policy of the victim's key, and take the one of that Sid out."""
        home = self.victims_home
        kms = self.client(home.account, "kms", home.region)
        old = kms.get_key_policy(KeyId=home.key_arn, PolicyName="default")["Policy"]
        kms.put_key_policy(
            KeyId=home.key_arn,
            PolicyName="default",
            Policy=_document(
                [*(each for each in _statements(old) if each.get("Sid") != without), *more]
            ),
        )

    def inline(self, account: str, role: str, edit: Callable[[Statements], Statements]) -> None:
        """Replace the statements of the one inline policy that a role has."""
        iam = self.client(account, "iam")
        names: Sequence[str] = iam.list_role_policies(RoleName=role)["PolicyNames"]
        if len(names) != 1:
            raise UserError(f"role {role} has {len(names)} inline policies; a mutant expects one")
        document = iam.get_role_policy(RoleName=role, PolicyName=names[0])["PolicyDocument"]
        new = _changed(_statements(document), edit, f"policy {names[0]} of {role}")
        iam.put_role_policy(RoleName=role, PolicyName=names[0], PolicyDocument=_document(new))


def allow(actions: str | list[str], resources: str | list[str], **condition: Any) -> Statement:
    """An Allow statement; `condition` by operator."""
    statement: Statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    if condition:
        statement["Condition"] = condition
    return statement


def _grants(old: Statements, keep: bool) -> Statements:
    return [s for s in old if s["Effect"] == "Allow"] if keep else []


def _changed(old: Statements, edit: Callable[[Statements], Statements], what: str) -> Statements:
    new = edit(copy.deepcopy(old))
    if new == old:
        raise UserError(f"the mutant changed nothing in the {what}")
    return new


def _statements(document: str | Mapping[str, Any]) -> Statements:
    loaded: Any = json.loads(document) if isinstance(document, str) else document
    return list(copy.deepcopy(loaded["Statement"]))


def _document(statements: Statements) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
