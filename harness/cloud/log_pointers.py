"""Pointers to single log events: `@ptr` of a query's rows, for GetLogRecord.

A pointer is opaque to its holder. It names its group, so that whoever brings one is decided on that
group, and the event it leads to lies in no other.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogRecord.html
"""

from __future__ import annotations

import base64
import json
from dataclasses import astuple, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Pointer:
    """One event of a group."""

    account: str
    region: str
    group: str
    event: int

    @property
    def text(self) -> str:
        """As it is handed out."""
        return base64.urlsafe_b64encode(json.dumps(astuple(self)).encode()).decode()

    @property
    def group_arn(self) -> str:
        """The ARN of its group."""
        return f"arn:aws:logs:{self.region}:{self.account}:log-group:{self.group}"


def read_pointer(text: Any) -> Pointer | None:
    """The pointer that a text is; None for text of any other form."""
    try:
        parts = json.loads(base64.b64decode(str(text or ""), altchars=b"-_", validate=True))
    except ValueError:
        return None
    if not isinstance(parts, list) or [type(part) for part in parts] != [str, str, str, int]:
        return None
    return Pointer(*parts)
