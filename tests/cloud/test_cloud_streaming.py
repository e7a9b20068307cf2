"""Events of a stream reach the client as they are made, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from harness.cloud.bedrock.converse import Event, Reply
from harness.cloud.cloud import Cloud
from harness.cloud.plan import CloudPlan
from harness.cloud.server import CloudServer

ACCOUNT = "555555555555"
PATIENCE = 20.0
ASK: dict[str, Any] = {
    "modelId": "amazon.nova-lite-v1:0",
    "messages": [{"role": "user", "content": [{"text": "How high is the wall?"}]}],
}


@pytest.fixture(scope="module")
def server() -> Iterator[CloudServer]:
    """A cloud in this process, so that its model can be made to wait."""
    running = CloudServer(Cloud(CloudPlan((ACCOUNT,)))).start()
    yield running
    running.stop()


@pytest.fixture
def runtime(server: CloudServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    server._cloud.write_credentials(tmp_path / "credentials")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return boto3.Session(profile_name=ACCOUNT).client(
        "bedrock-runtime",
        region_name="eu-central-1",
        endpoint_url=server.endpoint,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE),
    )


def test_an_event_is_there_before_the_next_is_made(
    runtime: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Reply.events
    read, made = threading.Event(), []

    def waiting(self: Reply) -> Iterator[Event]:
        for number, event in enumerate(whole(self)):
            # The second event is made only once the client has read the first.
            if number == 1 and not read.wait(PATIENCE):
                raise AssertionError("the first event did not arrive")
            made.append(event[0])
            yield event

    monkeypatch.setattr(Reply, "events", waiting)
    stream = iter(runtime.converse_stream(**ASK)["stream"])
    assert "messageStart" in next(stream)
    assert made == ["messageStart"]
    read.set()
    assert [next(iter(event)) for event in stream] == made[1:]
    assert made[-1] == "metadata"
