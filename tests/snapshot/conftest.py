"""A snapshot of the deployed environment, taken once for all workers from a copy of its cloud."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from filelock import FileLock

from harness.deploy.deployment import Deployment
from harness.pytest_plugin import RUN
from harness.snapshot.files import load, save
from harness.snapshot.take import take
from harness.targets.embedded import EmbeddedTarget

KEY = bytes(range(32))


@pytest.fixture(scope="session")
def snapshot(deployment: Deployment, pytestconfig: pytest.Config) -> dict[str, Any]:
    """The snapshot; to be copied by whoever changes it."""
    folder = deployment.place.credentials.parent
    file = folder / f"snapshot-{pytestconfig.stash[RUN]}.json"
    with FileLock(f"{file}.lock"):
        if not file.exists():
            # In a copy, where the probes of other tests make nothing meanwhile.
            with deployment.cloud().fork() as cloud:
                save(take(deployment, EmbeddedTarget(cloud), KEY), file)
    return load(file)


@pytest.fixture
def forked(deployment: Deployment) -> Iterator[Deployment]:
    """The deployment in a copy of its cloud that the test may change."""
    with deployment.cloud().fork() as cloud:
        yield deployment.on(EmbeddedTarget(cloud))
