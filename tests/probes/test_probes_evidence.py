"""What counts as evidence of a denial."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    EventStreamError,
    NoCredentialsError,
    ParamValidationError,
    UnauthorizedSSOTokenError,
)

from harness.probes.evidence import (
    Denial,
    Outcome,
    Reason,
    Verdict,
    ask,
    judge_allowed,
    judge_denial,
)
from harness.probes.result import Recorder, Subject
from harness.targets import wiretap
from harness.targets.wiretap import Exchange

ROLE = "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme"
USER = "arn:aws:sts::333333333333:assumed-role/bulkhead-caller/app"
EXPECTED = Denial("sts:AssumeRole", (ROLE,), user=USER)
GOOD = f"User: {USER} is not authorized to perform: sts:AssumeRole on resource: {ROLE}"


def refuse(code: str, message: str, status: int = 403) -> Callable[[], NoReturn]:
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }

    def call() -> NoReturn:
        raise ClientError(answer, "AssumeRole")

    return call


def ok() -> None:
    return None


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException"])
@pytest.mark.parametrize(
    "ending",
    [
        "",
        " because no identity-based policy allows the sts:AssumeRole action",
        " with an explicit deny in a service control policy",
    ],
)
def test_a_refusal_of_the_probed_action_and_resource_holds(code: str, ending: str) -> None:
    judgment = judge_denial(EXPECTED, ask(refuse(code, GOOD + ending)), ask(ok))
    assert judgment.verdict is Verdict.HELD


@pytest.mark.parametrize(
    ("code", "message", "status"),
    [
        ("ValidationException", GOOD, 400),
        ("ResourceNotFoundException", "no such profile", 404),
        ("ThrottlingException", "slow down", 429),
        ("NoSuchEntity", "the role cannot be found", 404),
        (
            "AccessDeniedException",
            "You don't have access to the model with the specified model ID.",
            403,
        ),
        ("AccessDenied", GOOD.replace("sts:AssumeRole", "aws-marketplace:Subscribe"), 403),
        ("AccessDenied", GOOD.replace("bulkhead-acme", "bulkhead-globex"), 403),
        ("AccessDenied", GOOD.replace("333333333333", "444444444444"), 403),
        ("AccessDenied", GOOD.partition(" on resource")[0], 403),
        ("InvalidClientTokenId", "The security token included in the request is invalid.", 403),
        ("403", "Forbidden", 403),
    ],
)
def test_other_refusals_prove_nothing(code: str, message: str, status: int) -> None:
    judgment = judge_denial(EXPECTED, ask(refuse(code, message, status)), ask(ok))
    assert judgment.verdict is Verdict.NO_EVIDENCE


def test_success_where_a_denial_is_required_is_broken_whatever_the_twin() -> None:
    for twin in (ok, refuse("AccessDenied", GOOD)):
        assert judge_denial(EXPECTED, ask(ok), ask(twin)).verdict is Verdict.BROKEN


def test_a_denial_without_its_twin_is_no_evidence() -> None:
    denied = ask(refuse("AccessDenied", GOOD))
    assert judge_denial(EXPECTED, denied, ask(ok)).verdict is Verdict.HELD
    for twin in (denied, ask(refuse("ThrottlingException", "slow"))):
        assert judge_denial(EXPECTED, denied, twin).verdict is Verdict.NO_EVIDENCE


def test_a_bare_403_counts_only_where_the_probe_accepts_it() -> None:
    bare = ask(refuse("403", "Forbidden"))
    assert judge_denial(EXPECTED, bare, ask(ok)).verdict is Verdict.NO_EVIDENCE
    head = Denial("s3:ListBucket", ("arn:aws:s3:::b",), bare=True)
    assert judge_denial(head, bare, ask(ok)).verdict is Verdict.HELD
    missing = ask(refuse("404", "Not Found", 404))
    assert judge_denial(head, missing, ask(ok)).verdict is Verdict.NO_EVIDENCE


def test_a_required_success_is_broken_by_a_denial_and_undecided_by_an_outage() -> None:
    assert judge_allowed(ask(ok)).verdict is Verdict.HELD
    assert judge_allowed(ask(refuse("AccessDenied", GOOD))).verdict is Verdict.BROKEN
    outage = judge_allowed(ask(refuse("InternalFailure", "", 500)))
    assert outage.verdict is Verdict.NO_EVIDENCE


def test_an_error_inside_a_stream_is_no_refusal() -> None:
    def call() -> None:
        raise EventStreamError(
            {"Error": {"Code": "accessDeniedException", "Message": "x"}}, "ConverseStream"
        )

    assert ask(call).outcome is Outcome.FAILED


def test_a_parameter_error_does_not_repeat_the_parameters() -> None:
    def call() -> None:
        raise ParamValidationError(report="ExternalId: s3cret")

    answer = ask(call)
    assert answer.outcome is Outcome.FAILED
    assert "s3cret" not in str(answer)


class Who:
    label, kind, arn = "globex caller", "caller", USER


def test_the_recorder_keeps_secrets_out_and_lists_failures() -> None:
    recorder = Recorder(["s3cret"])
    subject = Subject(
        "assume-role", ("T15",), "needs the id", Who(), "sts:AssumeRole", "acme", (ROLE,)
    )
    recorder.denied(subject, refuse("AccessDenied", GOOD), twin=ok)
    recorder.denied(subject, refuse("ValidationError", "bad id s3cret", 400), twin=ok)
    recorder.denied(subject, ok, twin=ok)
    assert [r.verdict for r in recorder.results] == ["held", "no evidence", "broken"]
    assert [r.verdict for r in recorder.failures] == ["no evidence", "broken"]
    assert "s3cret" not in str([r.as_dict() for r in recorder.results])
    assert "[redacted]" in recorder.results[1].message


def said(operation: str, **parameters: str) -> Exchange:
    return Exchange("iam", operation, "eu-central-1", parameters, 200, "", "id-1")


def facts(recorder: Recorder, **more: Any) -> Any:
    subject = Subject("shape", (), "it is closed", Who(), "iam:GetRole", "acme", (ROLE,))
    recorder.state(subject, expected="closed", observed="closed", holds=True, why="1", **more)
    return recorder.results[-1].reads


def test_a_fact_says_which_calls_it_was_read_from() -> None:
    heard: list[Exchange] = []
    recorder = Recorder(heard=heard)
    assert facts(recorder)["note"].startswith("No call was made")
    heard += [said("GetRole", RoleName="x"), said("GetRole", RoleName="x"), said("ListRoles")]
    calls = facts(recorder)["calls"]
    assert [(c["operation"], c["times"]) for c in calls] == [("GetRole", 2), ("ListRoles", 1)]
    # Another fact of the same reading.
    assert facts(recorder)["calls"] == calls
    heard.append(said("GetUser", UserName="y"))
    assert [c["operation"] for c in facts(recorder)["calls"]] == ["GetUser"]
    heard += [said("GetRole", RoleName=f"role-{n}") for n in range(50)]
    (many,) = facts(recorder)["calls"]
    assert (many["times"], many["parameters"]) == (50, {})
    assert facts(recorder, places=["acme: buckets"])["places"] == ["acme: buckets"]
    assert facts(recorder, note="Compared in memory.")["note"] == "Compared in memory."


def test_what_no_request_can_name_says_that_none_was_made() -> None:
    recorder = Recorder()
    subject = Subject("unaddressable", (), "cannot", Who(), "logs:PutLogEvents", "x", ())
    recorder.unaddressable(subject, members=["logGroupName"], foreign="another group")
    assert recorder.results[0].reads == {
        "calls": [],
        "places": [],
        "note": "No request was made: none can name another group.",
    }


def test_whoever_answered_explains_the_decision() -> None:
    def call(cloud: str) -> Callable[[], None]:
        def ask_it() -> None:
            exchange = said("GetRole", RoleName="x")
            exchange.explain = lambda request: {"by": cloud, "request": request}
            to = wiretap._listening.to
            to.append(exchange)

        return ask_it

    recorder = Recorder(place=lambda decision: {**decision, "placed": True})
    subject = Subject("a", (), "b", Who(), "iam:GetRole", "c", (ROLE,))
    recorder.allowed(subject, call("copy"))
    recorder.allowed(subject, call("original"))
    assert [r.decision for r in recorder.results] == [
        {"by": name, "request": "id-1", "placed": True} for name in ("copy", "original")
    ]
    recorder.denied(subject, refuse("AccessDenied", GOOD), twin=call("original"))
    assert recorder.results[-1].twin == "iam GetRole on x: allowed"


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("Throttling", 400, Reason.THROTTLED),
        ("ThrottlingException", 429, Reason.THROTTLED),
        ("TooManyRequestsException", 429, Reason.THROTTLED),
        ("SlowDown", 503, Reason.THROTTLED),
        ("ServiceQuotaExceededException", 402, Reason.THROTTLED),
        ("SomethingNew", 429, Reason.THROTTLED),
        ("ExpiredToken", 403, Reason.CREDENTIALS),
        ("ExpiredTokenException", 403, Reason.CREDENTIALS),
        ("InvalidClientTokenId", 403, Reason.CREDENTIALS),
        ("UnrecognizedClientException", 403, Reason.CREDENTIALS),
        ("SignatureDoesNotMatch", 403, Reason.CREDENTIALS),
        ("ValidationError", 400, Reason.INVALID),
        ("MalformedPolicyDocument", 400, Reason.INVALID),
        ("NoSuchEntity", 404, Reason.MISSING),
        ("ResourceNotFoundException", 404, Reason.MISSING),
        ("InternalServerException", 500, Reason.UNANSWERED),
        ("ConflictException", 409, Reason.OTHER),
    ],
)
def test_what_failed_says_why_and_is_never_a_denial(code: str, status: int, reason: Reason) -> None:
    answer = ask(refuse(code, GOOD, status))
    assert (answer.outcome, answer.reason, answer.observed) == (Outcome.FAILED, reason, reason)
    assert judge_denial(EXPECTED, answer, ask(ok)).verdict is Verdict.NO_EVIDENCE
    assert judge_allowed(answer).verdict is Verdict.NO_EVIDENCE


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectTimeoutError(endpoint_url="https://x"), Reason.UNANSWERED),
        (EndpointConnectionError(endpoint_url="https://x"), Reason.UNANSWERED),
        (NoCredentialsError(), Reason.CREDENTIALS),
        (UnauthorizedSSOTokenError(), Reason.CREDENTIALS),
        (ParamValidationError(report="x"), Reason.INVALID),
    ],
)
def test_a_call_that_no_service_answered_is_never_a_denial(
    error: Exception, reason: Reason
) -> None:
    def call() -> None:
        raise error

    answer = ask(call)
    assert (answer.outcome, answer.reason) == (Outcome.FAILED, reason)
    assert judge_denial(EXPECTED, answer, ask(ok)).verdict is Verdict.NO_EVIDENCE


def test_a_denial_and_a_success_have_no_reason() -> None:
    assert [a.reason for a in (ask(ok), ask(refuse("AccessDenied", GOOD)))] == [None, None]


def in_turn(*calls: Callable[[], object]) -> tuple[Callable[[], object], list[int]]:
    """A call that does the first of these, then the next, and at last the last again and again;
    and how often it was made."""
    made: list[int] = []

    def call() -> object:
        made.append(1)
        return calls[min(len(made), len(calls)) - 1]()

    return call, made


def patient(patience: float) -> tuple[Recorder, Subject]:
    recorder = Recorder(patience=patience, pause=0.001)
    return recorder, Subject("a", (), "b", Who(), "sts:AssumeRole", "acme", (ROLE,))


DENY = refuse("AccessDenied", GOOD)


def test_where_changes_take_time_a_success_is_waited_for_and_an_outage_is_not() -> None:
    recorder, subject = patient(5)
    call, _ = in_turn(DENY, DENY, ok)
    recorder.allowed(subject, call)
    throttled, made = in_turn(refuse("ThrottlingException", "", 429))
    recorder.allowed(subject, throttled)
    assert [r.verdict for r in recorder.results] == ["held", "no evidence"]
    assert len(made) == 1
    short, subject = patient(0.01)
    short.allowed(subject, DENY)
    assert short.results[0].verdict == "broken"


def test_a_denial_from_before_its_twin_succeeded_is_not_believed() -> None:
    recorder, subject = patient(5)
    early, _ = in_turn(DENY, ok)
    late, _ = in_turn(DENY, ok)
    recorder.denied(subject, early, twin=late)
    recorder.denied(subject, DENY, twin=late)
    recorder.denied(subject, in_turn(DENY, refuse("ExpiredToken", ""))[0], twin=ok)
    assert [r.verdict for r in recorder.results] == ["broken", "held", "no evidence"]
    assert recorder.results[2].observed == "credentials not accepted"


def test_where_changes_are_seen_at_once_nothing_is_asked_twice() -> None:
    recorder, subject = patient(0)
    call, made = in_turn(DENY)
    twin, beside = in_turn(DENY, ok)
    recorder.denied(subject, call, twin=twin)
    assert (len(made), len(beside)) == (1, 1)
    assert recorder.results[0].verdict == "no evidence"
