"""What the parts of this package share: playing named operations, finding groups, the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from moto.logs.models import logs_backends

from harness.cloud.call import Answer, ApiError, Call
from harness.cloud.catalogue.arns import log_group_of
from harness.cloud.ingestion import LogGroupRef, group_ref

Members = Mapping[str, Any]
_NOTHING: Members = {}


class Played:
    """A native service that plays some operations of CloudWatch Logs."""

    def __init__(self, operations: Mapping[str, Callable[[Call], Members | None]]) -> None:
        self._operations = operations

    def handles(self, service: str, operation: str) -> bool:
        """Whether this part plays the operation."""
        return service == "logs" and operation in self._operations

    def answer(self, call: Call) -> Answer:
        """The operation's answer. Raises `ApiError` as the service does."""
        return Answer(self._operations[call.operation](call) or _NOTHING)


def invalid(message: str) -> ApiError:
    """InvalidParameterException, which the service raises for nearly everything."""
    return ApiError("InvalidParameterException", message)


def not_found(what: str) -> ApiError:
    """ResourceNotFoundException: `The specified … does not exist.`"""
    return ApiError("ResourceNotFoundException", f"The specified {what} does not exist.")


def refuse_members(call: Call, *members: str) -> None:
    """Raise `ApiError` for a member that would change what happens and is not played."""
    for member in members:
        if call.params.get(member):
            raise invalid(f"The embedded cloud does not provide {member}.")


def named_group(call: Call) -> LogGroupRef:
    """The group that a call names, by `logGroupName` or by `logGroupIdentifier` (name or ARN).

    Raises `ApiError` where there is no such group.
    """
    name = str(call.params.get("logGroupIdentifier") or call.params.get("logGroupName") or "")
    return existing(identified(call, name))


def identified(call: Call, identifier: str) -> LogGroupRef:
    """A group by its name or ARN, whether or not it exists."""
    if not identifier.startswith("arn:"):
        return group_ref(call.account, call.region, identifier)
    found = log_group_of(identifier, call.region)
    if found is None:
        raise invalid("The log group identifier is not valid.")
    account, name = found
    return group_ref(account, call.region, name)


def existing(group: LogGroupRef) -> LogGroupRef:
    """The same reference. Raises `ApiError` (ResourceNotFoundException) for an unknown group."""
    stored_group(group)
    return group


def stored_group(group: LogGroupRef) -> Any:
    """The group as moto keeps it. Raises `ApiError` (ResourceNotFoundException)."""
    found = logs_backends[group.account][group.region].groups.get(group.name)
    if found is None:
        raise not_found("log group")
    return found


def now_ms() -> int:
    """The time in milliseconds, as CloudWatch Logs counts it."""
    return int(time.time() * 1000)


def page(
    items: list[Any], params: Mapping[str, Any], member: str, size: int = 50
) -> dict[str, Any]:
    """One page of a listing, with the token of the next. Raises `ApiError` for a bad token."""
    token = params.get("nextToken")
    try:
        start = int(token) if token else 0
    except ValueError:
        raise invalid("The specified nextToken is invalid.") from None
    end = start + min(int(params.get("limit") or size), size)
    answer: dict[str, Any] = {member: items[start:end]}
    if end < len(items):
        answer["nextToken"] = str(end)
    return answer
