"""Permissions boundaries of users: moto keeps those of roles only.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPermissionsBoundary.html
"""

from __future__ import annotations

from typing import Any

from harness.cloud.call import Answer, ApiError, Call
from harness.cloud.moto_estate import MotoEstate

_OPERATIONS = ("PutUserPermissionsBoundary", "DeleteUserPermissionsBoundary")


class UserBoundaries:
    """Sets and removes boundaries of users."""

    def __init__(self, estate: MotoEstate) -> None:
        self._estate = estate

    def handles(self, service: str, operation: str) -> bool:
        """The two operations that moto lacks."""
        return service == "iam" and operation in _OPERATIONS

    def answer(self, call: Call) -> Answer:
        """Raises `ApiError` (NoSuchEntity) for an unknown user or policy."""
        backend = self._estate.iam(call.account)
        name = str(call.params.get("UserName", ""))
        user: Any = None if backend is None else backend.users.get(name)
        if user is None:
            raise ApiError("NoSuchEntity", f"The user with name {name} cannot be found.", 404)
        if call.operation == "DeleteUserPermissionsBoundary":
            user.permissions_boundary_arn = None
            return Answer()
        arn = str(call.params.get("PermissionsBoundary", ""))
        if self._estate.managed_policy(call.account, arn) is None:
            raise ApiError("NoSuchEntity", f"Policy {arn} does not exist.", 404)
        user.permissions_boundary_arn = arn
        return Answer()
