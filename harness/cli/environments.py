"""apply, verify, demo, destroy: an environment and the cloud it runs in.

An applied environment lives as long as the `bulkhead apply` that started its cloud. That command
holds a lock, so another knows whether there is one; without one, verify and demo make their own.
"""

from __future__ import annotations

import configparser
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import click
from filelock import FileLock, Timeout
from rich.console import Console
from rich.text import Text

from harness.cli.client_config import write_client_config
from harness.cli.clouds import Kind
from harness.cli.progress import RootProgress
from harness.cli.serve import announce, answers, terminable, wait_for_end
from harness.cli.suite import Reports, Suite
from harness.cloud.process import CloudProcess
from harness.deploy.apply import (
    DEPLOYMENT_FILE,
    PARTIAL_FILE,
    deploy,
    destroy,
    saved_in,
    unlisted_roots,
)
from harness.deploy.deployment import Deployment
from harness.deploy.environment import Environment, load_environment
from harness.deploy.journal import FILE as UNFINISHED
from harness.deploy.journal import unfinished
from harness.deploy.rotation import FILE as PREVIOUS_IDS
from harness.deploy.run import EXTERNAL_IDS_FILE, Scope, root_names
from harness.deploy.workspace import environment_folder, runs_folder
from harness.errors import UserError
from harness.targets.base import Target

_EMBEDDED = Kind()
APPLY_LOCK = "apply.lock"
"""In the folder of a run: held as long as a cloud stays, or real accounts are worked on."""


def apply_environment(name: str, kind: Kind = _EMBEDDED, *, afresh: bool = False) -> bool:
    """Deploys into a cloud of its own and stays, or brings the running one up to date. True if
    nothing is left.

    Raises `UserError` where the running one could not be brought up to date whole.
    """
    environment = loaded(name)
    folder = kind.folder(environment)
    console = Console()
    with terminable():
        if running := _running(folder):
            with changing(folder):
                open_accounts(environment, running)
                apply_roots(environment, running.target(), folder, console, afresh=afresh)
            for root in unlisted_roots(environment, folder):
                say(console, f"{root} is listed no more: it can call no model; its records stay.")
            say(console, f"{environment.name} is up to date.")
            return True
        kind.need()
        with _held(folder), contextlib.ExitStack() as stack:
            _forget(folder)
            stack.callback(_forget, folder)
            clouds: list[CloudProcess] = []

            def begin() -> Target:
                cloud, target = stack.enter_context(kind.started(environment, folder))
                clouds.append(cloud)
                return target

            try:
                with changing(folder):
                    apply_roots(environment, begin, folder, console)
            except UserError as error:
                if not clouds:
                    raise
                for message in error.messages:
                    click.echo(f"bulkhead: {' '.join(message.split())}", err=True)
                again = f"bulkhead apply {name}{kind.option}"
                say(console, f"The cloud stays: `{again}` elsewhere does what is left.")
            announce(clouds[0])
            click.echo(f"# `bulkhead verify {name}{kind.option}` probes it.")
            if not kind.localstack:
                click.echo(f"# `bulkhead config {name} CUSTOMER` lets you call Bedrock in it.")
            click.echo("# Ctrl-C ends it.")
            wait_for_end(clouds[0])
            return not (folder / PARTIAL_FILE).exists()


def changing(folder: Path) -> AbstractContextManager[None]:
    """Within, nobody else changes what is deployed. Raises `UserError` where somebody does."""
    return alone(
        folder / "change.lock",
        f"{folder.name} is being changed by another bulkhead; wait for it, or end it with Ctrl-C, "
        "and run this again",
    )


@contextlib.contextmanager
def unless_changing(lock: AbstractContextManager[None]) -> Iterator[None]:
    """Within, what is refused of an environment that somebody changes right now is put down to
    that: who does it holds the lock."""
    try:
        yield
    except UserError:
        with lock:
            raise


