"""What counts as evidence of a denial."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from botocore.exceptions import ClientError, EventStreamError, ParamValidationError

from harness.probes.evidence import Denial, Outcome, Verdict, ask, judge_allowed, judge_denial
from harness.probes.result import Recorder, Subject

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
