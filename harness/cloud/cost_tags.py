"""Cost allocation tags: which keys of tags a bill may be told by.

Only the account that pays has them: an organization's management account, or one that is in none.
The keys are those of the inference profiles of its accounts, known at once; billing takes up to 24
hours. Keys of other resources are not known here.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_UpdateCostAllocationTagsStatus.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Set
from datetime import UTC, datetime
from typing import Any, Final

from harness.cloud.call import Answer, ApiError, Call
from harness.estate import EstateSource

_OPERATIONS: Final = frozenset({"ListCostAllocationTags", "UpdateCostAllocationTagsStatus"})
_STATUSES: Final = ("Active", "Inactive")
_KIND: Final = "UserDefined"
_MOST: Final = 20
"""Keys in one update."""


class CostTags:
    """The tags of all accounts that pay. Thread-safe.

    `accounts` are those of the cloud, `keys` tells the keys in use in one.
    """

    def __init__(
        self,
        accounts: Set[str],
        estate: EstateSource,
        keys: Callable[[str], set[str]],
        clock: Callable[[], datetime],
    ) -> None:
        self._accounts = accounts
        self._estate = estate
        self._keys = keys
        self._clock = clock
        self._lock = threading.Lock()
        self._active: dict[tuple[str, str], datetime] = {}

    def handles(self, service: str, operation: str) -> bool:
        """Two operations of Cost Explorer."""
        return service == "ce" and operation in _OPERATIONS

    def answer(self, call: Call) -> Answer:
        """Raises `ApiError` (ValidationException) for an account that does not pay; its words on
        AWS are unverified."""
        record = self._estate.organization(call.account)
        if record is not None and record.management_account != call.account:
            raise ApiError(
                "ValidationException", "Linked account doesn't have access to cost allocation tags."
            )
        paid = {
            account
            for account in tuple(self._accounts)
            if account == call.account
            or (record is not None and self._pays(record.management_account, account))
        }
        known = {key for account in paid for key in self._keys(account)}
        if call.operation == "ListCostAllocationTags":
            return Answer({"CostAllocationTags": self._list(call, known)})
        return Answer({"Errors": self._update(call, known)})

    def _pays(self, management: str, account: str) -> bool:
        record = self._estate.organization(account)
        return record is not None and record.management_account == management

    def _list(self, call: Call, known: set[str]) -> list[dict[str, Any]]:
        wanted = call.params.get("TagKeys")
        if call.params.get("Type", _KIND) != _KIND:
            return []
        with self._lock:
            found = [
                {
                    "TagKey": key,
                    "Type": _KIND,
                    "Status": _STATUSES[(call.account, key) not in self._active],
                }
                for key in sorted(known)
                if wanted is None or key in wanted
            ]
            for each in found:
                if at := self._active.get((call.account, each["TagKey"])):
                    each["LastUpdatedDate"] = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        status = call.params.get("Status")
        return [each for each in found if status in (None, each["Status"])]

    def _update(self, call: Call, known: set[str]) -> list[dict[str, str]]:
        asked = call.params["CostAllocationTagsStatus"]
        if len(asked) > _MOST:
            raise ApiError(
                "LimitExceededException", f"At most {_MOST} tags can be updated at once."
            )
        errors = []
        with self._lock:
            for each in asked:
                key = each["TagKey"]
                if key not in known:
                    errors.append(
                        {"TagKey": key, "Code": "TagKeysNotFound", "Message": "Tag key not found."}
                    )
                elif each["Status"] == "Active":
                    self._active.setdefault((call.account, key), self._clock())
                else:
                    self._active.pop((call.account, key), None)
        return errors
