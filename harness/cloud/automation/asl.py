"""The Amazon States Language: Task, Pass, Choice, Succeed and Fail, with retries and catchers.

A machine that has anything else is refused when it is saved, with the reason. Retries do not wait.
https://states-language.net/spec.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harness.cloud.automation import asl_choices
from harness.cloud.automation.asl_values import (
    DefinitionError,
    Reader,
    Scope,
    StatesError,
    path,
    template,
)

Perform = Callable[[str, Mapping[str, Any]], Any]
"""Does a task: its resource and parameters to its result. Raises `StatesError`."""
Accept = Callable[[str], None]
"""Raises `DefinitionError` for a task's resource that cannot be done."""
_MOST_STEPS: Final = 1000
_DEFAULT_ATTEMPTS: Final = 3
_COMMON: Final = frozenset({"Type", "Comment", "InputPath", "OutputPath"})
_GOES_ON: Final = frozenset({"Next", "End"})
_RESULT: Final = frozenset({"Parameters", "ResultPath"})
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "Task": _COMMON
    | _GOES_ON
    | _RESULT
    | {"Resource", "ResultSelector", "Retry", "Catch", "TimeoutSeconds"},
    "Pass": _COMMON | _GOES_ON | _RESULT | {"Result"},
    "Choice": _COMMON | {"Choices", "Default"},
    "Succeed": _COMMON,
    "Fail": frozenset({"Type", "Comment", "Error", "Cause"}),
}
_RETRY: Final = frozenset(
    {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds"}
)
_CATCH: Final = frozenset({"ErrorEquals", "Next", "ResultPath"})
_TOP: Final = frozenset(
    {"Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version"}
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an execution ended, and what happened in it."""

    output: Any = None
    error: str = ""
    cause: str = ""
    events: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Type and details, as GetExecutionHistory tells them."""

    @property
    def succeeded(self) -> bool:
        return not self.error


@dataclass(frozen=True, slots=True)
class _State:
    kind: str
    read: Reader
    """From the raw input to the effective one, after InputPath."""
    out: Reader
    next: str
    resource: str = ""
    parameters: Reader | None = None
    selector: Reader | None = None
    result_path: str | None = "$"
    choices: tuple[tuple[asl_choices.Test, str], ...] = ()
    retries: tuple[tuple[frozenset[str], int], ...] = ()
    catchers: tuple[tuple[frozenset[str], str, str | None], ...] = ()
    error: str = ""
    cause: str = ""


@dataclass(slots=True)
class Machine:
    """A definition that can be run."""

    start: str
    states: Mapping[str, _State] = field(repr=False)

    def run(self, data: Any, context: Mapping[str, Any], perform: Perform) -> Outcome:
        """Run to the end. Never raises for what goes wrong in a state."""
        events: list[tuple[str, Mapping[str, Any]]] = []
        name = self.start
        for _ in range(_MOST_STEPS):
            state = self.states[name]
            events.append((f"{state.kind}StateEntered", {"name": name, "input": json.dumps(data)}))
            inside = {**context, "State": {"Name": name}}
            try:
                if state.kind == "Fail":
                    raise StatesError(state.error or "States.Failed", state.cause)
                data, following = _step(state, data, inside, perform, events)
            except StatesError as failed:
                return Outcome(error=failed.name, cause=failed.cause, events=tuple(events))
            events.append((f"{state.kind}StateExited", {"name": name, "output": json.dumps(data)}))
            if not following:
                return Outcome(output=data, events=tuple(events))
            name = following
        cause = f"The execution takes more than {_MOST_STEPS} steps."
        return Outcome(error="States.Runtime", cause=cause, events=tuple(events))


def machine(text: str, accept: Accept) -> Machine:
    """Read a definition. Raises `DefinitionError` where the machine could not be run here."""
    try:
        found = json.loads(text)
    except ValueError:
        raise DefinitionError("the definition is not JSON") from None
    _known(found, _TOP, "the definition")
    if found.get("QueryLanguage", "JSONPath") != "JSONPath":
        raise DefinitionError("the embedded cloud does not play JSONata")
    states = found.get("States")
    if not isinstance(states, Mapping) or not states or found.get("StartAt") not in states:
        raise DefinitionError("StartAt must name one of States")
    made = {name: _state(name, described, accept) for name, described in states.items()}
    for name, state in made.items():
        targets = [state.next, *(n for _, n in state.choices), *(n for _, n, _ in state.catchers)]
        for target in targets:
            if target and target not in made:
                raise DefinitionError(f"{name}: there is no state {target}")
    return Machine(str(found["StartAt"]), made)


def _state(name: str, described: Any, accept: Accept) -> _State:
    kind = str(described.get("Type")) if isinstance(described, Mapping) else "none"
    if kind not in _FIELDS:
        raise DefinitionError(f"{name}: the embedded cloud does not play states of type {kind}")
    _known(described, _FIELDS[kind], name)
    if kind in ("Task", "Pass") and ("Next" in described) == (described.get("End") is True):
        raise DefinitionError(f"{name}: needs either Next or End")
    result_path = described.get("ResultPath", "$")
    if result_path is not None:
        _place(result_path)
    resource = str(described.get("Resource") or "")
    if kind == "Task":
        accept(resource)
    parameters = described.get("Parameters")
    if kind == "Pass" and "Result" in described:
        constant = described["Result"]
        result: Reader | None = lambda _: constant  # noqa: E731
    else:
        result = None if parameters is None else template(parameters)
    for member, fields in (("Retry", _RETRY), ("Catch", _CATCH)):
        for each in described.get(member) or ():
            _known(each, fields, f"{name}.{member}")
    choices = described.get("Choices") or ()
    if kind == "Choice" and not choices:
        raise DefinitionError(f"{name}: needs Choices")
    return _State(
        kind=kind,
        read=_optional(described.get("InputPath", "$")),
        out=_optional(described.get("OutputPath", "$")),
        next=str(described.get("Next") or described.get("Default") or ""),
        resource=resource,
        parameters=result,
        selector=template(described["ResultSelector"]) if "ResultSelector" in described else None,
        result_path=result_path,
        choices=tuple((asl_choices.rule(each), str(each.get("Next") or "")) for each in choices),
        retries=tuple(
            (frozenset(each["ErrorEquals"]), int(each.get("MaxAttempts", _DEFAULT_ATTEMPTS)))
            for each in described.get("Retry") or ()
        ),
        catchers=tuple(
            (frozenset(each["ErrorEquals"]), str(each["Next"]), each.get("ResultPath", "$"))
            for each in described.get("Catch") or ()
        ),
        error=str(described.get("Error") or ""),
        cause=str(described.get("Cause") or ""),
    )


def _known(described: Any, fields: frozenset[str], where: str) -> None:
    if not isinstance(described, Mapping):
        raise DefinitionError(f"{where} must be an object")
    unknown = sorted(set(described) - fields)
    if unknown:
        raise DefinitionError(f"{where}: the embedded cloud does not play {', '.join(unknown)}")


def _optional(text: Any) -> Reader:
    """InputPath and OutputPath, where null stands for an empty object."""
    if text is None:
        return lambda _: {}
    return (lambda scope: scope.data) if text == "$" else path(text)


def _place(text: Any) -> list[str]:
    """The fields of a ResultPath."""
    if text == "$":
        return []
    path(text)
    if "[" in text or text.startswith("$$"):
        raise DefinitionError(f"the embedded cloud does not put results at {text}")
    return list(text.split(".")[1:])


def _put(data: Any, text: str | None, result: Any) -> Any:
    """The input with a result at a ResultPath; null leaves the input alone."""
    if text is None:
        return data
    fields = _place(text)
    if not fields:
        return result
    made = dict(data) if isinstance(data, Mapping) else {}
    inside = made
    for name in fields[:-1]:
        inside[name] = dict(inside.get(name) or {})
        inside = inside[name]
    inside[fields[-1]] = result
    return made


def _step(
    state: _State,
    data: Any,
    context: Mapping[str, Any],
    perform: Perform,
    events: list[tuple[str, Mapping[str, Any]]],
) -> tuple[Any, str]:
    effective = Scope(state.read(Scope(data, context)), context)
    if state.kind == "Choice":
        following = next((name for test, name in state.choices if test(effective)), state.next)
        if not following:
            raise StatesError(
                "States.NoChoiceMatched", "No choice matched and there is no default."
            )
        return state.out(effective), following
    if state.kind == "Succeed":
        return state.out(effective), ""
    result = effective.data if state.parameters is None else state.parameters(effective)
    if state.kind == "Task":
        try:
            result = _attempted(state, result, perform, events)
        except StatesError as failed:
            for errors, name, where in state.catchers:
                if _covers(errors, failed):
                    told = {"Error": failed.name, "Cause": failed.cause}
                    return _put(effective.data, where, told), name
            raise
        if state.selector is not None:
            result = state.selector(Scope(result, context))
    return state.out(Scope(_put(effective.data, state.result_path, result), context)), state.next


def _attempted(
    state: _State,
    parameters: Any,
    perform: Perform,
    events: list[tuple[str, Mapping[str, Any]]],
) -> Any:
    used = [0] * len(state.retries)
    while True:
        try:
            result = perform(state.resource, parameters)
        except StatesError as failed:
            details = {"resource": state.resource, "error": failed.name, "cause": failed.cause}
            events.append(("TaskFailed", details))
            index = next(
                (i for i, (errors, _) in enumerate(state.retries) if _covers(errors, failed)), None
            )
            if index is None or used[index] >= state.retries[index][1]:
                raise
            used[index] += 1
        else:
            events.append(("TaskSucceeded", {"resource": state.resource}))
            return result


def _covers(errors: frozenset[str], failed: StatesError) -> bool:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html"""
    if failed.name in errors or "States.ALL" in errors:
        return failed.name != "States.Runtime" or failed.name in errors
    return "States.TaskFailed" in errors and failed.name != "States.Timeout"
