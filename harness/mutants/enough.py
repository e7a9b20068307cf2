"""Ends a run of the suite as soon as it noticed what it must: the rest would say nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from harness.mutants.model import Mutant
from harness.probes.collect import WATCH, last_line


class Enough(Exception):
    """All that a weakening must break is broken."""


class EndWhenNoticed:
    """A pytest plugin object for a run in one process.

    Watches every result as it is made, and every test as it ends. Once nothing is left that must be
    noticed, the test under way ends and no other starts; the run counts as failed.
    """

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._results: list[Mapping[str, Any]] = []
        self._tests: list[Mapping[str, Any]] = []
        self._session: pytest.Session | None = None
        self.ended = False
        """Whether it was this that ended the run."""

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self._session = session
        session.config.stash[WATCH] = self._watch

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.failed:
            return
        outcome = "failed" if report.when == "call" else "error"
        said = last_line(report)
        self._tests.append({"id": report.nodeid, "outcome": outcome, "message": said})
        if self._session is not None and self._all():
            self.ended = True
            self._session.shouldfail = "all that must be noticed is"

    def _watch(self, result: Mapping[str, Any]) -> None:
        """Raises `Enough` when nothing is left to notice but that the test fails."""
        self._results.append(result)
        if result["verdict"] == "broken" and self._all():
            raise Enough

    def _all(self) -> bool:
        return not self._mutant.unnoticed(self._results, self._tests)