@contextlib.contextmanager
def alone(lock: Path, otherwise: str) -> Iterator[None]:
    """Within, the lock is this process's. Raises `UserError` with the text where another has it."""
    try:
        with FileLock(lock).acquire(blocking=False):
            yield
    except Timeout:
        raise UserError(otherwise) from None


def verify_environment(name: str, kind: Kind = _EMBEDDED, **files: Path | None) -> bool:
    """Runs the suite against the running environment, or one made for it. True if all held.

    `files` are the places of the reports that `Reports.into` takes.
    """
    environment = loaded(name)
    folder = kind.folder(environment)
    reports = Reports.into(folder, **files)
    console = Console()
    with terminable():
        if running := _running(folder):
            with unless_changing(changing(folder)):
                refuse_changes(environment, running, folder, option=kind.option)
            say(console, f"Probing the running {environment.name}.")
            with Suite(name, folder / DEPLOYMENT_FILE, folder, reports) as suite:
                holds = suite.finish(console)
            holds = _same(folder / DEPLOYMENT_FILE, kind, console) and holds
        else:
            with probed(environment, folder, reports, console, kind) as (_, holds):
                pass
    say(console, _told(reports))
    return holds


def demo_environment(name: str, kind: Kind = _EMBEDDED, **files: Path | None) -> bool:
    """The main job from nothing to verdict, always in a cloud of its own. True if all held.

    `files` are the places of the reports that `Reports.into` takes.
    """
    environment = loaded(name)
    folder = kind.folder(environment)
    reports = Reports.into(folder, **files)
    console = Console()
    started = time.monotonic()
    with terminable(), probed(environment, folder, reports, console, kind) as (_, holds):
        pass
    say(console, f"{time.monotonic() - started:.0f} s in all. {_told(reports)}")
    return holds


@contextlib.contextmanager
def probed(
    environment: Environment,
    folder: Path,
    reports: Reports,
    console: Console,
    kind: Kind = _EMBEDDED,
) -> Iterator[tuple[Path, bool]]:
    """Within, the environment is deployed in a cloud that nobody else knows and was probed; yields
    the file and whether all held. The suite gets ready while the last roots are applied, unless it
    has to know first that it cannot copy the cloud."""
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(_throwaway_folder(environment))
        saved = place / DEPLOYMENT_FILE
        suite = stack.enter_context(Suite(str(environment.path.resolve()), saved, folder, reports))
        _say_starting(environment, kind, console)
        ready = None if kind.localstack else suite.start
        stack.enter_context(_applied(environment, kind, place, console, ready))
        say(console, "Probing: each customer's application calls Bedrock; attackers try theirs.")
        holds = suite.finish(console)
        yield saved, _same(saved, kind, console) and holds


def _same(saved: Path, kind: Kind, console: Console) -> bool:
    """Whether a LocalStack behind the gateway holds what was decided on, which is said."""
    if not kind.localstack:
        return True
    place = Deployment.load(saved).place
    cloud = CloudProcess.attach(place.endpoint, place.credentials, place.control)
    found = cloud.differences()
    for line in found:
        say(console, line)
    if found:
        say(console, f"LocalStack and the gateway disagree on {len(found)} things: see above.")
    else:
        say(console, "LocalStack holds the principals, policies and keys that were decided on.")
    return not found


def destroy_environment(name: str, kind: Kind = _EMBEDDED) -> None:
    """Removes what is deployed in the running environment; its cloud stays."""
    environment = loaded(name)
    folder = kind.folder(environment)
    deployment = _running(folder)
    if deployment is None:
        raise UserError(
            f"{name} is not running, so nothing of it is left to destroy: an embedded cloud ends "
            f"with the `bulkhead apply {name}` that started it"
        )
    console = Console()
    progress = RootProgress(console, root_names(environment), "destroy")
    with terminable(), changing(folder), told_if_interrupted(progress), progress.shown():
        destroy(deployment, folder, progress)
    say(console, f"{environment.name} is destroyed.")


