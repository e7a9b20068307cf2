"""What every command of the operator's day does: look at what is deployed, show an edit and its
plan, ask, edit `customers.yaml`, apply, verify.

The file is edited first and then what follows from it is applied, so that whatever ends a command
in between leaves a file that says what is meant: the same command, or any apply, goes on from
there. Only the roots that the customer is about are applied. In real accounts, those that are about
to be touched are asked who they are before, and nothing is done where one is not as it should be.
"""

from __future__ import annotations

import contextlib
import difflib
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from harness.cli import accounts
from harness.cli.environments import (
    apply_roots,
    changing,
    loaded,
    open_accounts,
    refuse_changes,
    run_folder,
    running,
    say,
)
from harness.cli.options import refuse_profiles
from harness.cli.progress import RootProgress
from harness.cli.serve import terminable
from harness.cli.suite import Reports, Suite
from harness.deploy import edit
from harness.deploy.apply import saved_in
from harness.deploy.deployment import Deployment
from harness.deploy.drift import Planned
from harness.deploy.environment import Environment, environment_of
from harness.deploy.journal import unfinished
from harness.deploy.preview import preview
from harness.deploy.run import Scope, root_names
from harness.deploy.workspace import CUSTOMERS_FILE
from harness.errors import UserError
from harness.targets.aws import AwsTarget
from harness.targets.base import Target
from harness.targets.profiles import Access

_ASKED = "asked"
"""The folder in a run's where the access lies by which is only planned."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A deployed environment, and what the person at the terminal asked for."""

    environment: Environment
    deployment: Deployment
    folder: Path
    console: Console
    text: str
    """What `customers.yaml` says."""
    customer: str
    dry_run: bool = False
    yes: bool = False
    verify: str = "none"
    profiles: Sequence[str] = ()
    """Of real accounts, as ACCOUNT=NAME."""
    access: Access | None = None
    """Whose credentials of real accounts are where; None in the embedded cloud."""

    @property
    def file(self) -> Path:
        return self.environment.path / CUSTOMERS_FILE

    @property
    def listed(self) -> Mapping[str, Any]:
        """What the file says of the customer; empty where it lists none."""
        customers: Mapping[str, Any] = edit.read(self.text)["customers"]
        found: Mapping[str, Any] = customers.get(self.customer, {})
        return found

    @property
    def real(self) -> bool:
        """Whether these are real accounts."""
        return self.access is not None

    @property
    def option(self) -> str:
        """What another command is told besides, to find this deployment."""
        return accounts.OPTION if self.real else ""

    @property
    def target(self) -> Target:
        """Where it is deployed."""
        return self.deployment.target()

    def edited(self, text: str) -> Environment:
        """The environment once the file says that. Raises `UserError`, which says so where the
        lines are not those that the file has now."""
        try:
            return environment_of(self.file, text.encode())
        except UserError as error:
            if text == self.text:
                raise
            raise UserError(
                *(f"{each} (in the file as this would leave it)" for each in error.messages)
            ) from error

    def say(self, text: str) -> None:
        say(self.console, text)


@contextlib.contextmanager
def at_desk(
    name: str,
    customer: str,
    *,
    target: str = "embedded",
    profiles: Sequence[str] = (),
    **asked: Any,
) -> Iterator[Desk]:
    """Within, nobody else changes the environment. Raises `UserError` where it is not deployed
    there, or where models, Regions or accounts of others were edited by hand and not applied."""
    environment = loaded(name)
    if target == "aws":
        asked |= {"profiles": profiles}
        found = _real(environment)
    else:
        refuse_profiles(profiles)
        found = _embedded(environment)
    with terminable(), found as (deployment, folder, access):
        option = accounts.OPTION if access else ""
        refuse_changes(environment, deployment, folder, but=customer, option=option)
        text = (environment.path / CUSTOMERS_FILE).read_bytes().decode("utf-8-sig")
        yield Desk(
            environment, deployment, folder, Console(), text, customer, access=access, **asked
        )


_Found = Iterator[tuple[Deployment, Path, Access | None]]


@contextlib.contextmanager
def _embedded(environment: Environment) -> _Found:
    deployment, folder = running(environment), run_folder(environment)
    if deployment is None:
        raise UserError(
            f"{environment.name} is not running; start it with `bulkhead apply {environment.name}`"
        )
    with changing(folder):
        yield deployment, folder, None


@contextlib.contextmanager
def _real(environment: Environment) -> _Found:
    folder = accounts.run_folder(environment)
    with accounts.alone_in(folder):
        saved = saved_in(folder)
        if saved is None:
            raise accounts.not_deployed(environment)
        access = Access.load(folder / accounts.ACCESS_FILE)
        yield Deployment.load(saved).on(AwsTarget(access)), folder, access


def listed(desk: Desk) -> Mapping[str, Any]:
    """What the file says of the customer. Raises `UserError` where it lists none."""
    if not desk.listed:
        known = ", ".join(desk.environment.customers)
        raise UserError(f"{desk.file}: no customer {desk.customer}; there are {known}")
    return desk.listed


def looked_at(desk: Desk, candidate: Environment, touched: Collection[str]) -> Desk:
    """The desk with access to the accounts of `candidate`, of which those that are about to be
    `touched` were asked who they are and shown. Raises `UserError` where one is not as it should
    be. The embedded cloud knows its own."""
    if desk.access is None:
        return desk
    access = accounts.access_for(
        candidate, desk.folder, desk.profiles, desk.access, touched, desk.console
    )
    asked = replace(access, folder=str(desk.folder / _ASKED))
    asked.save()
    return replace(desk, access=access, deployment=desk.deployment.on(AwsTarget(asked)))


