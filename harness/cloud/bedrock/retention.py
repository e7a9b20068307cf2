"""The data retention setting of an account in a Region.

https://docs.aws.amazon.com/bedrock/latest/userguide/data-retention.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from harness.cloud.bedrock.errors import invalid, unfit
from harness.cloud.bedrock.models import FoundationModel
from harness.cloud.bedrock.profiles import Place
from harness.cloud.call import Call

_ORDERED: Final = ("none", "default", "aws_review", "provider_data_share")
_MODES: Final = (*_ORDERED, "inherit")
Members = dict[str, Any]


class DataRetention:
    """The settings of all accounts and regions; unset is `inherit`. Thread-safe."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._modes: dict[Place, tuple[str, datetime]] = {}
        self.operations: Final[Mapping[str, Callable[[Call], Members]]] = {
            "PutAccountDataRetention": self._put,
            "GetAccountDataRetention": self._get,
        }

    def mode(self, place: Place) -> str:
        """What holds for requests there: the account's mode, or the models' own `default`."""
        with self._lock:
            mode, _ = self._modes.get(place, ("inherit", None))
        return "default" if mode == "inherit" else mode

    def check(self, place: Place, model: FoundationModel) -> None:
        """Raises `ApiError` for a model that needs more retention than the account allows.

        The code that AWS answers with is unverified.
        """
        mode = self.mode(place)
        if _ORDERED.index(mode) < _ORDERED.index(model.retention):
            raise invalid(f"This model is not available under data retention mode '{mode}'.")

    def _put(self, call: Call) -> Members:
        mode, now = call.params["mode"], self._clock()
        if mode not in _MODES:
            raise unfit(mode, "mode", f"Member must satisfy enum value set: {list(_MODES)}")
        with self._lock:
            self._modes[call.account, call.region] = (mode, now)
        return {"mode": mode, "updatedAt": now}

    def _get(self, call: Call) -> Members:
        with self._lock:
            found = self._modes.get((call.account, call.region))
        return {"mode": "inherit"} if found is None else {"mode": found[0], "updatedAt": found[1]}
