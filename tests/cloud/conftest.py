"""One embedded cloud per test process; tests keep apart by using names of their own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cloud import LONER, MANAGEMENT, OUTSIDER, A, B, Clients, document

from harness.cloud.plan import CloudPlan, OrganizationPlan
from harness.cloud.process import CloudProcess

_serial = itertools.count()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    credentials: Path = tmp_path_factory.mktemp("cloud") / "credentials"
    plan = CloudPlan(
        (A, B, OUTSIDER, MANAGEMENT, LONER),
        (OrganizationPlan(MANAGEMENT, (A, B)), OrganizationPlan(OUTSIDER)),
    )
    with CloudProcess.start(plan, credentials=credentials) as process:
        yield process


@pytest.fixture
def clients(cloud: CloudProcess) -> Clients:
    return Clients(cloud)


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Names that no other test of this process uses."""
    return lambda stem: f"{stem}-{next(_serial)}"


@pytest.fixture
def make_role(clients: Clients, unique: Callable[[str], str]) -> Callable[..., str]:
    """Make a role with a trust policy and inline statements; returns its ARN."""

    def make(account: str, trust_policy: str, *statements: dict[str, Any], **kwargs: Any) -> str:
        iam = clients(account, "iam")
        name = unique("role")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust_policy, **kwargs)
        if statements:
            iam.put_role_policy(
                RoleName=name, PolicyName="inline", PolicyDocument=document(*statements)
            )
        return str(role["Role"]["Arn"])

    return make
