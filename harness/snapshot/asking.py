"""Asks the estate of a snapshot who may do what, as the gateway of the embedded cloud decides it.

Whoever asks is a principal of the snapshot, or one made up: a role with every right that its
account can give, and the root user. What cannot be decided is unknown, and never denied in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from harness.cloud.authorizer import Authorizer
from harness.cloud.call import Call, Caller, Need
from harness.estate import OrganizationRecord, PrincipalRecord, RoleRecord, SnapshotEstate
from harness.estate.policies import named
from harness.iam import Decision, NamedPolicy, PolicyError, PolicyKind, PolicySet
from harness.iam.cases import write_case

Outcome = Literal["allowed", "denied", "unknown"]

ANYTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
_MADE_UP = "AROAMADEUP"
SESSION = "bulkhead-diff"


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who asks: a role's session, a user, a root user, a service, or a made-up role."""

    kind: Literal["role", "user", "root", "service", "made-up"]
    account: str
    arn: str
    """Of a service its name; of a made-up role the ARN that it goes by, or empty for one of its
    own."""

    def __str__(self) -> str:
        if self.kind == "made-up":
            called = f" called {self.arn.rpartition('/')[2]}" if self.arn else ""
            return f"any role{called} of {self.account} that may do anything there"
        if self.kind == "service":
            return f"{self.arn} in {self.account}"
        return self.arn


@dataclass(frozen=True, slots=True)
class Question:
    """A request: an action on a resource, and what the caller says with it."""

    action: str
    resource: str
    account: str
    """Who owns the resource; empty for `*`."""
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict, hash=False)
    region: str = "us-east-1"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decided, and why in the engine's words."""

    outcome: Outcome
    decision: Decision | None = None
    policies: PolicySet | None = field(default=None, repr=False)
    """What the decision was made from."""
    reason: str = ""
    """Why nothing was decided."""

    @property
    def why(self) -> str:
        """One sentence."""
        return self.reason if self.decision is None else self.decision.why

    def case(self, case_id: str) -> dict[str, Any] | None:
        """The request with all that bears on it, as `bulkhead decide` takes it (docs/decide.md);
        None where nothing was decided."""
        if self.decision is None or self.policies is None:
            return None
        case = write_case(case_id, self.decision.request, self.policies)
        return {**case, "expected": str(self.decision.outcome)}


class Asked:
    """A snapshot that answers. `moment` is when the requests are made: when it was taken."""

    def __init__(self, estate: SnapshotEstate) -> None:
        self.estate = estate
        taken = datetime.strptime(estate.document["taken_at"], "%Y-%m-%dT%H:%M:%SZ")
        self.moment = taken.replace(tzinfo=UTC)
        self._authorizer = Authorizer(_WithMadeUp(estate), lambda: self.moment)
        self._callers: dict[Who, Caller | None] = {}

    def answer(self, who: Who, question: Question) -> Answer:
        """The decision on one request. Who is not there is denied."""
        if who not in self._callers:
            self._callers[who] = self._caller(who)
        caller = self._callers[who]
        if who.kind in ("role", "user") and self.estate.is_unread(who.account, "", "identity"):
            return Answer("unknown", reason=f"the principals of {who.account} could not be read")
        if caller is None:
            return Answer("denied", reason=f"{who} does not exist")
        heard: list[tuple[Decision, PolicySet]] = []

        def note(decision: Decision, policies: PolicySet) -> None:
            heard.append((decision, policies))

        service, _, operation = question.action.partition(":")
        call = Call(service, operation, question.region, {}, caller)
        need = Need(question.action, question.resource, question.account, question.context)
        try:
            refusal = self._authorizer.refusal(call, (need,), note)
        except PolicyError as error:
            return Answer("unknown", reason=str(error))
        if not heard:
            return Answer("unknown", reason=refusal.message if refusal is not None else "")
        return Answer("allowed" if refusal is None else "denied", *heard[-1])

    def principals(self) -> Iterator[Who]:
        """Everybody of the snapshot, root users included, and for each account a made-up role."""
        document = self.estate.document
        for account, held in document["accounts"].items():
            for arn in held["identity"]["roles"]:
                yield Who("role", account, arn)
            for arn in held["identity"]["users"]:
                yield Who("user", account, arn)
            yield Who(
                "root", account, f"arn:{document['environment']['partition']}:iam::{account}:root"
            )
            yield Who("made-up", account, "")
        for account in document["environment"]["outsiders"]:
            yield Who("made-up", account, "")

    def _caller(self, who: Who) -> Caller | None:
        began: dict[str, Any] = {"issued_at": self.moment - timedelta(minutes=1), "mfa": False}
        partition = self.estate.document["environment"]["partition"]
        held = self.estate.accounts.get(who.account)
        if who.kind == "service":
            return Caller("service", who.account, who.arn, who.arn, who.arn)
        if who.kind == "made-up":
            entity, arn = _MADE_UP, who.arn or f"arn:{partition}:iam::{who.account}:role/made-up"
            name = arn.rpartition("/")[2]
        elif held is None:
            return None
        elif who.kind == "root":
            return Caller("root", who.account, who.arn, who.arn, who.account)
        elif who.kind == "user":
            user = held["identity"]["users"].get(who.arn)
            if user is None:
                return None
            return Caller("user", who.account, who.arn, who.arn, user["id"], user["id"])
        else:
            role = held["identity"]["roles"].get(who.arn)
            if role is None:
                return None
            name, entity, arn = role["name"], role["id"], who.arn
        return Caller(
            "role-session",
            who.account,
            f"arn:{partition}:sts::{who.account}:assumed-role/{name}/{SESSION}",
            arn,
            f"{entity}:{SESSION}",
            entity,
            **began,
        )


class _WithMadeUp:
    """An estate that also has a role of every right in each account: an `EstateSource`."""

    def __init__(self, estate: SnapshotEstate) -> None:
        self._estate = estate
        self._anything = (named(PolicyKind.IDENTITY, "anything", ANYTHING),)

    def user(self, account: str, name: str, entity_id: str) -> PrincipalRecord | None:
        return self._estate.user(account, name, entity_id)

    def role_principal(self, account: str, role_id: str) -> PrincipalRecord | None:
        if role_id == _MADE_UP:
            return PrincipalRecord("", self._anything)  # it goes by the caller's ARN
        return self._estate.role_principal(account, role_id)

    def role(self, account: str, name: str) -> RoleRecord | None:
        return self._estate.role(account, name)

    def managed_policy(self, account: str, arn: str) -> NamedPolicy | None:
        return self._estate.managed_policy(account, arn)

    def resource_policy(self, arn: str) -> NamedPolicy | None:
        return self._estate.resource_policy(arn)

    def resource_tags(self, arn: str) -> Mapping[str, str] | None:
        return self._estate.resource_tags(arn)

    def key_aliases(self, arn: str) -> tuple[str, ...]:
        return self._estate.key_aliases(arn)

    def organization(self, account: str) -> OrganizationRecord | None:
        return self._estate.organization(account)
