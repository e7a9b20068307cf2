"""What the gateway learns from calls that succeeded: new and deleted keys, changed organizations.

Read from the wire, so that it works for any inner app; moto is asked only whether a key is active.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.cloud.call import Call, Caller
from harness.cloud.inner import InnerResponse, parsed
from harness.cloud.keyring import Credential, KeyRing
from harness.cloud.moto_estate import MotoEstate
from harness.cloud.wire import Operation

_READ_ONLY = ("Describe", "List", "Get")


class Learner:
    """Keeps the key ring and the caches in step with the inner app."""

    def __init__(self, keys: KeyRing, estate: MotoEstate) -> None:
        self._keys = keys
        self._estate = estate
        self._lessons: Mapping[str, Callable[[Call, Operation, InnerResponse], None]] = {
            "CreateAccessKey": self._key_created,
            "DeleteAccessKey": self._key_deleted,
            "CreateUser": self._user_created,
            "UpdateUser": self._user_renamed,
        }

    def learn(self, call: Call, operation: Operation, response: InnerResponse) -> None:
        """Take note of a call that succeeded."""
        if call.service == "iam":
            lesson = self._lessons.get(call.operation)
            if lesson is not None:
                lesson(call, operation, response)
        elif call.service == "organizations" and not call.operation.startswith(_READ_ONLY):
            self._estate.forget_organizations()

    def key_is_active(self, credential: Credential) -> bool:
        """Whether a user's key exists, is active, and belongs to the user it was made for."""
        caller = credential.caller
        backend = self._estate.iam(caller.account)
        user = None if backend is None else backend.users.get(caller.arn.rsplit("/", 1)[1])
        if user is None or user.id != caller.entity_id:
            return False
        return any(
            key.access_key_id == credential.access_key_id and key.status == "Active"
            for key in user.access_keys
        )

    def _key_created(self, call: Call, operation: Operation, response: InnerResponse) -> None:
        key = parsed(operation, response)["AccessKey"]
        user = self._user(call.account, key["UserName"])
        self._keys.add(
            Credential(
                key["AccessKeyId"],
                key["SecretAccessKey"],
                user_caller(call.account, user, key["AccessKeyId"]),
            )
        )

    def _key_deleted(self, call: Call, _operation: Operation, _response: InnerResponse) -> None:
        self._keys.remove(str(call.params.get("AccessKeyId", "")))

    def _user_created(self, call: Call, _operation: Operation, _response: InnerResponse) -> None:
        boundary = call.params.get("PermissionsBoundary")
        if boundary:
            self._user(
                call.account, str(call.params["UserName"])
            ).permissions_boundary_arn = boundary

    def _user_renamed(self, call: Call, _operation: Operation, _response: InnerResponse) -> None:
        name = str(call.params.get("NewUserName") or call.params["UserName"])
        user = self._user(call.account, name)
        self._keys.rename(user.id, user.arn)

    def _user(self, account: str, name: str) -> Any:
        backend = self._estate.iam(account)
        assert backend is not None
        return backend.users[name]


def user_caller(account: str, user: Any, access_key_id: str) -> Caller:
    """The caller behind a user's key; `user` is moto's."""
    return Caller(
        kind="user",
        account=account,
        arn=user.arn,
        principal_arn=user.arn,
        user_id=user.id,
        entity_id=user.id,
        access_key_id=access_key_id,
    )
