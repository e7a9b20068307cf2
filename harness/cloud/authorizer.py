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
    PolicyError,
    PolicyKind,
    PolicySet,
    Principal,
    Request,
    decide,
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is not allowed, in AWS's sentence for it."""

    message: str


Note = Callable[[Decision, PolicySet], None]
"""Told of each decision and what it was made from, in order; the last one decided."""


def _forget(_decision: Decision, _policies: PolicySet) -> None:
    return None


class Authorizer:
    """Decides the permissions of calls against one estate."""

    def __init__(self, estate: EstateSource, now: Callable[[], datetime]) -> None:
        self._estate = estate
        self._now = now

    def refusal(self, call: Call, needs: tuple[Need, ...], note: Note = _forget) -> Refusal | None:
        """The first of `needs` that the caller of `call` does not have; None if it has them all."""
        caller = call.caller
        try:
            subject = self._subject(caller)
        except PolicyError:
            subject = None
        if subject is None:
            return Refusal(_sentence(caller, needs[0], PolicyKind.IDENTITY))
        record, organization = subject
        base = principal_context(caller, record, organization, call.region)
        base.update(request_context(call, self._now()))
        principal = _principal(caller)
        for need in needs:
            try:
                policies = self._policies(caller, record, organization, need)
                if self._undecidable(policies, need):
                    return Refusal(_unknown_tags(caller, need))
                decision = self._decide(principal, policies, base, need)
            except PolicyError:
                return Refusal(_sentence(caller, need, PolicyKind.RESOURCE))
            note(decision, policies)
            if not decision.allowed:
                return Refusal(denial_message(caller, need, decision))
        return None

    def _subject(
        self, caller: Caller
    ) -> tuple[PrincipalRecord | None, OrganizationRecord | None] | None:
        """What the estate knows of the caller; None when its user or role is gone."""
        organization = self._estate.organization(caller.account)
        if caller.kind in ("root", "service", "web-identity"):
            return None, organization
        if caller.kind in ("user", "federated-user"):
            name = (caller.parent_arn or caller.arn).rsplit("/", 1)[1]
            record = self._estate.user(caller.account, name, caller.entity_id)
        else:
            record = self._estate.role_principal(caller.account, caller.entity_id)
        return None if record is None else (record, organization)

    def _policies(
        self,
        caller: Caller,
        record: PrincipalRecord | None,
        organization: OrganizationRecord | None,
        need: Need,
    ) -> PolicySet:
        owner = self._estate.organization(need.resource_account) if need.resource_account else None
        return PolicySet(
            identity=record.identity if record is not None else (),
            resource=None if need.resource == "*" else self._estate.resource_policy(need.resource),
            boundary=record.boundary if record is not None else None,
            session=caller.session_policies or None,
            scps=organization.scps if organization is not None else (),
            rcps=owner.rcps if owner is not None else (),
        )

    def _undecidable(self, policies: PolicySet, need: Need) -> bool:
        """Whether a policy asks for tags of the resource that the estate does not know.

        As if there were none, an Allow or a Deny that hangs on them would be wrong in silence.
        """
        if need.resource == "*" or self._estate.resource_tags(need.resource) is not None:
            return False
        action = need.action.lower()
        return any(each.policy.asks_for(":resourcetag/", action) for each in policies.all())

    def _decide(
        self, principal: Principal, policies: PolicySet, base: Context, need: Need
    ) -> Decision:
        request = Request(
            principal=principal,
            action=need.action,
            resource=need.resource,
            resource_account=need.resource_account,
            context={**base, **need_context(need, self._estate)},
        )
        return decide(request, policies)


def denial_message(caller: Caller, need: Need, decision: Decision) -> str:
    """AWS's sentence for a denial, naming the kind of policy that decided.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    if decision.outcome == "ExplicitlyDenied" and caller.kind != "web-identity":
        kind = decision.decided_by[0].kind if decision.decided_by else PolicyKind.IDENTITY
        article = "an" if kind.phrase[0] in "aeiou" else "a"
        return f"{_who(caller, need)} with an explicit deny in {article} {kind.phrase}"
    return _sentence(caller, need, decision.missing or PolicyKind.IDENTITY)


def _unknown_tags(caller: Caller, need: Need) -> str:
    return (
        f"{_who(caller, need)} because the embedded cloud does not know the tags of "
        f"{need.resource}, which a policy asks for"
    )


def _sentence(caller: Caller, need: Need, missing: PolicyKind) -> str:
    if caller.kind == "web-identity":  # STS tells it nothing of policies
        return f"Not authorized to perform {need.action}"
    return f"{_who(caller, need)} because no {missing.phrase} allows the {need.action} action"


def _who(caller: Caller, need: Need) -> str:
    text = f"User: {caller.arn} is not authorized to perform: {need.action}"
    return f"{text} on resource: {need.resource}"


def _principal(caller: Caller) -> Principal:
    kind = caller.kind
    return Principal(
        kind="federated" if kind == "federated-user" or kind == "web-identity" else kind,
        account="" if kind == "service" else caller.account,
        arn=caller.arn,
        principal_arn=caller.principal_arn,
        entity_id=caller.entity_id,
        user_id=caller.user_id,
        parent_arn=caller.parent_arn,
    )
