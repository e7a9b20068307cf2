"""One weakening tried: a fork of the cloud, the mistake made in it, and the suite run against it.

The tests run in this process, so it must be one that nothing else needs: see `worker`.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.deploy.deployment import Deployment
from harness.deploy.reapply import reapply
from harness.deploy.workspace import project_root
from harness.errors import UserError
from harness.mutants.edits import ClientEdits, TerraformEdits, edited_copy
from harness.mutants.enough import EndWhenNoticed
from harness.mutants.model import SECURITY, Mutant
from harness.mutants.selection import files
from harness.mutants.site import Site
from harness.probes.stage import Stage
from harness.targets.embedded import EmbeddedTarget

CLIENT_PACKAGE = "client"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one mutant."""

    mutant: str
    seconds: float
    code: int = -1
    """pytest's exit code; -1 where the suite did not run."""
    complete: bool = False
    """Whether every test ran to its end, or until all was noticed that must be."""
    noticed: tuple[str, ...] = ()
    """What broke or failed: kinds of probes, and tests of the client."""
    missing: tuple[str, ...] = ()
    """What must have noticed it, and did not."""
    error: str = ""
    """Why the mistake could not be made; nothing is known of the suite then."""
    output: str = ""
    """What pytest said, for people."""

    @property
    def caught(self) -> bool:
        """Whether the suite failed, and for the right reason."""
        return self.code == pytest.ExitCode.TESTS_FAILED and self.complete and not self.missing

    @property
    def passed(self) -> bool:
        """Whether the suite noticed nothing."""
        return self.code == pytest.ExitCode.OK and self.complete

    def as_expected(self, mutant: Mutant) -> bool:
        """A mutant must be caught; one that is a known gap must not."""
        if self.error:
            return False
        return self.passed if mutant.gap else self.caught

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Attempt:
        said: dict[str, Any] = json.loads(text)
        return cls(**{**said, "noticed": tuple(said["noticed"]), "missing": tuple(said["missing"])})


@dataclass(frozen=True, slots=True)
class Grounds:
    """Where mutants are tried: a deployment, and the same with the guardrails off.

    A guardrail in front of a weakened wall would hide that nobody notices the wall itself. They are
    taken off once, and not in every fork.
    """

    guarded: Deployment
    bare: Deployment
    run_dir: Path
    """The folder that the deployment was applied from."""


def attempt(mutants: Sequence[Mutant], grounds: Grounds) -> Attempt:
    """Makes the mistakes in a fork of a cloud and runs the tests that must notice.

    More than one mutant only where none is to be noticed and all are of one ground; no mutant at
    all is the twin, which must pass. Whatever goes wrong is told in the answer.
    """
    started = time.monotonic()
    name = "+".join(mutant.id for mutant in mutants)
    deployment = grounds.guarded if mutants and mutants[0].guarded else grounds.bare
    run_dir = grounds.run_dir
    with (
        tempfile.TemporaryDirectory(prefix="bulkhead-mutant-") as scratch,
        deployment.cloud().fork() as cloud,
    ):
        target = EmbeddedTarget(cloud)
        forked = deployment.on(target)
        folder = Path(scratch)
        try:
            for mutant in mutants:
                weaken(mutant, forked, run_dir, folder / mutant.id)
        except Exception as error:
            said = (
                str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            )
            return Attempt(name, time.monotonic() - started, error=said)
        only = mutants[0] if len(mutants) == 1 and not mutants[0].gap else None
        seen = run_suite(forked, folder, only)
    results = seen.data.get("results", ())
    tests = seen.data.get("tests", ())
    return Attempt(
        mutant=name,
        seconds=time.monotonic() - started,
        code=seen.code,
        complete=seen.enough or bool(seen.data.get("complete")),
        noticed=_noticed(results, tests),
        missing=tuple(map(str, only.unnoticed(results, tests))) if only else (),
        output=seen.output,
    )


def weaken(mutant: Mutant, forked: Deployment, run_dir: Path, work: Path) -> None:
    """Makes the mistake in the forked deployment, or in what this process imports from now on.

    Raises `UserError` where it changes nothing, and whatever the fork's services raise.
    """
    site = Site(Stage.of(forked, forked.target()))
    how = mutant.how
    if isinstance(how, TerraformEdits):
        environment = forked.environment.path.resolve().relative_to(project_root().resolve())
        tree = edited_copy(project_root(), ("modules", environment), how.edits, work / "tree")
        account = site.victims_home.account if how.root in ("bootstrap", "customer") else ""
        if refresh := how.before is not None:
            how.before(site)
        reapply(forked, run_dir, tree, work / "state", how.root, account, refresh=refresh)
    elif isinstance(how, ClientEdits):
        tree = edited_copy(project_root(), (CLIENT_PACKAGE,), how.edits, work / "tree")
        if any(name.split(".")[0] == "bulkhead" for name in sys.modules):
            raise UserError("the client is imported already; it cannot be replaced any more")
        sys.path.insert(0, str(tree / CLIENT_PACKAGE))
    else:
        how(site)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run of the suite showed."""

    code: int
    data: Mapping[str, Any]
    output: str
    enough: bool
    """Whether it ended before its end, since all was noticed that must be."""


def run_suite(forked: Deployment, folder: Path, mutant: Mutant | None) -> Seen:
    """Runs the tests that a mutant names until they noticed it, or the whole security suite, in
    this process."""
    region = Site(Stage.of(forked, forked.target())).victims_home.region
    saved, results, log = (folder / n for n in ("deployment.json", "results.json", "pytest.log"))
    forked.save(saved)
    # Where weakenings are, no guardrails are.
    expression = mutant.tests.format(region=region) if mutant else "not test_guardrails"
    within = project_root() / (mutant.folder if mutant else SECURITY)
    arguments = [
        *(map(str, files(within, expression) if mutant else (within,))),
        *("--quiet", "--tb=line", "-p", "no:cacheprovider"),
        # At the end these collect garbage again and again, a tenth of what an attempt computes.
        *("-p", "no:unraisableexception", "-p", "no:threadexception"),
        *("--deployment", str(saved), "--results", str(results)),
        # Else each looks through what others left in the folder that all share, and removes it.
        f"--basetemp={folder / 'tmp'}",
        *("-k", expression),
    ]
    ender = EndWhenNoticed(mutant) if mutant else None
    with output_to(log), contextlib.chdir(project_root()):
        code = pytest.main(arguments, plugins=[ender] if ender else None)
    data = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {}
    said = log.read_text(encoding="utf-8", errors="replace")
    return Seen(int(code), data, said, enough=ender is not None and ender.ended)


@contextlib.contextmanager
def output_to(log: Path) -> Iterator[None]:
    """Within, the standard output and error of this process and its children go to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, number in zip(kept, (1, 2), strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)


def _noticed(
    results: Sequence[Mapping[str, Any]], tests: Sequence[Mapping[str, Any]]
) -> tuple[str, ...]:
    broken = {result["probe"] for result in results if result["verdict"] == "broken"}
    speaking = {result["test"] for result in results}
    failed = {
        test["id"].rpartition("::")[2]
        for test in tests
        if test["outcome"] in ("failed", "error") and test["id"] not in speaking
    }
    return (*sorted(broken), *sorted(failed))
