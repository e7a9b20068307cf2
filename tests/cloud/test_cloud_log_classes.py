"""The class of a log group: kept, told, refused when unknown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError
from support.cloud import A, Clients


@pytest.mark.parametrize("chosen", [None, "STANDARD", "INFREQUENT_ACCESS"])
def test_the_class_is_kept(
    clients: Clients, unique: Callable[[str], str], chosen: str | None
) -> None:
    logs, name = clients(A, "logs"), unique("group")
    logs.create_log_group(logGroupName=name, **({"logGroupClass": chosen} if chosen else {}))
    (group,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert group["logGroupClass"] == (chosen or "STANDARD")


def test_an_unknown_class_is_refused(clients: Clients, unique: Callable[[str], str]) -> None:
    logs, name = clients(A, "logs"), unique("group")
    with pytest.raises(ClientError, match="logGroupClass"):
        logs.create_log_group(logGroupName=name, logGroupClass="FREE")
    assert logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"] == []


def test_tags_go_with_their_group(clients: Clients, unique: Callable[[str], str]) -> None:
    logs, name = clients(A, "logs"), unique("group")
    logs.create_log_group(logGroupName=name, tags={"owner": "first"})
    (group,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    arn = group["logGroupArn"]
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"owner": "first"}
    logs.delete_log_group(logGroupName=name)
    logs.create_log_group(logGroupName=name)
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {}
