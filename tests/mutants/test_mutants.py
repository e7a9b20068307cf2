"""Broken on purpose: the suite must fail on every weakening, and on nothing else.

Each is tried in a fork of the deployed cloud. A weakened fork sees only the tests that must notice,
since a suite fails if any of its tests does; a fork with all the known gaps, which nothing is to
notice, sees the whole suite and so shows that forks as such pass it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from harness.deploy.apply import DEPLOYMENT_FILE
from harness.deploy.deployment import Deployment
from harness.mutants import MUTANTS, Mutant
from harness.mutants.pool import Worker, in_groups


@pytest.fixture(scope="session")
def worker(deployment: Deployment) -> Iterator[Worker]:
    """Tries mutants for this process, from the deployment that all processes share."""
    with Worker(deployment.place.credentials.with_name(DEPLOYMENT_FILE)) as worker:
        yield worker


@pytest.mark.parametrize(
    "group", in_groups(MUTANTS), ids=lambda group: "+".join(mutant.id for mutant in group)
)
def test_the_suite_notices_but_for_known_gaps(worker: Worker, group: Sequence[Mutant]) -> None:
    seen = worker.attempt(group)
    assert not seen.error
    for mutant in group:
        assert seen.as_expected(mutant), f"{mutant.id}: {mutant.title}\n{seen}\n{seen.output}"
