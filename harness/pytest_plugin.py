"""The pytest plugin of the security suite: what is probed, by whom, and what came of it.

Options: `--deployment FILE` probes a deployment that exists; without it the embedded environment is
deployed once for all workers when a test first asks for it. `--results FILE` writes what the probes
showed as JSON (see `harness.report`), `--progress FILE` appends one JSON line per test.

A test that uses the fixture `probe` fails when one of its results did not hold, and when it has
none.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.deploy.deployment import Deployment
    from harness.deploy.environment import Environment
    from harness.deploy.places import Places
    from harness.probes.cast import Cast
    from harness.probes.result import Recorder
    from harness.probes.shared import SharedDeployment
    from harness.probes.stage import Stage
    from harness.targets.base import Target

RUN = pytest.StashKey[str]()
RECORDER = pytest.StashKey["Recorder"]()
ENVIRONMENT = pytest.StashKey["Environment"]()
SHARED = pytest.StashKey["SharedDeployment"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bulkhead")
    group.addoption(
        "--deployment",
        metavar="FILE",
        type=Path,
        help="the saved deployment to probe; by default one is made in an embedded cloud",
    )
    group.addoption(
        "--results", metavar="FILE", type=Path, help="write what the probes showed as JSON"
    )
    group.addoption(
        "--progress", metavar="FILE", type=Path, help="append one JSON line for each finished test"
    )


def pytest_configure(config: pytest.Config) -> None:
    worker = getattr(config, "workerinput", None)
    config.stash[RUN] = worker["bulkhead_run"] if worker else uuid.uuid4().hex[:8]
    if worker is None:
        from harness.errors import UserError
        from harness.probes.collect import Collector, described

        def describe() -> dict[str, Any]:
            try:
                # So far a deployment is always one in the embedded cloud.
                return described(environment_of(config), "embedded")
            except (UserError, OSError):
                return {}  # said by the test that asked for it

        collector = Collector(
            config.getoption("results"),
            config.getoption("progress"),
            describe,
        )
        config.pluginmanager.register(collector, "bulkhead-collector")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker which run it belongs to."""
    node.workerinput["bulkhead_run"] = node.config.stash[RUN]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the shared deployment when nobody needs it any more."""
    shared: SharedDeployment | None = session.config.stash.get(SHARED, None)
    if shared is not None:
        shared.close()
    if not hasattr(session.config, "workerinput"):
        from harness.probes.shared import SharedDeployment

        shared = shared or SharedDeployment(session.config.rootpath, session.config.stash[RUN])
        shared.remove()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Hand over a test's results and fail it when one of them did not hold."""
    try:
        outcome = yield
    finally:
        recorder = pyfuncitem.stash.get(RECORDER, None)
        if recorder is not None:
            from harness.probes.collect import PROPERTY

            results = [result.as_dict() for result in recorder.results]
            pyfuncitem.user_properties.append((PROPERTY, json.dumps(results)))
    if recorder is not None:
        from harness.probes.result import explain

        if not recorder.results:
            pytest.fail("the test recorded no result, so it showed nothing", pytrace=False)
        if recorder.failures:
            failed = [result.as_dict() for result in recorder.failures]
            pytest.fail(explain(failed), pytrace=False)
    return outcome


def environment_of(config: pytest.Config) -> Environment:
    """The environment that the run probes, known before anything is deployed."""
    if ENVIRONMENT not in config.stash:
        from harness.deploy.deployment import Deployment
        from harness.probes.shared import embedded_environment

        saved = config.getoption("deployment")
        config.stash[ENVIRONMENT] = (
            Deployment.load(saved).environment if saved else embedded_environment(config.rootpath)
        )
    return config.stash[ENVIRONMENT]


@pytest.fixture(scope="session")
def deployment(pytestconfig: pytest.Config) -> Deployment:
    """The deployment under test."""
    from harness.deploy.deployment import Deployment
    from harness.probes.shared import SharedDeployment

    path = pytestconfig.getoption("deployment")
    if path is None:
        shared = SharedDeployment(pytestconfig.rootpath, pytestconfig.stash[RUN])
        pytestconfig.stash[SHARED] = shared
        path = shared.path()
    return Deployment.load(path)


@pytest.fixture(scope="session")
def target(deployment: Deployment) -> Target:
    """Where the deployment runs."""
    return deployment.target()


@pytest.fixture(scope="session")
def stage(deployment: Deployment, target: Target) -> Stage:
    """The deployment as probes see it."""
    from harness.probes.stage import Stage

    return Stage.of(deployment, target)


@pytest.fixture(scope="session")
def part(request: pytest.FixtureRequest) -> str:
    """Names this process among all that probe the same deployment at the same time."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    return f"{request.config.stash[RUN]}-{worker}"


@pytest.fixture(scope="session")
def cast(stage: Stage, part: str) -> Iterator[Cast]:
    """The actors of the probes."""
    from harness.probes.cast import Cast

    cast = Cast(stage, part)
    yield cast
    cast.close()


@pytest.fixture(scope="session")
def places() -> Places:
    """Where the statements of policies stand in Terraform."""
    from harness.deploy.places import Places

    return Places.of_project()


@pytest.fixture
def probe(request: pytest.FixtureRequest, stage: Stage, places: Places) -> Iterator[Recorder]:
    """Judges the probes of the test and records what they showed."""
    from harness.probes.result import Recorder
    from harness.targets.wiretap import listening

    with listening() as heard:
        recorder = Recorder(stage.secrets, places.placed, heard)
        request.node.stash[RECORDER] = recorder
        yield recorder
