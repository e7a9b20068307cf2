"""What the answer to a request proves about who may do what.

A denial proves something only when the service says that the caller is not authorized to perform
the probed action on the probed resource. A validation error, a missing thing, a throttle, or
Marketplace refusing an unsubscribed model prove nothing. Which policy decided is never read from
the text: AWS names one kind at most.

AWS pages: IAM user guide, "Troubleshoot access denied error messages" (the message form) and
Amazon Bedrock user guide, "Access Amazon Bedrock foundation models" (Marketplace's AccessDenied).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    SSOError,
    SSOTokenLoadError,
    TokenRetrievalError,
)
from botocore.exceptions import (
    ConnectionError as NoConnection,
)

DENIAL_CODES = frozenset({"AccessDenied", "AccessDeniedException"})

_MESSAGE = re.compile(
    r"User: (?P<user>\S+) is not authorized to perform: (?P<action>\S+)"
    r"(?: on resource: (?P<resource>\S+))?"
)


class Outcome(StrEnum):
    """What a service did with a request."""

    ALLOWED = "allowed"
    DENIED = "denied"
    FAILED = "failed"
    """Refused or lost for a reason other than authorization."""


class Reason(StrEnum):
    """Why a request failed that was neither done nor denied. None of these proves anything."""

    THROTTLED = "throttled"
    CREDENTIALS = "credentials not accepted"
    """Expired, unknown, or none were there: nobody was asked about permissions."""
    UNANSWERED = "not answered"
    INVALID = "not valid"
    MISSING = "not found"
    OTHER = "failed"


# How error codes of all protocols are told apart.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_REASONS: tuple[tuple[Reason, re.Pattern[str]], ...] = tuple(
    (reason, re.compile("|".join(codes)))
    for reason, codes in (
        (
            Reason.THROTTLED,
            (
                *(r"\w*Throttl\w*", r"TooManyRequests\w*", "SlowDown"),
                *(r"\w*LimitExceeded\w*", r"\w*QuotaExceeded\w*"),
            ),
        ),
        (
            Reason.CREDENTIALS,
            (
                *(r"ExpiredToken\w*", "RequestExpired", "InvalidClientTokenId", "AuthFailure"),
                *(r"UnrecognizedClient\w*", "InvalidAccessKeyId", "InvalidToken"),
                *("SignatureDoesNotMatch", r"InvalidSignature\w*", "RequestTimeTooSkewed"),
                *(r"MissingAuthenticationToken\w*", "OptInRequired"),
            ),
        ),
        (Reason.MISSING, (r"NoSuch\w*", r"\w*NotFound\w*", "404", r"\w*DoesNotExist\w*")),
        (
            Reason.INVALID,
            (
                *(r"Validation\w*", r"\w*Invalid\w*", r"Malformed\w*", r"Serialization\w*"),
                *(r"Missing\w*", r"BadRequest\w*", "400"),
            ),
        ),
        (
            Reason.UNANSWERED,
            (r"Internal\w*", r"ServiceUnavailable\w*", r"RequestTimeout\w*", r"5\d\d"),
        ),
    )
)


class Verdict(StrEnum):
    """What a probe showed about the design."""

    HELD = "held"
    BROKEN = "broken"
    NO_EVIDENCE = "no evidence"
    UNADDRESSABLE = "unaddressable"
    """The API has no way to name the resource, so there is nothing to refuse."""

    @property
    def good(self) -> bool:
        return self in (Verdict.HELD, Verdict.UNADDRESSABLE)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, reduced to what can be judged. `user`, `action` and `resource` are those that the
    service itself named in a refusal; empty when it named none."""

    outcome: Outcome
    code: str = ""
    message: str = ""
    status: int = 0
    user: str = ""
    action: str = ""
    resource: str = ""
    reason: Reason | None = None
    """Of a request that failed: why."""

    @property
    def observed(self) -> str:
        """What was seen, in a word or two."""
        return str(self.reason or self.outcome)

    def __str__(self) -> str:
        if self.outcome is Outcome.ALLOWED:
            return "allowed"
        return f"{self.code}: {self.message}" if self.code else self.message


