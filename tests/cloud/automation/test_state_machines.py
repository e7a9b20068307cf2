"""Step Functions over HTTP: saving, starting, looking back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.cloud import A, Clients, allow, error_code, trust, trust_service


def definition(*states: dict[str, Any]) -> str:
    """States in a row."""
    named: dict[str, Any] = {
        f"S{n}": {**each, **({"Next": f"S{n + 1}"} if n + 1 < len(states) else {"End": True})}
        for n, each in enumerate(states)
    }
    return json.dumps({"StartAt": "S0", "States": named})


@pytest.fixture
def make_machine(
    clients: Clients, unique: Callable[[str], str], make_role: Callable[..., str]
) -> Callable[..., str]:
    """Make a machine whose role has these statements; returns its ARN."""

    def make(text: str, *statements: dict[str, Any]) -> str:
        role = make_role(A, trust_service("states.amazonaws.com"), *statements)
        states = clients(A, "stepfunctions")
        made = states.create_state_machine(name=unique("machine"), definition=text, roleArn=role)
        return str(made["stateMachineArn"])

    return make


def list_roles(**rest: Any) -> dict[str, Any]:
    resource = "arn:aws:states:::aws-sdk:iam:getRole"
    return {"Type": "Task", "Resource": resource, "Parameters": {"RoleName.$": "$.role"}, **rest}


def test_a_task_answers_with_what_the_api_answers(
    clients: Clients, make_machine: Callable[..., str], make_role: Callable[..., str]
) -> None:
    role = make_role(A, trust_service("ec2.amazonaws.com"))
    kept = {"ResultSelector": {"arn.$": "$.Role.Arn"}, "ResultPath": "$.found"}
    arn = make_machine(definition(list_roles(**kept)), allow("iam:GetRole"))
    states, name = clients(A, "stepfunctions"), role.rsplit("/", 1)[1]
    started = states.start_execution(stateMachineArn=arn, input=json.dumps({"role": name}))
    told = states.describe_execution(executionArn=started["executionArn"])
    assert told["status"] == "SUCCEEDED"
    assert json.loads(told["output"]) == {"role": name, "found": {"arn": role}}
    assert told["stopDate"] >= told["startDate"]

    gone = states.start_execution(stateMachineArn=arn, input=json.dumps({"role": "no-such-role"}))
    told = states.describe_execution(executionArn=gone["executionArn"])
    assert (told["status"], told["error"]) == ("FAILED", "Iam.NoSuchEntityException")


def test_history_is_what_happened_in_pages(
    clients: Clients, make_machine: Callable[..., str]
) -> None:
    states = clients(A, "stepfunctions")
    steps = [{"Type": "Pass"}] * 3
    arn = make_machine(definition(*steps))
    execution = states.start_execution(stateMachineArn=arn, input='{"a": 1}')["executionArn"]
    pages = states.get_paginator("get_execution_history").paginate(
        executionArn=execution, PaginationConfig={"PageSize": 3}
    )
    events = [event for page in pages for event in page["events"]]
    assert [event["type"] for event in events] == [
        "ExecutionStarted",
        *(["PassStateEntered", "PassStateExited"] * 3),
        "ExecutionSucceeded",
    ]
    assert json.loads(events[0]["executionStartedEventDetails"]["input"]) == {"a": 1}
    assert events[1]["stateEnteredEventDetails"]["name"] == "S0"
    backwards = states.get_execution_history(executionArn=execution, reverseOrder=True)["events"]
    assert backwards == events[::-1]
    missing = f"{execution}x"
    assert error_code(states.get_execution_history, executionArn=missing) == "ExecutionDoesNotExist"


def test_a_machine_that_would_not_run_is_not_saved(
    clients: Clients, make_machine: Callable[..., str], make_role: Callable[..., str]
) -> None:
    states = clients(A, "stepfunctions")
    wait = definition({"Type": "Wait", "Seconds": 5})
    arn = make_machine(definition({"Type": "Pass"}))
    role = states.describe_state_machine(stateMachineArn=arn)["roleArn"]
    asked = {"name": "never", "roleArn": role}
    create = states.create_state_machine
    assert error_code(create, **asked, definition=wait) == "InvalidDefinition"
    express = {"definition": definition({"Type": "Pass"}), "type": "EXPRESS"}
    assert error_code(create, **asked, **express) == "StateMachineTypeNotSupported"
    update = states.update_state_machine
    assert error_code(update, stateMachineArn=arn, definition=wait) == "InvalidDefinition"
    assert states.validate_state_machine_definition(definition=wait)["result"] == "FAIL"
    good = definition({"Type": "Pass"})
    assert states.validate_state_machine_definition(definition=good)["result"] == "OK"


def test_only_who_may_pass_the_role_gives_it_to_a_machine(
    clients: Clients, unique: Callable[[str], str], make_role: Callable[..., str]
) -> None:
    role = make_role(A, trust_service("states.amazonaws.com"), allow("iam:*"))
    trusting = trust({"AWS": f"arn:aws:iam::{A}:root"})
    passing = {"StringEquals": {"iam:PassedToService": "states.amazonaws.com"}}
    grants = {
        True: (allow("states:*"), allow("iam:PassRole", role, Condition=passing)),
        False: (allow("states:*"),),
    }
    for able, statements in grants.items():
        session = clients.assume(A, make_role(A, trusting, *statements))
        create = clients(session, "stepfunctions").create_state_machine
        asked = {"definition": definition({"Type": "Pass"}), "roleArn": role}
        if able:
            create(name=unique("machine"), **asked)
        else:
            code = error_code(create, name=unique("machine"), **asked)
            assert code == "AccessDeniedException"


def test_what_starts_wrong_is_refused(clients: Clients, make_machine: Callable[..., str]) -> None:
    states = clients(A, "stepfunctions")
    arn = make_machine(definition({"Type": "Pass"}))
    start = states.start_execution
    assert error_code(start, stateMachineArn=f"{arn}x") == "StateMachineDoesNotExist"
    assert error_code(start, stateMachineArn=arn, input="{") == "InvalidExecutionInput"
    start(stateMachineArn=arn, name="once")
    assert error_code(start, stateMachineArn=arn, name="once") == "ExecutionAlreadyExists"
    versions = states.publish_state_machine_version
    assert error_code(versions, stateMachineArn=arn) == "UnknownOperationException"
    assert states.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"] == []
