"""The answer to a request, and the sentence that explains it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.iam.context import Request
from harness.iam.policy import NamedPolicy, PolicyKind, Statement


class Outcome(StrEnum):
    """The words of AWS's own policy simulator, in its API's spelling."""

    ALLOWED = "Allowed"
    IMPLICITLY_DENIED = "ImplicitlyDenied"
    EXPLICITLY_DENIED = "ExplicitlyDenied"


@dataclass(frozen=True, slots=True)
class StatementRef:
    """A statement that decided: the kind and name of its policy, its Sid or else its index."""

    kind: PolicyKind
    policy: str
    statement: str

    def __str__(self) -> str:
        return f"statement {self.statement} of {self.policy} ({self.kind.phrase})"


@dataclass(frozen=True, slots=True)
class Decision:
    """What `decide` answers.

    `hits` are the statements that decided: all the firing Deny statements, or for an allowed
    request one Allow statement of each layer that had to allow. `gaps` are the layers that would
    have had to allow and did not. `note` states a rule that holds whatever the policies say.
    """

    request: Request
    outcome: Outcome
    hits: tuple[tuple[NamedPolicy, Statement], ...] = ()
    gaps: tuple[PolicyKind, ...] = ()
    note: str = ""

    @property
    def allowed(self) -> bool:
        return self.outcome is Outcome.ALLOWED

    @property
    def missing(self) -> PolicyKind | None:
        """The layer an access denied message names: the first that gave no allow."""
        return self.gaps[0] if self.gaps else None

    @property
    def decided_by(self) -> tuple[StatementRef, ...]:
        return tuple(StatementRef(p.kind, p.name, s.label) for p, s in self.hits)

    @property
    def why(self) -> str:
        """One sentence for a reader; for a denial, what was missing in each layer."""
        request = self.request
        subject = f"{request.principal.arn} {request.action} on {request.resource}"
        if self.outcome is Outcome.EXPLICITLY_DENIED:
            reason = "explicitly denied by " + "; ".join(map(str, self.decided_by))
        elif self.note:
            reason = self.note
        elif self.allowed:
            by = "; ".join(map(str, self.decided_by))
            reason = f"allowed by {by}" if by else "allowed: the root user has every right"
        else:
            reason = "; ".join(_gap(kind, request.action) for kind in self.gaps)
        return f"{subject}: {reason}"


def _gap(kind: PolicyKind, action: str) -> str:
    if kind is PolicyKind.TRUST:
        return f"the role's trust policy does not allow {action} for this principal"
    if kind is PolicyKind.KEY:
        return f"the key policy does not allow {action} for this principal"
    return f"no {kind.phrase} allows the {action} action"
