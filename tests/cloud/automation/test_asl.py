"""State machines without a cloud: what runs, how errors go, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from harness.cloud.automation.asl import Outcome, machine
from harness.cloud.automation.asl_values import DefinitionError, StatesError
from harness.cloud.automation.sdk_tasks import accept, target

ATTACH = "arn:aws:states:::aws-sdk:iam:attachRolePolicy"


def run(states: Mapping[str, Any], data: Any = None, perform: Any = None) -> Outcome:
    """Run a machine that starts with its first state; tasks return their parameters."""
    text = json.dumps({"StartAt": next(iter(states)), "States": states})
    context = {"Execution": {"Id": "arn:execution"}, "StateMachine": {"Name": "m"}}
    given = {} if data is None else data
    return machine(text, accept).run(given, context, perform or (lambda _, parameters: parameters))


def task(**rest: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": ATTACH, "End": True, **rest}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ({"a": 1, "b": ["x", {"c": None}]}, {"a": 1, "b": ["x", {"c": None}]}),
        ({"name.$": "$.alarmName"}, {"name": "spend.role.60m"}),
        ({"name.$": "$['alarmName']"}, {"name": "spend.role.60m"}),
        ({"second.$": "$.list[1]"}, {"second": 20}),
        ({"id.$": "$$.Execution.Id"}, {"id": "arn:execution"}),
        ({"all.$": "$"}, {"all": {"alarmName": "spend.role.60m", "list": [10, 20]}}),
        ({"r.$": "States.ArrayGetItem(States.StringSplit($.alarmName, '.'), 1)"}, {"r": "role"}),
        ({"f.$": "States.Format('a-{}-{}', $.alarmName, $.list[0])"}, {"f": "a-spend.role.60m-10"}),
        ({"q.$": r"States.Format('it\'s {}', 'x')"}, {"q": "it's x"}),
        ({"l.$": "States.ArrayLength($.list)"}, {"l": 2}),
        ({"l.$": "States.Array(1, 'b', $.list)"}, {"l": [1, "b", [10, 20]]}),
    ],
)
def test_templates_are_filled_from_the_input(template: Any, expected: Any) -> None:
    data = {"alarmName": "spend.role.60m", "list": [10, 20]}
    assert run({"T": task(Parameters=template)}, data).output == expected


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("$.absent", "States.Runtime"),
        ("States.ArrayGetItem($.list, 5)", "States.IntrinsicFailure"),
        ("States.ArrayGetItem($.list, -1)", "States.IntrinsicFailure"),
        ("States.Format('{} {}', 'one')", "States.IntrinsicFailure"),
        ("States.StringSplit($.list, ',')", "States.IntrinsicFailure"),
    ],
)
def test_what_is_not_in_the_input_fails_the_execution(text: str, error: str) -> None:
    outcome = run({"T": task(Parameters={"x.$": text})}, {"list": [1]})
    assert (outcome.succeeded, outcome.error) == (False, error)


def test_results_go_where_they_are_told() -> None:
    data = {"kept": 1}
    result = {"Type": "Pass", "Result": {"new": 2}, "End": True}
    assert run({"P": result}, data).output == {"new": 2}
    assert run({"P": {**result, "ResultPath": "$.a.b"}}, data).output == {
        "kept": 1,
        "a": {"b": {"new": 2}},
    }
    assert run({"P": {**result, "ResultPath": None}}, data).output == data
    assert run({"P": {**result, "OutputPath": "$.new"}}, data).output == 2
    assert run({"P": {"Type": "Pass", "InputPath": "$.kept", "End": True}}, data).output == 1
    assert data == {"kept": 1}
    selected = task(Parameters={"x": 1, "y": 2}, ResultSelector={"only.$": "$.y"})
    assert run({"T": selected}).output == {"only": 2}


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ({"Variable": "$.s", "StringEquals": "abc"}, True),
        ({"Variable": "$.s", "StringEquals": "abd"}, False),
        ({"Variable": "$.s", "StringMatches": "a*"}, True),
        ({"Variable": "$.s", "StringMatches": "a"}, False),
        ({"Variable": "$.n", "StringEquals": "1"}, False),
        ({"Variable": "$.n", "NumericGreaterThan": 0}, True),
        ({"Variable": "$.n", "NumericLessThanEquals": 0}, False),
        ({"Variable": "$.t", "NumericEquals": 1}, False),
        ({"Variable": "$.t", "BooleanEquals": True}, True),
        ({"Variable": "$.x", "IsPresent": False}, True),
        ({"Variable": "$.s", "IsPresent": False}, False),
        ({"Not": {"Variable": "$.t", "BooleanEquals": True}}, False),
        (
            {
                "And": [
                    {"Variable": "$.x", "IsPresent": True},
                    {"Variable": "$.x", "StringEquals": "y"},
                ]
            },
            False,
        ),
        (
            {
                "Or": [
                    {"Variable": "$.s", "StringEquals": "x"},
                    {"Variable": "$.n", "NumericEquals": 1},
                ]
            },
            True,
        ),
    ],
)
def test_choices(rule: dict[str, Any], matches: bool) -> None:
    states = {
        "C": {"Type": "Choice", "Choices": [{**rule, "Next": "Yes"}], "Default": "No"},
        "Yes": {"Type": "Succeed"},
        "No": {"Type": "Fail", "Error": "Refused", "Cause": "no"},
    }
    outcome = run(states, {"s": "abc", "n": 1, "t": True})
    assert outcome.succeeded is matches
    assert outcome.error == ("" if matches else "Refused")


def test_nothing_chosen_is_an_error() -> None:
    choice = {"Variable": "$.x", "IsPresent": True, "Next": "S"}
    states = {"C": {"Type": "Choice", "Choices": [choice]}, "S": {"Type": "Succeed"}}
    assert run(states).error == "States.NoChoiceMatched"


class Failing:
    """A task that fails a number of times."""

    def __init__(self, times: int, error: str = "Iam.NoSuchEntityException") -> None:
        self.calls, self._times, self._error = 0, times, error

    def __call__(self, _resource: str, _parameters: Any) -> Any:
        self.calls += 1
        if self.calls <= self._times:
            raise StatesError(self._error, "not there")
        return {"done": True}


def test_errors_are_retried_caught_or_end_the_execution() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2, "IntervalSeconds": 1}]
    once = Failing(2)
    assert run({"T": task(Retry=retry)}, perform=once).output == {"done": True}
    assert once.calls == 3
    often = Failing(3)
    assert run({"T": task(Retry=retry)}, perform=often).error == "Iam.NoSuchEntityException"
    assert often.calls == 3
    other = [{"ErrorEquals": ["Iam.IamException"]}]
    assert not run({"T": task(Retry=other)}, perform=Failing(1)).succeeded

    states = {
        "T": task(Catch=[{"ErrorEquals": ["States.TaskFailed"], "Next": "S", "ResultPath": "$.e"}]),
        "S": {"Type": "Succeed"},
    }
    outcome = run(states, {"kept": 1}, Failing(1))
    assert outcome.output == {
        "kept": 1,
        "e": {"Error": "Iam.NoSuchEntityException", "Cause": "not there"},
    }
    kinds = [kind for kind, _ in outcome.events]
    assert kinds == [
        *("TaskStateEntered", "TaskFailed", "TaskStateExited"),
        *("SucceedStateEntered", "SucceedStateExited"),
    ]


def test_a_machine_without_end_is_ended() -> None:
    around = {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}
    assert run(around).error == "States.Runtime"


@pytest.mark.parametrize(
    "states",
    [
        pytest.param({"W": {"Type": "Wait", "Seconds": 1, "End": True}}, id="wait"),
        pytest.param({"M": {"Type": "Map", "End": True}}, id="map"),
        pytest.param({"P": {"Type": "Parallel", "End": True}}, id="parallel"),
        pytest.param({"T": task(HeartbeatSeconds=5)}, id="heartbeat"),
        pytest.param({"T": task(Credentials={"RoleArn": "arn"})}, id="other-role"),
        pytest.param({"T": task(Assign={"x": 1})}, id="variables"),
        pytest.param(
            {"T": task(Retry=[{"ErrorEquals": ["x"], "JitterStrategy": "FULL"}])}, id="jitter"
        ),
        pytest.param({"T": {**task(), "Next": "T"}}, id="next-and-end"),
        pytest.param({"T": {"Type": "Task", "Resource": ATTACH}}, id="neither"),
        pytest.param({"P": {"Type": "Pass", "Next": "Q"}}, id="no-such-state"),
        pytest.param({"T": task(Parameters={"x.$": "States.Hash('a', 'MD5')"})}, id="hash"),
        pytest.param({"T": task(Parameters={"x.$": "States.Array(1"})}, id="open"),
        pytest.param({"T": task(Parameters={"x.$": "$..x"})}, id="deep-path"),
        pytest.param({"T": task(Parameters={"x.$": 5})}, id="no-path"),
        pytest.param(
            {"P": {"Type": "Pass", "End": True, "ResultPath": "$.a[0]"}}, id="into-a-list"
        ),
        pytest.param({"C": {"Type": "Choice", "Choices": []}}, id="no-choices"),
        pytest.param(
            {"C": {"Type": "Choice", "Choices": [{"Variable": "$.x", "TimestampEquals": "x"}]}},
            id="timestamps",
        ),
    ],
)
def test_what_is_not_played_is_refused_with_the_definition(states: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        run(states)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"StartAt": "x", "States": {}}'])
def test_what_is_no_definition_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError):
        machine(text, accept)


def test_jsonata_is_refused() -> None:
    text = {"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": {"Type": "Succeed"}}}
    with pytest.raises(DefinitionError, match="JSONata"):
        machine(json.dumps(text), accept)


@pytest.mark.parametrize(
    ("resource", "found"),
    [
        (ATTACH, ("iam", "AttachRolePolicy")),
        ("arn:aws-us-gov:states:::aws-sdk:iam:listRoles", ("iam", "ListRoles")),
        ("arn:aws:states:::aws-sdk:sfn:startExecution", ("stepfunctions", "StartExecution")),
        ("arn:aws:states:::aws-sdk:cloudwatchlogs:putLogEvents", ("logs", "PutLogEvents")),
    ],
)
def test_tasks_are_apis(resource: str, found: tuple[str, str]) -> None:
    assert target(resource) == found


@pytest.mark.parametrize(
    "resource",
    [
        "",
        "arn:aws:states:::lambda:invoke",
        "arn:aws:lambda:eu-central-1:111111111111:function:f",
        "arn:aws:states:::aws-sdk:iam:attachEverything",
        "arn:aws:states:::aws-sdk:nosuch:attachRolePolicy",
        f"{ATTACH}.waitForTaskToken",
    ],
)
def test_other_tasks_are_refused(resource: str) -> None:
    with pytest.raises(DefinitionError):
        accept(resource)
