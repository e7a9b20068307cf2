"""The pytest plugin of the security suite: what is probed, by whom, and what came of it.

Options: `--deployment FILE` probes a deployment that exists; without it the embedded environment is
deployed once for all workers when a test first asks for it. With `--environment NAME` beside it the
file may come later: the first test waits for it. `--results FILE` writes what the probes
showed as JSON (see `harness.report`), `--progress FILE` appends one JSON line per test.

A test that uses the fixture `probe` fails when one of its results did not hold, and when it has
none.

A test that changes something, or would if a wall did not hold, says so with the marker `changing`.
In real accounts it runs only with `--changing`, and no test runs there, or with a LocalStack, that
needs a copy of the cloud (the fixtures `copied` and `hostile`).
"""

from __future__ import annotations

import atexit
import json
import os
import time
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.probes.listing import COPIES

if TYPE_CHECKING:
    from harness.deploy.deployment import Deployment
    from harness.deploy.environment import Environment
    from harness.deploy.places import Places
    from harness.probes.cast import Cast
    from harness.probes.result import Recorder
    from harness.probes.shared import SharedDeployment
    from harness.probes.stage import Stage
    from harness.targets.base import Target

_LOOK = 0.05
_PATIENCE = 600.0
"""Seconds to wait for a deployment that is being made."""

