"""Fixtures of a Bedrock whose log deliveries go to a fake service role."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.bedrock import FakeServiceRole, Player

from harness.cloud.bedrock import Bedrock


@pytest.fixture
def role() -> FakeServiceRole:
    return FakeServiceRole()


@pytest.fixture
def clock() -> Callable[[], datetime]:
    moments = iter(range(1_000_000))
    start = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    return lambda: start + timedelta(seconds=next(moments))


@pytest.fixture
def bedrock(role: FakeServiceRole, clock: Callable[[], datetime]) -> Bedrock:
    return Bedrock(role, clock=clock)


@pytest.fixture
def play(bedrock: Bedrock, role: FakeServiceRole) -> Player:
    return Player(bedrock, role)


@pytest.fixture
def ask() -> Callable[..., dict[str, Any]]:
    """Parameters of a Converse call with one user message."""

    def build(text: str = "How high is the wall?", **more: Any) -> dict[str, Any]:
        return {
            "modelId": "amazon.nova-lite-v1:0",
            "messages": [{"role": "user", "content": [{"text": text}]}],
            **more,
        }

    return build
