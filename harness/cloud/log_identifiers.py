"""Log groups by their ARN: moto's search for one ends at whichever group was created last.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html
"""

from __future__ import annotations

from typing import Any

from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.logs.models import LogsBackend


def adapt_identifiers() -> None:
    """Let moto find the group that is named, or none. Once is enough.

    An ARN names one group of one account and Region; one of elsewhere is not found in a backend,
    even if a group there bears the name.
    """

    def find(self: Any, log_group_id: str | None = None, log_group_name: str | None = None) -> Any:
        if log_group_name:
            found = self.groups.get(log_group_name)
        elif log_group_id:
            found = _of_arn(self, log_group_id)
        else:
            raise InvalidParameterException("Should provide either name or id, but not both")
        if found is None:
            raise ResourceNotFoundException()
        return found

    def tailed(self: Any, log_group_identifier: str) -> Any:
        if log_group_identifier.endswith("*"):
            raise InvalidParameterException("The ARN of a log group to tail cannot end with *.")
        return find(self, log_group_id=log_group_identifier)

    backend: Any = LogsBackend
    backend._find_log_group = find
    backend._find_live_tail_log_group = tailed


def _of_arn(backend: Any, identifier: str) -> Any:
    arn = identifier.removesuffix(":*")
    name = arn.partition(":log-group:")[2]
    found = backend.groups.get(name)
    return found if found is not None and found.arn == arn else None
