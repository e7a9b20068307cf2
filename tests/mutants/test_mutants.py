"""Broken on purpose: the suite must fail on every weakening, and on nothing else.

Each is tried in a fork of the deployed cloud. A weakened fork sees only the tests that must notice,
since a suite fails if any of its tests does; a fork with all the known gaps, which nothing is to
notice, sees the whole suite and so shows that forks as such pass it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import pytest

from harness.deploy.apply import DEPLOYMENT_FILE
from harness.deploy.deployment import Deployment
from harness.mutants import MUTANTS
from harness.mutants.attempt import Attempt
from harness.mutants.pool import Worker, in_groups, named, workers

GROUPS = {named(group): group for group in in_groups(MUTANTS)}


class Ahead:
    """Tries mutants for this process, and meanwhile those that it will ask for next: most of its
    time an attempt waits."""

    def __init__(self, worker: Worker, wanted: Sequence[str], count: int) -> None:
        """`wanted` are the groups that are asked for, in that order; `count` is how many of them
        may be tried at once."""
        self._worker, self._wanted, self._count = worker, list(wanted), count
        self._begun: set[str] = set()
        self._ended: dict[str, Attempt] = {}

    def attempt(self, name: str) -> Attempt:
        place = self._wanted.index(name)
        new = [n for n in self._wanted[place : place + self._count] if n not in self._begun]
        self._begun.update(new)
        self._worker.begin([GROUPS[each] for each in new])
        while name not in self._ended:
            attempt = self._worker.ended()
            self._ended[attempt.mutant] = attempt
        return self._ended[name]


@pytest.fixture(scope="module")
def ahead(deployment: Deployment, request: pytest.FixtureRequest) -> Iterator[Ahead]:
    """Tries mutants from the deployment that all processes share."""
    wanted = [
        item.callspec.params["name"]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.originalname == test_the_suite_notices_but_for_known_gaps.__name__
        and item.path == request.path
    ]
    saved = deployment.place.credentials.with_name(DEPLOYMENT_FILE)
    # The other processes work meanwhile.
    count = max(1, workers() // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    with Worker(saved, count) as worker:
        yield Ahead(worker, wanted, count)


@pytest.mark.parametrize("name", GROUPS)
def test_the_suite_notices_but_for_known_gaps(ahead: Ahead, name: str) -> None:
    seen = ahead.attempt(name)
    assert not seen.error
    for mutant in GROUPS[name]:
        assert seen.as_expected(mutant), f"{mutant.id}: {mutant.title}\n{seen}\n{seen.output}"