@dataclass(frozen=True, slots=True)
class Denial:
    """The evidence that a probe accepts as a denial.

    `resources` are the ARNs that the service may name for the probed thing; the first is the one
    to show to people. `bare` accepts a 403 without a body: all that a HEAD request can answer.
    """

    action: str
    resources: tuple[str, ...]
    user: str = ""
    """The ARN of the caller, when known: a refusal of somebody else proves nothing."""
    bare: bool = False

    def __str__(self) -> str:
        named = f"a refusal that names {self.action} and the resource"
        return f"{named}, or a bare 403" if self.bare else named

    def accepts(self, answer: Answer) -> bool:
        """Whether the answer proves that this caller may not do this to this resource."""
        if answer.outcome is not Outcome.DENIED:
            return False
        if not answer.action:
            return self.bare and answer.status == 403
        return (
            answer.action == self.action
            and answer.resource in self.resources
            and (not self.user or answer.user == self.user)
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """The evidence of a wall that is not an authorization: the error that AWS documents for it."""

    code: str
    says: str
    """What its message contains."""

    def __str__(self) -> str:
        return f"{self.code} that says {self.says!r}"

    def accepts(self, answer: Answer) -> bool:
        """Whether the answer is this error."""
        return (
            answer.outcome is not Outcome.ALLOWED
            and answer.code == self.code
            and self.says in answer.message
        )


@dataclass(frozen=True, slots=True)
class Judgment:
    """A verdict and the sentence that explains it."""

    verdict: Verdict
    why: str


def ask(call: Callable[[], object]) -> Answer:
    """Make a call and say what came of it. Never raises for anything that AWS or the network did.

    `call` must read a streamed answer to its end, since a refusal may arrive in it.
    """
    try:
        call()
    except ClientError as error:
        return _refusal(error)
    except BotoCoreError as error:
        # The class alone: the text of a parameter error repeats the parameters, secrets included.
        reason = _unsent(error)
        message = "the call was not answered" if reason is Reason.UNANSWERED else reason
        return Answer(
            Outcome.FAILED, code=type(error).__name__, message=str(message), reason=reason
        )
    return Answer(Outcome.ALLOWED)


def judge_denial(expected: Denial | Refusal, answer: Answer, twin: Answer) -> Judgment:
    """Judge a call that must be refused, beside a call of the same session that must succeed."""
    if answer.outcome is Outcome.ALLOWED:
        return Judgment(Verdict.BROKEN, "the call was allowed")
    if not expected.accepts(answer):
        wanted = (
            f"does not refuse {expected.action} on {expected.resources[0]}"
            if isinstance(expected, Denial)
            else f"is not {expected}"
        )
        return Judgment(Verdict.NO_EVIDENCE, f"the answer {wanted}: {answer}")
    if twin.outcome is not Outcome.ALLOWED:
        return Judgment(
            Verdict.NO_EVIDENCE, f"the same session's call that must succeed did not: {twin}"
        )
    return Judgment(Verdict.HELD, str(answer))


def judge_allowed(answer: Answer) -> Judgment:
    """Judge a call that must succeed."""
    if answer.outcome is Outcome.ALLOWED:
        return Judgment(Verdict.HELD, "the call was allowed")
    if answer.outcome is Outcome.DENIED:
        return Judgment(Verdict.BROKEN, str(answer))
    return Judgment(Verdict.NO_EVIDENCE, str(answer))


def _unsent(error: BotoCoreError) -> Reason:
    """Why a call has no answer of a service."""
    no_credentials = (
        *(NoCredentialsError, CredentialRetrievalError, TokenRetrievalError),
        *(SSOError, SSOTokenLoadError),
    )
    if isinstance(error, no_credentials):
        return Reason.CREDENTIALS
    if isinstance(error, ParamValidationError):
        return Reason.INVALID
    unanswered = isinstance(error, HTTPClientError | NoConnection)
    return Reason.UNANSWERED if unanswered else Reason.OTHER


def _reason(code: str, status: int) -> Reason:
    for reason, codes in _REASONS:
        if codes.fullmatch(code):
            return reason
    return Reason.THROTTLED if status == 429 else Reason.OTHER


def _refusal(error: ClientError) -> Answer:
    body = error.response.get("Error", {})
    code = body.get("Code", "")
    message = body.get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    bare = status == 403 and code in ("403", "Forbidden")
    outcome = Outcome.DENIED if code in DENIAL_CODES or bare else Outcome.FAILED
    named = _MESSAGE.search(message) if outcome is Outcome.DENIED else None
    return Answer(
        outcome=outcome,
        code=code,
        message=message,
        status=status,
        user=named["user"] if named else "",
        action=named["action"] if named else "",
        resource=(named["resource"] or "") if named else "",
        reason=_reason(code, status) if outcome is Outcome.FAILED else None,
    )
