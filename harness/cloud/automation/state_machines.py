"""Step Functions: machines that are run when their execution starts; moto keeps them.

An execution has ended when StartExecution answers. Every task is a request of the machine's role,
decided by the gateway.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from moto.core.exceptions import AWSError
from moto.stepfunctions.models import stepfunctions_backends

from harness.cloud.automation.asl import Outcome, machine
from harness.cloud.automation.asl_values import DefinitionError
from harness.cloud.automation.sdk_tasks import Tasks, accept
from harness.cloud.call import Answer, ApiError, Call, ServiceRole

_DETAILS: Final[Mapping[str, str]] = {
    "StateEntered": "stateEnteredEventDetails",
    "StateExited": "stateExitedEventDetails",
    "TaskFailed": "taskFailedEventDetails",
    "TaskSucceeded": "taskSucceededEventDetails",
    "ExecutionStarted": "executionStartedEventDetails",
    "ExecutionSucceeded": "executionSucceededEventDetails",
    "ExecutionFailed": "executionFailedEventDetails",
}


class StateMachines:
    """Plays what moto does not: checks of definitions, executions and their history."""

    def __init__(self, service_role: ServiceRole, now: Callable[[], datetime]) -> None:
        self._service_role = service_role
        self._now = now
        self._histories: dict[str, list[dict[str, Any]]] = {}
        self._operations: Mapping[str, Callable[[Call], Mapping[str, Any]]] = {
            "StartExecution": self._start,
            "GetExecutionHistory": self._history,
            "ListStateMachineVersions": _versions,
            "ValidateStateMachineDefinition": _validate,
        }

    def check(self, call: Call) -> None:
        """Raise `ApiError` (InvalidDefinition, StateMachineTypeNotSupported) for a machine that
        would not run here."""
        if call.service != "stepfunctions":
            return
        if call.operation in ("CreateStateMachine", "UpdateStateMachine"):
            if call.params.get("type", "STANDARD") != "STANDARD":
                raise ApiError(
                    "StateMachineTypeNotSupported", "The embedded cloud plays STANDARD machines."
                )
            if (text := call.params.get("definition")) is not None:
                _read(str(text))

    def handles(self, service: str, operation: str) -> bool:
        """Whether this plays the operation."""
        return service == "stepfunctions" and operation in self._operations

    def answer(self, call: Call) -> Answer:
        """The operation's answer. Raises `ApiError` as the service does."""
        try:
            return Answer(self._operations[call.operation](call))
        except AWSError as error:
            raise ApiError(str(error.error_type), str(error.message)) from None

    def _start(self, call: Call) -> Mapping[str, Any]:
        arn, text = str(call.params["stateMachineArn"]), str(call.params.get("input") or "{}")
        _, _, _, region, account, _ = arn.split(":", 5)
        backend = stepfunctions_backends[account][region]
        execution = backend.start_execution(arn, str(call.params.get("name") or ""), text)
        stored = backend.describe_state_machine(arn)
        context = {
            "Execution": {
                "Id": execution.execution_arn,
                "Input": json.loads(text),
                "Name": execution.name,
                "RoleArn": stored.roleArn,
            },
            "StateMachine": {"Id": arn, "Name": stored.name},
        }
        tasks = Tasks(self._service_role, arn, stored.roleArn)
        outcome = _read(stored.definition).run(json.loads(text), context, tasks.perform)
        execution.status = "SUCCEEDED" if outcome.succeeded else "FAILED"
        execution.stop_date = self._now().astimezone(UTC).replace(tzinfo=None)
        if outcome.succeeded:
            execution.output = json.dumps(outcome.output)
        else:
            execution.error, execution.cause = outcome.error, outcome.cause
        started = {"input": text, "roleArn": stored.roleArn}
        self._histories[execution.execution_arn] = self._told(outcome, started)
        return {"executionArn": execution.execution_arn, "startDate": execution.start_date}

    def _told(self, outcome: Outcome, started: Mapping[str, Any]) -> list[dict[str, Any]]:
        now = self._now()
        end: tuple[str, Mapping[str, Any]] = (
            ("ExecutionSucceeded", {"output": json.dumps(outcome.output)})
            if outcome.succeeded
            else ("ExecutionFailed", {"error": outcome.error, "cause": outcome.cause})
        )
        events = [("ExecutionStarted", started), *outcome.events, end]
        return [
            {
                "timestamp": now,
                "type": kind,
                "id": number,
                "previousEventId": number - 1,
                _member(kind): dict(details),
            }
            for number, (kind, details) in enumerate(events, 1)
        ]

    def _history(self, call: Call) -> Mapping[str, Any]:
        arn = str(call.params["executionArn"])
        events = self._histories.get(arn)
        if events is None:
            raise ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return _page(call, "events", events[::-1] if call.params.get("reverseOrder") else events)


def _read(text: str) -> Any:
    try:
        return machine(text, accept)
    except DefinitionError as error:
        raise ApiError("InvalidDefinition", f"Invalid State Machine Definition: {error}") from None


def _versions(call: Call) -> Mapping[str, Any]:
    """ListStateMachineVersions, newest first."""
    arn = str(call.params["stateMachineArn"])
    _, _, _, region, account, _ = arn.split(":", 5)
    stored: Any = stepfunctions_backends[account][region].describe_state_machine(arn)
    versions = [
        {"stateMachineVersionArn": each.arn, "creationDate": each.creation_date}
        for _, each in sorted(stored.versions.items(), reverse=True)
    ]
    return _page(call, "stateMachineVersions", versions)


def _page(call: Call, member: str, items: list[Any]) -> dict[str, Any]:
    try:
        start = int(call.params.get("nextToken") or 0)
    except ValueError:
        raise ApiError("InvalidToken", "Invalid Token") from None
    end = start + (int(call.params.get("maxResults") or 0) or 100)
    answer: dict[str, Any] = {member: items[start:end]}
    if end < len(items):
        answer["nextToken"] = str(end)
    return answer


def _validate(call: Call) -> Mapping[str, Any]:
    try:
        machine(str(call.params["definition"]), accept)
    except DefinitionError as error:
        told = {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": str(error)}
        return {"result": "FAIL", "diagnostics": [told], "truncated": False}
    return {"result": "OK", "diagnostics": [], "truncated": False}


def _member(kind: str) -> str:
    return _DETAILS[kind] if kind in _DETAILS else _DETAILS[f"State{kind.rpartition('State')[2]}"]
