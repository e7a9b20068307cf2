"""The data retention setting over HTTP: per account and Region, closed by its condition key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, A, B, Clients, allow, trust

ME = {"AWS": f"arn:aws:iam::{A}:user/administrator"}
ELSEWHERE = "ap-south-1"


@pytest.fixture
def restored(clients: Clients) -> Iterator[Any]:
    bedrock = clients(A, "bedrock", ELSEWHERE)
    yield bedrock
    bedrock.put_account_data_retention(mode="inherit")


def test_a_mode_is_of_one_account_and_region(clients: Clients, restored: Any) -> None:
    assert restored.get_account_data_retention()["mode"] == "inherit"
    for mode in ("none", "default", "aws_review", "provider_data_share"):
        assert restored.put_account_data_retention(mode=mode)["mode"] == mode
        assert restored.get_account_data_retention()["mode"] == mode
    for account, region in ((B, ELSEWHERE), (A, REGION)):
        other = clients(account, "bedrock", region)
        assert other.get_account_data_retention()["mode"] == "inherit"
    with pytest.raises(ClientError) as caught:
        restored.put_account_data_retention(mode="forever")
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_a_policy_can_require_a_mode(
    clients: Clients, make_role: Callable[..., str], restored: Any
) -> None:
    deny = {
        "Effect": "Deny",
        "Action": "bedrock:PutAccountDataRetention",
        "Resource": "*",
        "Condition": {"StringNotEquals": {"bedrock:DataRetentionMode": "none"}},
    }
    role = make_role(A, trust(ME), allow("bedrock:*"), deny)
    bedrock = clients(clients.assume(A, role), "bedrock", ELSEWHERE)
    assert bedrock.put_account_data_retention(mode="none")["mode"] == "none"
    with pytest.raises(ClientError, match="explicit deny"):
        bedrock.put_account_data_retention(mode="aws_review")
    assert restored.get_account_data_retention()["mode"] == "none"


def test_a_model_that_is_reviewed_needs_the_mode(clients: Clients, restored: Any) -> None:
    runtime = clients(A, "bedrock-runtime", ELSEWHERE)
    messages = [{"role": "user", "content": [{"text": "hello"}]}]
    reviewed, other = (
        f"global.anthropic.claude-{name}" for name in ("fable-5", "sonnet-4-5-20250929-v1:0")
    )
    for mode, allowed in (
        ("inherit", False),
        ("none", False),
        ("default", False),
        ("aws_review", True),
        ("provider_data_share", True),
    ):
        restored.put_account_data_retention(mode=mode)
        assert runtime.converse(modelId=other, messages=messages)["stopReason"] == "end_turn"
        if allowed:
            answer = runtime.converse(modelId=reviewed, messages=messages)
            assert answer["stopReason"] == "end_turn"
        else:
            with pytest.raises(ClientError, match="not available under data retention mode"):
                runtime.converse(modelId=reviewed, messages=messages)
