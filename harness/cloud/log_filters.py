"""Filter patterns of CloudWatch Logs, of which moto reads a part and takes the rest for a match.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import moto.logs.models
from moto.logs.exceptions import InvalidParameterException

from harness.cloud.observability.patterns import PatternError, parse


class _Pattern:
    """What moto asks of a pattern."""

    def __init__(self, text: str | None) -> None:
        try:
            self._pattern = parse(text or "")
        except PatternError:
            raise InvalidParameterException(
                constraint="Invalid filter pattern", parameter="filterPattern", value=""
            ) from None

    def matches(self, message: str) -> bool:
        return self._pattern.matches(message)


def adapt_filters() -> None:
    """Let moto match events by the documented patterns. To be called once."""
    moto.logs.models.EventMessageFilter = _Pattern  # type: ignore[attr-defined, assignment]
