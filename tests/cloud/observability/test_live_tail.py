"""Live tail shows the groups that its caller may read, and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import A, B, Clients, allow, error_code, trust


def tailed(logs: Any, *arns: str) -> list[tuple[str, str]]:
    """The groups and messages of a session."""
    logs.meta.config.inject_host_prefix = False  # the address of this machine takes no prefix
    stream = logs.start_live_tail(logGroupIdentifiers=list(arns))["responseStream"]
    updates = [event["sessionUpdate"] for event in stream if "sessionUpdate" in event]
    return [
        (result["logGroupIdentifier"], result["message"])
        for update in updates
        for result in update["sessionResults"]
    ]


@pytest.fixture
def tailer(clients: Clients, make_role: Callable[..., str]) -> Callable[..., Any]:
    """CloudWatch Logs as a role of A that may tail some groups."""

    def make(*groups: Any) -> Any:
        may = allow("logs:StartLiveTail", [f"{each.arn}:*" for each in groups])
        return clients(clients.assume(A, make_role(A, trust({"AWS": A}), may)), "logs")

    return make


def test_a_tail_shows_the_group_that_it_names(group: Any, tailer: Any) -> None:
    spared, created_later = group(A), group(A)
    spared.put("mine")
    created_later.put("secret")
    assert tailed(tailer(spared), spared.arn) == [(spared.arn, "mine")]
    both = tailed(tailer(spared, created_later), spared.arn, created_later.arn)
    assert both == [(spared.arn, "mine"), (created_later.arn, "secret")]


def test_a_tail_of_another_group_is_refused(group: Any, tailer: Any) -> None:
    spared, secret = group(A), group(A)
    with pytest.raises(ClientError, match="logs:StartLiveTail"):
        tailed(tailer(spared), spared.arn, secret.arn)


def test_a_group_that_does_not_exist_is_not_found(group: Any) -> None:
    source = group(A)
    assert tailed(source.logs, source.arn) == []
    assert error_code(tailed, source.logs, f"{source.arn}-none") == "ResourceNotFoundException"
    assert error_code(tailed, source.logs, f"{source.arn}:*") == "InvalidParameterException"
    # Named in another account, the group there is asked for, not the caller's of that name.
    assert "AccessDenied" in error_code(tailed, source.logs, source.arn.replace(A, B))
