"""Quotas of a plan throttle over HTTP, per account and model, in forks as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.cloud import REGION, A, B, Clients, error_code

from harness.cloud.plan import CloudPlan, QuotaPlan
from harness.cloud.process import CloudProcess

NOVA, OTHER = "amazon.nova-lite-v1:0", "amazon.nova-micro-v1:0"
LIMITED = (QuotaPlan(NOVA, 2), QuotaPlan(NOVA, None, 9000, account=B), QuotaPlan(OTHER, 1))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    credentials = tmp_path_factory.mktemp("quotas") / "credentials"
    plan = CloudPlan((A, B), quotas=LIMITED)
    with CloudProcess.start(plan, credentials=credentials) as process:
        yield process


@pytest.fixture
def clients(loaded: CloudProcess) -> Iterator[Clients]:
    """Clients of a fork, whose quotas nobody has used."""
    with loaded.fork() as fork:
        yield Clients(fork)


def ask(clients: Clients, account: str = A, model: str = NOVA, most: int = 10, **rest: Any) -> None:
    clients(account, "bedrock-runtime", **rest).converse(
        modelId=model,
        messages=[{"role": "user", "content": [{"text": "ping"}]}],
        inferenceConfig={"maxTokens": most},
    )


def test_requests_are_throttled_per_account_model_and_region(clients: Clients) -> None:
    ask(clients)
    ask(clients)
    assert error_code(ask, clients) == "ThrottlingException"
    ask(clients, model=OTHER)
    assert error_code(ask, clients, model=OTHER) == "ThrottlingException"
    ask(clients, account=B)
    ask(clients, region="us-east-1" if REGION != "us-east-1" else "us-west-2")


def test_an_account_may_have_a_quota_of_its_own(clients: Clients) -> None:
    for _ in range(4):  # more than the others' two
        ask(clients, account=B, most=4000)
    # What is reserved counts, not what will be used.
    assert error_code(ask, clients, account=B, most=9000) == "ThrottlingException"
    ask(clients, account=B)


def test_a_model_without_a_quota_is_never_throttled(clients: Clients) -> None:
    for _ in range(20):
        ask(clients, model="amazon.nova-pro-v1:0")