def agreed(desk: Desk, what: str) -> Desk:
    """The desk that may change things, once somebody said yes to that. Raises `UserError`."""
    if desk.access is not None:
        accounts.confirm(desk.environment, what, yes=desk.yes)
        desk.access.save()
        return replace(desk, deployment=desk.deployment.on(AwsTarget(desk.access)))
    if not desk.yes:
        if not sys.stdin.isatty():
            raise UserError("nobody is there to ask, so nothing was changed; --yes goes on without")
        if not click.confirm("Go on?"):
            raise UserError("nothing was changed")
    return desk


def go(
    desk: Desk,
    text: str,
    candidate: Environment,
    scope: Scope,
    what: str,
    *,
    touched: Collection[str] | None = None,
    rotated: str | None = None,
    first: Callable[[Desk], object] = lambda _desk: None,
) -> tuple[Desk, Deployment] | None:
    """Shows the edit and the plan, asks, edits and applies; None where it was to be shown only.
    `first` is done when it was agreed to and edited, before anything is applied."""
    show_diff(desk, text)
    desk = looked_at(desk, candidate, _touched(candidate, scope) if touched is None else touched)
    if desk.dry_run or not desk.yes:
        show_plan(desk, text, scope, rotated)
    if desk.dry_run:
        return None
    desk = agreed(desk, what)
    # The file is first: whatever applies from here on keeps to it.
    if text != desk.text:
        edit.write(desk.file, desk.text, text)
    first(desk)
    return desk, applied(desk, candidate, scope)


def applied(desk: Desk, candidate: Environment, scope: Scope) -> Deployment:
    """Applies these roots, and says what another apply had left of others."""
    if not desk.real:
        open_accounts(candidate, desk.deployment)
    made = apply_roots(candidate, desk.target, desk.folder, desk.console, scope=scope)
    if found := unfinished(desk.folder).get("apply"):
        again = f"bulkhead apply {desk.environment.name}{desk.option}"
        desk.say(f"Left by another apply: {', '.join(found.left)}; `{again}` goes on with these.")
    return made


def _touched(environment: Environment, scope: Scope) -> set[str]:
    """The accounts that a run about these roots works on."""
    return {
        environment.operations_account,
        environment.management_account,
        *scope.bootstraps,
        *(a.account_id for c, a in environment.customer_accounts if c.key in scope.customers),
    }


def show_diff(desk: Desk, text: str) -> None:
    """Shows an edit of the file, line by line."""
    name = str(desk.file)
    with contextlib.suppress(ValueError):
        name = str(desk.file.resolve().relative_to(Path.cwd()))
    lines = list(
        difflib.unified_diff(
            desk.text.splitlines(), text.splitlines(), name, name, n=2, lineterm=""
        )
    )
    for line in lines:
        style = {"+": "green", "-": "red", "@": "dim"}.get(line[:1], "")
        desk.console.print(Text(line, style=style), soft_wrap=True, highlight=False)
    if not lines:
        desk.say(f"{name} stays as it is.")


def show_plan(desk: Desk, text: str, scope: Scope, rotated: str | None = None) -> None:
    """Shows what applying the edit would change. Raises `UserError` for what cannot be planned."""
    known = set(desk.deployment.environment.bootstrapped_accounts)
    made = tuple(a for a in scope.bootstraps if a in known or there(desk, a))
    first = replace(scope, bootstraps=made, customers=frozenset())
    candidate = desk.edited(text)
    progress = RootProgress(desk.console, root_names(candidate, first), "plan")
    with progress.shown():
        planned = preview(desk.deployment, text, first, desk.folder, progress, rotated)
    failed = [str(each) for each in planned.values() if isinstance(each, UserError)]
    for root, each in planned.items():
        desk.say(f"{root}: {_summary(each)}")
        if not isinstance(each, UserError):
            for line in each.planned:
                desk.say(f"  {line}")
    for root in root_names(candidate, scope):
        if root not in planned:
            desk.say(f"{root}: is planned when what it needs is applied")
    if failed:
        raise UserError(*failed)


def _summary(planned: Planned) -> str:
    if isinstance(planned, UserError):
        return "cannot be planned"
    if planned.empty:
        return "nothing to change"
    counts: dict[str, int] = {}
    for line in planned.planned:
        action = line.partition(" ")[0]
        counts[action] = counts.get(action, 0) + 1
    said = ", ".join(f"{count} to {action}" for action, count in counts.items())
    return said or "outputs change"


def there(desk: Desk, account: str) -> bool:
    """Whether we have credentials of an account."""
    try:
        desk.target.session(account)
    except UserError:
        return False
    return True


def verified(desk: Desk, made: Deployment) -> bool:
    """Runs what was asked for of the security suite. True if all of it held."""
    if desk.verify == "none":
        return True
    only = None if desk.verify == "all" or desk.customer not in made.fleets else desk.customer
    path = str(made.environment.path.resolve())
    folder = desk.folder / "verify"
    folder.mkdir(mode=0o700, exist_ok=True)
    saved = saved_in(desk.folder)
    assert saved is not None, "it was applied"
    with Suite(path, saved, folder, Reports.into(folder), only) as suite:
        return suite.finish(desk.console)
