"""Classes of log groups, which moto forgets: without them every plan would replace every group. And
tags of deleted groups, which it keeps: a group of the same name would have its predecessor's.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html
"""

from __future__ import annotations

from typing import Any

from moto.logs.exceptions import InvalidParameterException
from moto.logs.models import LogGroup, LogsBackend
from moto.logs.responses import LogsResponse

DEFAULT = "STANDARD"
CLASSES = (DEFAULT, "INFREQUENT_ACCESS", "DELIVERY")
_KEPT = "bulkhead_log_group_class"


def class_of(stored: Any) -> str:
    """The class of a group as moto keeps it."""
    return str(getattr(stored, _KEPT, DEFAULT))


def adapt_log_groups() -> None:
    """Make moto keep the class that a group is created with, and tell it; and forget the tags of a
    group with the group. To be called once."""
    delete: Any = LogsBackend.delete_log_group
    create: Any = LogsResponse.create_log_group
    describe: Any = LogGroup.to_describe_dict

    def create_log_group(self: Any) -> str:
        chosen = self._get_param("logGroupClass") or DEFAULT
        if chosen not in CLASSES:
            raise InvalidParameterException(
                constraint=f"Member must satisfy enum value set: [{', '.join(CLASSES)}]",
                parameter="logGroupClass",
                value=chosen,
            )
        answer: str = create(self)
        setattr(self.logs_backend.groups[self._get_param("logGroupName")], _KEPT, chosen)
        return answer

    def delete_log_group(self: Any, log_group_name: str) -> None:
        group = self.groups.get(log_group_name)
        delete(self, log_group_name)
        self.tagger.delete_all_tags_for_resource(group.arn)

    def to_describe_dict(self: Any) -> dict[str, Any]:
        return {**describe(self), "logGroupClass": class_of(self)}

    LogsBackend.delete_log_group = delete_log_group  # type: ignore[method-assign]
    LogsResponse.create_log_group = create_log_group  # type: ignore[method-assign]
    LogGroup.to_describe_dict = to_describe_dict  # type: ignore[method-assign]
