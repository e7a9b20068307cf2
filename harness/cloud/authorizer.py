"""Decides one permission for one caller: gathers the policies and keys, asks `harness.iam`.

Fails closed: a policy that cannot be read, or a principal that no longer exists, is a denial.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from harness.cloud.call import Call, Caller, Need
from harness.cloud.context import Context, need_context, principal_context, request_context
from harness.estate import EstateSource, OrganizationRecord, PrincipalRecord
from harness.iam import (
    Decision,
    NamedPolicy,
    PolicyError,
    PolicyKind,
    PolicySet,
    Principal,
    Request,
    decide,
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is not allowed: the permission that was missing and AWS's sentence for it."""

    need: Need
    message: str
    decision: Decision | None


class Authorizer:
    """Decides the permissions of calls against one estate."""

    def __init__(self, estate: EstateSource, now: Callable[[], datetime]) -> None:
        self._estate = estate
        self._now = now

    def refusal(self, call: Call, needs: tuple[Need, ...]) -> Refusal | None:
        """The first of `needs` that the caller of `call` does not have; None if it has them all."""
        caller = call.caller
        try:
            subject = self._subject(caller)
        except PolicyError:
            subject = None
        if subject is None:
            return Refusal(needs[0], _sentence(caller, needs[0], PolicyKind.IDENTITY), None)
        record, organization = subject
        base = principal_context(caller, record, organization)
        base.update(request_context(call, self._now()))
        principal = _principal(caller)
        for need in needs:
            try:
                decision = self._decide(caller, principal, record, organization, base, need)
            except PolicyError:
                return Refusal(need, _sentence(caller, need, PolicyKind.RESOURCE), None)
            if not decision.allowed:
                return Refusal(need, denial_message(caller, need, decision), decision)
        return None

    def _subject(
        self, caller: Caller
    ) -> tuple[PrincipalRecord | None, OrganizationRecord | None] | None:
        """What the estate knows of the caller; None when its user or role is gone."""
        if caller.kind == "service":
            return None, None
        organization = self._estate.organization(caller.account)
        if caller.kind == "root":
            return None, organization
        if caller.kind == "user":
            name = caller.arn.rsplit("/", 1)[1]
            record = self._estate.user(caller.account, name, caller.entity_id)
        else:
            record = self._estate.role_principal(caller.account, caller.entity_id)
        return None if record is None else (record, organization)

    def _decide(
        self,
        caller: Caller,
        principal: Principal,
        record: PrincipalRecord | None,
        organization: OrganizationRecord | None,
        base: Context,
        need: Need,
    ) -> Decision:
        context = {**base, **need_context(need, self._estate)}
        owner = self._estate.organization(need.resource_account) if need.resource_account else None
        policies = PolicySet(
            identity=record.identity if record is not None else (),
            resource=self._resource_policy(need),
            boundary=record.boundary if record is not None else None,
            session=_session_policies(caller),
            scps=organization.scps if organization is not None else (),
            rcps=owner.rcps if owner is not None else (),
        )
        request = Request(
            principal=principal,
            action=need.action,
            resource=need.resource,
            resource_account=need.resource_account,
            context=context,
        )
        return decide(request, policies)

    def _resource_policy(self, need: Need) -> NamedPolicy | None:
        if need.resource == "*":
            return None
        policy = self._estate.resource_policy(need.resource)
        # A role's trust policy speaks only about becoming the role, not about managing it.
        if (
            policy is not None
            and policy.kind is PolicyKind.TRUST
            and not need.action.startswith("sts:")
        ):
            return None
        return policy


def denial_message(caller: Caller, need: Need, decision: Decision) -> str:
    """AWS's sentence for a denial, naming the kind of policy that decided.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    if decision.outcome == "ExplicitlyDenied":
        kind = decision.decided_by[0].kind if decision.decided_by else PolicyKind.IDENTITY
        article = "an" if kind.phrase[0] in "aeiou" else "a"
        return f"{_who(caller, need)} with an explicit deny in {article} {kind.phrase}"
    return _sentence(caller, need, decision.missing or PolicyKind.IDENTITY)


def _sentence(caller: Caller, need: Need, missing: PolicyKind) -> str:
    return f"{_who(caller, need)} because no {missing.phrase} allows the {need.action} action"


def _who(caller: Caller, need: Need) -> str:
    text = f"User: {caller.arn} is not authorized to perform: {need.action}"
    return f"{text} on resource: {need.resource}"


def _principal(caller: Caller) -> Principal:
    return Principal(
        kind=caller.kind,
        account="" if caller.kind == "service" else caller.account,
        arn=caller.arn,
        principal_arn=caller.principal_arn,
        entity_id=caller.entity_id,
        user_id=caller.user_id,
    )


def _session_policies(caller: Caller) -> tuple[NamedPolicy, ...] | None:
    return caller.session_policies or None
