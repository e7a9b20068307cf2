"""What several files need that deploy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.cloud.process import CloudProcess
from harness.deploy.embedded_plan import cloud_plan
from harness.deploy.environment import Environment


@pytest.fixture(scope="module")
def started(
    environment: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CloudProcess]:
    """A cloud with the accounts of the file's `environment`, in which nothing is deployed yet."""
    file = tmp_path_factory.mktemp("cloud") / "credentials"
    with CloudProcess.start(cloud_plan(environment), credentials=file) as cloud:
        yield cloud