@contextlib.contextmanager
def told_if_interrupted(progress: RootProgress, *, anew: bool = False) -> Iterator[None]:
    """Within, an interruption says what is left; `anew` where the cloud ends with it."""
    try:
        yield
    except KeyboardInterrupt:
        left = ", ".join(progress.left)
        if left:
            again = "the same command goes on with these"
            if anew:
                again = "its cloud ends, too, and the same command begins anew"
            click.echo(f"bulkhead: left: {left}; {again}", err=True)
        raise


def configure_client(name: str, customer: str, account: str | None, region: str | None) -> None:
    """Writes an application's configuration and credentials for the running environment.

    Raises `UserError` when none runs whole, or for an unknown customer, account or region.
    """
    environment = loaded(name)
    folder = run_folder(environment)
    running = _running(folder)
    if running is None:
        raise UserError(f"{name} is not running; start it with `bulkhead apply {name}`")
    with unless_changing(changing(folder)):
        refuse_half_destroyed(environment, folder)
    write_client_config(running, folder, customer, account, region)


def open_accounts(environment: Environment, running: Deployment) -> list[str]:
    """Has the running cloud have the accounts that are new in `customers.yaml`, as members of the
    organization; on AWS somebody made them. Returns those that it had not."""
    known = configparser.RawConfigParser()
    known.read(running.place.credentials)
    new = [a for a in environment.accounts if not known.has_section(a)]
    members = {*environment.fleet_accounts, environment.state_account}
    for account in new:
        management = environment.management_account if account in members else ""
        running.cloud().open_account(account, management)
    return new


def refuse_changes(
    environment: Environment,
    running: Deployment,
    folder: Path,
    *,
    but: str = "",
    option: str = "",
) -> None:
    """Raises `UserError` when `customers.yaml` lists other models, Regions or accounts than were
    applied, whatever it says of the customer `but`; or when the last apply, whose run lies in
    `folder`, did not come to its end. `option` is what an apply is to be told besides."""
    applied = {
        c: {(r, m) for r, profiles in f.inference_profiles.items() for m in profiles}
        for c, f in running.fleets.items()
        if c != but
    }
    wanted = {
        c: {(r, m) for r in customer.regions for m in customer.models}
        for c, customer in environment.customers.items()
        if c != but
    }
    accounts = {a.account_id for c, a in environment.customer_accounts if c.key != but}
    there = {k for k, account in running.accounts.items() if account.customer != but}
    if but:
        refuse_half_destroyed(environment, folder, option)
    else:
        refuse_partial(environment, folder, option)
    if applied != wanted or accounts != there:
        raise UserError(
            f"{environment.path / 'customers.yaml'} has changed since it was applied; run "
            f"`bulkhead apply {environment.name}{option}` again first"
        )


def refuse_partial(environment: Environment, folder: Path, option: str = "") -> None:
    """Raises `UserError` where the last apply or destroy of the run in `folder` did not come to its
    end."""
    refuse_half_destroyed(environment, folder, option)
    if (folder / PARTIAL_FILE).exists():
        raise UserError(
            f"{environment.name} is not applied whole; run `bulkhead apply {environment.name}"
            f"{option}` to do what is left"
        )


def refuse_half_destroyed(environment: Environment, folder: Path, option: str = "") -> None:
    """Raises `UserError` where a destroy of the run in `folder` did not come to its end."""
    destroying = unfinished(folder).get("destroy")
    if destroying is not None and destroying.whole:
        name = f"{environment.name}{option}"
        raise UserError(
            f"{environment.name} is destroyed in part; run `bulkhead destroy {name}` to go on, or "
            f"`bulkhead apply {name}` to have it again"
        )


def loaded(name: str) -> Environment:
    """The environment of that name; what this process writes from now on is private."""
    # Terraform's state, plans and reports hold external ids and names of customers.
    os.umask(0o077)
    return load_environment(environment_folder(name))


