"""Decides whether credentials may write records: only the customer's own, never the operations'.

The check happens where credentials are handed out for signing, so a request that is signed has been
checked; a second look at the signed request, before its first byte leaves, catches a client that
was given other credentials behind our back.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.credentials import Credentials, ReadOnlyCredentials

from bulkhead import _fork
from bulkhead.config import _LOG_GROUP_ARN, BulkheadConfig
from bulkhead.credentials import unlock
from bulkhead.errors import DestinationError
from bulkhead.gate import scope_of

_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Destination:
    """Where records go."""

    account_id: str
    operations_account_id: str
    region: str
    log_group_name: str
    log_group_arn: str | None = None

    @classmethod
    def of(cls, config: BulkheadConfig) -> Destination:
        """The destination a configuration names."""
        return cls(
            account_id=config.account_id,
            operations_account_id=config.operations_account_id,
            region=config.log_region,
            log_group_name=config.log_group_name,
            log_group_arn=config.log_group_arn,
        )

    @property
    def name(self) -> str:
        """What tells it apart from every other, e.g. in a spool."""
        return f"{self.account_id}:{self.region}:{self.log_group_name}"

    def check(self) -> None:
        """Raise DestinationError where the destination contradicts itself; no call is made."""
        if self.account_id == self.operations_account_id:
            raise DestinationError(
                f"records would go to the operations account {self.operations_account_id}"
            )
        if self.log_group_arn is None:
            return
        match = _LOG_GROUP_ARN.fullmatch(self.log_group_arn)
        expected = (self.account_id, self.region, self.log_group_name)
        if match is None or (match["account"], match["region"], match["name"]) != expected:
            raise DestinationError(
                f"log group {self.log_group_arn} is not {self.log_group_name} of account "
                f"{self.account_id} in {self.region}"
            )


class DestinationGuard:
    """Remembers, per access key id, whether its account may receive records.

    `identify` returns the account that STS GetCallerIdentity names for exactly the credentials it
    is given; it raises DestinationUnknownError where STS gives no answer.
    """

    def __init__(
        self, destination: Destination, identify: Callable[[ReadOnlyCredentials], str]
    ) -> None:
        destination.check()
        self.destination = destination
        self._identify = identify
        self._accounts: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()
        _fork.watch(self)

    def check(self, credentials: ReadOnlyCredentials) -> None:
        """Raise DestinationError unless the credentials are the customer's own.

        Raises DestinationUnknownError when that could not be established; asking again is sensible.
        """
        # What botocore noted about the account may be wrong, so it can refuse but never allow.
        if credentials.account_id:
            self._judge(credentials.account_id)
        key = credentials.access_key or ""
        with self._lock:
            account = self._accounts.get(key)
            if account is None:
                account = self._identify(credentials)
                self._accounts[key] = account
                while len(self._accounts) > _REMEMBERED:
                    self._accounts.popitem(last=False)
        self._judge(account)

    def check_signed(self, request: Any, **_: Any) -> None:
        """A botocore `before-send` hook: only a checked key signs, for this service and region."""
        scope = scope_of(request)
        if scope is None:
            raise DestinationError("a log request was not signed with SigV4; it was not sent")
        key, region, service = scope
        with self._lock:
            account = self._accounts.get(key)
        if account is None:
            raise DestinationError(
                "a log request was signed with unchecked credentials; it was not sent"
            )
        self._judge(account)
        if (service, region) != ("logs", self.destination.region):
            raise DestinationError(
                f"a log request was signed for {service} in {region}; it was not sent"
            )

    def reset_after_fork(self) -> None:
        """Forget everything, and the lock with it: another thread may have held it."""
        self._accounts = OrderedDict()
        self._lock = threading.Lock()

    def _judge(self, account: str) -> None:
        wanted = self.destination
        if account == wanted.operations_account_id:
            raise DestinationError(
                f"the log credentials belong to the operations account {account}; "
                "records may only go to the customer's account, so nothing was written"
            )
        if account != wanted.account_id:
            raise DestinationError(
                f"the log credentials belong to account {account}, not to the customer's account "
                f"{wanted.account_id}; nothing was written"
            )


class GuardedCredentials(Credentials):
    """Credentials that pass the guard every time they are used to sign."""

    def __init__(self, source: Credentials, guard: DestinationGuard) -> None:
        # The parent's own fields stay empty: whoever reads them signs nothing.
        super().__init__(access_key="", secret_key="", method="bulkhead-guarded")
        self._source = source
        self._guard = guard
        _fork.watch(self)

    def reset_after_fork(self) -> None:
        """Nobody refreshes the application's credentials in the child."""
        unlock(self._source)

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return the source's credentials once their account is known to be the right one."""
        frozen: ReadOnlyCredentials = self._source.get_frozen_credentials()
        self._guard.check(frozen)
        return frozen