RUN = pytest.StashKey[str]()
RECORDER = pytest.StashKey["Recorder"]()
ENVIRONMENT = pytest.StashKey["Environment"]()
SHARED = pytest.StashKey["SharedDeployment"]()
CHANGED = pytest.StashKey[dict[str, set[str]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bulkhead")
    group.addoption(
        "--deployment",
        metavar="FILE",
        type=Path,
        help="the saved deployment to probe; by default one is made in an embedded cloud",
    )
    group.addoption(
        "--environment",
        metavar="NAME",
        help="the environment of a deployment that is still being made",
    )
    group.addoption(
        "--changing",
        action="store_true",
        help="in real accounts, also run the probes that change something",
    )
    group.addoption(
        "--changes",
        metavar="FILE",
        type=Path,
        help="append one JSON line for each test: what it did that may change something",
    )
    group.addoption(
        "--results", metavar="FILE", type=Path, help="write what the probes showed as JSON"
    )
    group.addoption(
        "--progress", metavar="FILE", type=Path, help="append one JSON line for each finished test"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "changing(what): changes something, or would if a wall did not hold"
    )
    config.stash[CHANGED] = {}
    worker = getattr(config, "workerinput", None)
    config.stash[RUN] = worker["bulkhead_run"] if worker else uuid.uuid4().hex[:8]
    if worker is not None:
        # An interpreter takes seconds to free what the suite loaded, object by object. Registered
        # first, so that it is done after whatever else is done at the end.
        atexit.register(os._exit, 0)
    if worker is None:
        from harness.errors import UserError
        from harness.probes.collect import Collector, described

        def describe() -> dict[str, Any]:
            try:
                return described(environment_of(config), target_of(config))
            except (UserError, OSError):
                return {}  # said by the test that asked for it

        collector = Collector(
            config.getoption("results"),
            config.getoption("progress"),
            describe,
            config.getoption("deployment"),
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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs a copy where there is none; in real accounts also what changes something,
    unless it was asked."""
    if not any("probe" in getattr(item, "fixturenames", ()) for item in items):
        return
    target = target_of(config)
    if target == "embedded":
        return
    copied = "real accounts" if target == "aws" else "what LocalStack holds"
    from harness.probes.collect import LEFT_OUT

    for item in items:
        mark = item.get_closest_marker("changing")
        if COPIES & set(getattr(item, "fixturenames", ())):
            reason = f"needs a copy of the cloud, and there is none of {copied}"
        elif target == "aws" and mark is not None and not config.getoption("changing"):
            reason = f"changes something ({mark.args[0]}), which was not asked for"
        else:
            continue
        item.add_marker(pytest.mark.skip(reason=f"{LEFT_OUT}{reason}"))


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Remember what a fixture changed, for every test that uses it."""
    if request.config.getoption("changes") is None or fixturedef.argname == "deployment":
        return (yield)
    from harness.targets.wiretap import noting

    with noting() as noted:
        made = yield
    request.config.stash[CHANGED].setdefault(fixturedef.argname, set()).update(noted)
    return made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Write down what a test may have changed, of its own or through its fixtures."""
    file = item.config.getoption("changes")
    if file is None:
        return (yield)
    from harness.targets.wiretap import noting

    names = set(getattr(item, "fixturenames", ()))
    with noting() as noted:
        try:
            return (yield)
        finally:
            for name in names:
                noted.update(item.config.stash[CHANGED].get(name, set()))
            line = {"test": item.nodeid, "copies": bool(COPIES & names), "changes": sorted(noted)}
            with file.open("a", encoding="utf-8") as out:
                out.write(json.dumps(line) + "\n")


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
        from harness.deploy.environment import load_environment
        from harness.deploy.workspace import environment_folder
        from harness.probes.shared import embedded_environment

        saved, name = config.getoption("deployment"), config.getoption("environment")
        if name is not None:
            config.stash[ENVIRONMENT] = load_environment(environment_folder(name, config.rootpath))
        elif saved is not None:
            config.stash[ENVIRONMENT] = Deployment.load(saved).environment
        else:
            config.stash[ENVIRONMENT] = embedded_environment(config.rootpath)
    return config.stash[ENVIRONMENT]


def target_of(config: pytest.Config) -> str:
    """The name of the target that the run probes."""
    from harness.deploy.deployment import Deployment

    saved = config.getoption("deployment")
    # Only an embedded cloud by itself is started beside the suite, which then waits for it.
    waits = saved is None or not saved.exists()
    return "embedded" if waits else Deployment.load(saved).place.target


@pytest.fixture(scope="session")
def deployment(pytestconfig: pytest.Config) -> Deployment:
    """The deployment under test, as it was made; probes act through `target`."""
    from harness.deploy.deployment import Deployment
    from harness.probes.shared import SharedDeployment

    path = pytestconfig.getoption("deployment")
    if path is None:
        shared = SharedDeployment(pytestconfig.rootpath, pytestconfig.stash[RUN])
        pytestconfig.stash[SHARED] = shared
        path = shared.path()
    elif pytestconfig.getoption("environment") is not None:
        _wait_for(path)
    return Deployment.load(path)


def _is_gone(starter: str | None) -> bool:
    if starter is None:
        return False
    try:
        os.kill(int(starter), 0)
    except ProcessLookupError:
        return True
    return False


def _wait_for(path: Path) -> None:
    """Returns when the file is there. Whoever makes it ends this process when it cannot."""
    from harness.deploy.workspace import STARTER

    parent, end = os.getppid(), time.monotonic() + _PATIENCE
    starter = os.environ.get(STARTER)
    while not path.exists():
        if time.monotonic() > end or os.getppid() != parent or _is_gone(starter):
            pytest.exit(f"{path}: no deployment was made", returncode=2)
        time.sleep(_LOOK)


@pytest.fixture(scope="session")
def target(deployment: Deployment, pytestconfig: pytest.Config) -> Iterator[Target]:
    """Where this process probes. Without `--changing`, real accounts are only read.

    Where there is an embedded cloud, a process that is not alone has a copy of its own: probes do
    not meet each other's, what they leave is in nobody's way, and a core serves each of them.
    """
    from harness.targets.embedded import EmbeddedTarget

    shared = hasattr(pytestconfig, "workerinput") or pytestconfig.getoption("deployment") is None
    if shared and deployment.place.target == EmbeddedTarget.name:
        with deployment.cloud().fork() as cloud:
            yield EmbeddedTarget(cloud)
    else:
        yield deployment.target(changing=pytestconfig.getoption("changing"))


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
    from harness.probes.collect import WATCH
    from harness.probes.result import Recorder
    from harness.targets.wiretap import listening

    with listening() as heard:
        recorder = Recorder(
            stage.secrets,
            places.placed,
            heard,
            request.config.stash.get(WATCH, None),
            patience=stage.target.patience,
        )
        request.node.stash[RECORDER] = recorder
        yield recorder