def run_folder(environment: Environment) -> Path:
    """Where the environment's states and reports lie."""
    return _EMBEDDED.folder(environment)


def apply_roots(
    environment: Environment,
    target: Target | Callable[[], Target],
    folder: Path,
    console: Console,
    when_waiting: Callable[[], None] | None = None,
    *,
    scope: Scope | None = None,
    afresh: bool = False,
) -> Deployment:
    progress = RootProgress(console, root_names(environment, scope), "apply")
    with told_if_interrupted(progress, anew=callable(target)), progress.shown():
        return deploy(
            environment,
            target,
            folder,
            progress,
            when_waiting=when_waiting,
            scope=scope,
            afresh=afresh,
        )


def _say_starting(environment: Environment, kind: Kind, console: Console) -> None:
    kind.need()
    say(console, f"Starting {kind.words} with {len(environment.accounts)} accounts.")


@contextlib.contextmanager
def throwaway(environment: Environment, console: Console) -> Iterator[Path]:
    """Within, the environment is deployed in a cloud that nobody else knows; yields the file."""
    with _throwaway_folder(environment) as folder:
        _say_starting(environment, _EMBEDDED, console)
        with _applied(environment, _EMBEDDED, folder, console):
            yield folder / DEPLOYMENT_FILE


@contextlib.contextmanager
def _throwaway_folder(environment: Environment) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"{environment.name}-", dir=runs_folder()))
    try:
        yield folder
    finally:
        # States, keys and external ids of accounts that no longer exist.
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _applied(
    environment: Environment,
    kind: Kind,
    folder: Path,
    console: Console,
    when_waiting: Callable[[], None] | None = None,
) -> Iterator[CloudProcess]:
    """Within, the environment is deployed in a cloud of its own."""
    with contextlib.ExitStack() as stack:
        clouds: list[CloudProcess] = []

        def start() -> Target:
            cloud, target = stack.enter_context(kind.started(environment, folder))
            clouds.append(cloud)
            return target

        apply_roots(environment, start, folder, console, when_waiting)
        yield clouds[0]


def running(environment: Environment) -> Deployment | None:
    """The environment's deployment that a `bulkhead apply` in another terminal keeps, if any."""
    return _running(run_folder(environment))


def _running(folder: Path) -> Deployment | None:
    """The deployment that a `bulkhead apply` in another terminal keeps, if any."""
    try:
        with FileLock(folder / APPLY_LOCK).acquire(blocking=False):
            return None
    except Timeout:
        pass
    saved = saved_in(folder)
    if saved is None:
        with changing(folder):
            raise UserError(
                f"{folder.name} is destroyed already; end its `bulkhead apply` with Ctrl-C, and "
                "apply again to have it again"
            )
    deployment = Deployment.load(saved)
    if not answers(deployment.place.endpoint):
        raise UserError(f"the cloud of {folder.name} does not answer; end its `bulkhead apply`")
    return deployment


def _held(folder: Path) -> AbstractContextManager[None]:
    return alone(folder / APPLY_LOCK, f"another `bulkhead apply {folder.name}` has just started")


def _forget(folder: Path) -> None:
    """Removes what belongs to a cloud that is gone; reports stay."""
    for name in ("state", "data", "clients", "handover", "tree", "preview", "challenges"):
        shutil.rmtree(folder / name, ignore_errors=True)
    files = (DEPLOYMENT_FILE, PARTIAL_FILE, UNFINISHED, "credentials", "config")
    for name in (*files, EXTERNAL_IDS_FILE, PREVIOUS_IDS):
        (folder / name).unlink(missing_ok=True)


def _told(reports: Reports) -> str:
    """Where the reports are."""
    return f"Report: {_near(reports.html)}"


def _near(path: Path) -> str:
    """The path as seen from here, when that is shorter."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def say(console: Console, text: str) -> None:
    """Prints a line as it is."""
    console.print(Text(text), soft_wrap=True, highlight=False)
