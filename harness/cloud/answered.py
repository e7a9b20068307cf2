"""Answers again what was done already and whose answer was lost on its way.

SDKs name each invocation (`amz-sdk-invocation-id`) and say which attempt a request is
(`amz-sdk-request: attempt=2; max=3`). A connection that drops after the call was done makes them
ask again, which a local server under load sees often enough to mind: a second CreateRole would be
told that its role exists already.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from harness.cloud.call import Call
from harness.cloud.responses import Response
from harness.cloud.trails.management import is_read_only

KEPT = 256
_ATTEMPT = re.compile(r"attempt=(\d+)")
_Key = tuple[str, str, str, str, str]


class Answered:
    """The latest answers to calls that changed something. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, tuple[Mapping[str, Any], Response]] = OrderedDict()

    def again(self, call: Call) -> Response | None:
        """The answer to an earlier attempt of this very call, by the same caller; else None."""
        attempt = _ATTEMPT.search(call.headers.get("amz-sdk-request", ""))
        key = _key(call)
        if attempt is None or int(attempt[1]) < 2 or key is None:
            return None
        with self._lock:
            params, response = self._kept.get(key, (None, None))
        return response if params == call.params else None

    def keep(self, call: Call, response: Response) -> None:
        """Remember a complete, successful answer."""
        key = _key(call)
        if key is None or response.status >= 300 or not isinstance(response.body, tuple):
            return
        with self._lock:
            self._kept[key] = (call.params, response)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)


def _key(call: Call) -> _Key | None:
    invocation = call.headers.get("amz-sdk-invocation-id", "")
    if not invocation or is_read_only(call.service, call.operation):
        return None
    return call.caller.access_key_id, call.region, call.service, call.operation, invocation
