"""preflight, apply, verify, destroy, demo and sweep on real accounts.

What is deployed there stays when the command ends. States, external ids and whose credentials are
where lie in `.bulkhead/ENV-aws`; with them, an interrupted run is gone on with or removed.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.cli.environments import (
    APPLY_LOCK,
    alone,
    loaded,
    refuse_changes,
    refuse_partial,
    say,
    unless_changing,
)
from harness.cli.progress import RootProgress
from harness.cli.serve import terminable
from harness.cli.suite import Reports, Suite
from harness.deploy.apply import (
    DEPLOYMENT_FILE,
    PARTIAL_FILE,
    deploy,
    refuse_unlisted,
    unlisted_roots,
)
from harness.deploy.deployed import save_deployed
from harness.deploy.deployment import Deployment
from harness.deploy.environment import Environment
from harness.deploy.journal import FILE as UNFINISHED
from harness.deploy.preflight import Preflight, preflight
from harness.deploy.rehearsal import BY_USE, MONTHLY, Rehearsal, rehearse, remembered
from harness.deploy.run import root_names
from harness.deploy.sweep import Leftover, find, remove
from harness.deploy.undo import held, undo
from harness.deploy.workspace import CUSTOMERS_FILE, private_folder, runs_folder
from harness.errors import UserError
from harness.targets.aws import AwsTarget, refuse_endpoints
from harness.targets.profiles import CALLER, Access, config_files, find_profiles, read_profiles

OPTION = " --target aws"
"""What other commands need to be told, to find it."""
ACCESS_FILE = "access.json"
"""In the folder of a run: whose credentials are where."""


def preflight_accounts(name: str, named: Sequence[str], *, rehearsed: bool = True) -> bool:
    """Shows what would be touched, made and paid; changes nothing. True if nothing speaks against
    it."""
    environment = loaded(name)
    folder = run_folder(environment)
    console = Console()
    with terminable():
        return _looked_at(environment, folder, named, console, rehearsed=rehearsed)[0].good


def apply_accounts(name: str, named: Sequence[str], *, yes: bool, afresh: bool = False) -> bool:
    """Deploys, or brings up to date; `afresh` also what an unfinished apply had done. True if it
    was done; False where the preflight refuses."""
    environment = loaded(name)
    folder = run_folder(environment)
    console = Console()
    with terminable(), alone_in(folder):
        found, access = _looked_at(environment, folder, named, console)
        if not found.good:
            return False
        confirm(environment, f"Deploy {environment.name} into these accounts", yes=yes)
        _deploy(environment, access, folder, console, afresh=afresh)
    return True


def verify_accounts(name: str, *, changing: bool, **files: Path | None) -> bool:
    """Runs the suite against what is deployed. True if all that was probed held."""
    environment = loaded(name)
    folder = run_folder(environment)
    console = Console()
    with terminable(), alone_in(folder):
        deployment = deployment_of(environment, folder)
        refuse_changes(environment, deployment, folder, option=OPTION)
        return _probe(environment, folder, console, changing=changing, **files)


def destroy_accounts(name: str, *, yes: bool) -> None:
    """Removes what the states of the environment say is there."""
    environment = loaded(name)
    folder = run_folder(environment)
    console = Console()
    with terminable(), alone_in(folder):
        roots = held(environment, folder)
        refuse_unlisted(environment, folder)
        if not roots:
            _forget(folder)
            say(console, f"The states of {environment.name} are empty: nothing is to be destroyed.")
            return
        for root in roots:
            say(console, f"to be destroyed: {root}")
        confirm(environment, f"Destroy {environment.name} in these accounts", yes=yes)
        _undo(environment, folder, console)


def demo_accounts(
    name: str, named: Sequence[str], *, yes: bool, changing: bool, **files: Path | None
) -> bool:
    """Deploys, probes, and removes everything again whatever happens, an interruption included.
    True if all that was probed held. Raises `UserError` where something is deployed already."""
    environment = loaded(name)
    folder = run_folder(environment)
    console = Console()
    started = time.monotonic()
    with terminable(), alone_in(folder):
        if roots := held(environment, folder):
            raise UserError(
                f"{environment.name} is deployed already ({', '.join(roots)}), and this would "
                f"remove it at the end; probe it with `bulkhead verify {name} --target aws`"
            )
        found, access = _looked_at(environment, folder, named, console)
        if not found.good:
            return False
        confirm(environment, f"Deploy {environment.name}, probe and remove it again", yes=yes)
        try:
            _deploy(environment, access, folder, console)
            holds = _probe(environment, folder, console, changing=changing, **files)
        finally:
            _undo(environment, folder, console)
    say(console, f"{time.monotonic() - started:.0f} s in all.")
    return holds


def sweep_accounts(
    name: str, named: Sequence[str], *, delete: bool, yes: bool, run: str = ""
) -> bool:
    """Lists what carries our prefix and tags, where no state here holds anything; with `delete`,
    removes it. With `run`, what that run left and nothing else, beside whatever states here hold of
    another. True if nothing is left that could be removed."""
    environment = loaded(name)
    folder = run_folder(environment)
    console = Console()
    with terminable(), alone_in(folder):
        roots = held(environment, folder)
        if roots and run in ("", _run_id(environment, folder)):
            more = f"; what another run left, `bulkhead sweep {name} --run ID` sweeps" * (not run)
            raise UserError(
                f"the states of {environment.name} still hold {', '.join(roots)}; end that first "
                f"with `bulkhead destroy {name} --target aws`{more}"
            )
        access, missing = access_of(environment, folder, named)
        found = preflight(environment, AwsTarget(access), missing)
        _refuse(found, console)
        if not found.good:
            return False
        every = find(environment, AwsTarget(access))
        left = [each for each in every if run in ("", each.run)]
        _show_left(left, console, f"run {run}" if run else "the environment")
        if run and (others := sorted({each.run for each in every} - {run, ""})):
            say(console, f"Of other runs something is there: {', '.join(others)}.")
        removable = [each for each in left if each.removable]
        if not delete or not removable:
            if removable:
                say(console, "Nothing was removed; --delete removes it.")
            return not removable
        confirm(environment, f"Remove these {len(removable)}", yes=yes)
        for each, why in remove(removable, environment, AwsTarget(access, changing=True)):
            say(console, f"{each}: {why or 'removed'}")
        again = find(environment, AwsTarget(access))
        return not [each for each in again if each.removable and run in ("", each.run)]


def share_deployed(name: str, file: Path) -> None:
    """Writes what is deployed into a file without secrets, for an audit on another machine. Raises
    `UserError` where nothing is deployed."""
    environment = loaded(name)
    folder = run_folder(environment)
    with unless_changing(alone_in(folder)):
        deployment = deployment_of(environment, folder)
        refuse_changes(environment, deployment, folder, option=OPTION)
    save_deployed(deployment, file)
    click.echo(str(file))


def not_deployed(environment: Environment) -> UserError:
    """What to say where nothing is."""
    return UserError(
        f"{environment.name} is not deployed in its accounts; run `bulkhead apply "
        f"{environment.name}{OPTION}`"
    )


def run_folder(environment: Environment) -> Path:
    """Where the states of the environment's real accounts lie; nothing else removes them."""
    return private_folder(runs_folder() / f"{environment.name}-aws")


def deployment_of(environment: Environment, folder: Path) -> Deployment:
    """What is deployed. Raises `UserError` where nothing is, or not all."""
    refuse_partial(environment, folder, OPTION)
    saved = folder / DEPLOYMENT_FILE
    if not saved.exists():
        raise not_deployed(environment)
    return Deployment.load(saved)


def _looked_at(
    environment: Environment,
    folder: Path,
    named: Sequence[str],
    console: Console,
    *,
    rehearsed: bool = True,
) -> tuple[Preflight, Access]:
    access, missing = access_of(environment, folder, named)
    found = preflight(environment, AwsTarget(access), missing)
    show_accounts(found, access, console)
    if roots := held(environment, folder):
        say(console, f"Deployed already: {', '.join(roots)}. What differs is changed.")
    if rehearsed and found.good:
        made = remembered(environment, folder)
        if made is None:
            say(console, "Rehearsing in an embedded cloud, to say what will be made.")
            made = rehearse(environment, folder)
        _show_made(made, console)
    _refuse(found, console)
    return found, access


def access_of(
    environment: Environment, folder: Path, named: Sequence[str]
) -> tuple[Access, dict[str, str]]:
    """Whose credentials are where, and by account why there are none."""
    refuse_endpoints(os.environ)
    chosen = _chosen(environment, named)
    config, credentials = config_files()
    profiles = read_profiles(config, credentials)
    found, wrong = find_profiles(environment.accounts, profiles, chosen, environment.administrator)
    access = Access(
        environment=environment.name,
        partition=environment.partition,
        run=_run_id(environment, folder),
        config=str(config),
        credentials=str(credentials),
        folder=str(folder),
        profiles=found,
        callers={
            a.account_id: f"{CALLER}@{a.account_id}"
            for _, a in environment.customer_accounts
            if f"{CALLER}@{a.account_id}" in profiles
        },
        administrator=environment.administrator,
    )
    return access, {account: why.strip() for account, _, why in (w.partition(":") for w in wrong)}


def access_for(
    environment: Environment,
    folder: Path,
    named: Sequence[str],
    known: Access,
    touched: Collection[str],
    console: Console,
) -> Access:
    """What was `known` of whose credentials are where, with what is new in `customers.yaml` or
    `named`. Those accounts that are about to be touched are asked who they are, and shown. Raises
    `UserError` for each that is not as it should be."""
    chosen = _chosen(environment, named)
    found, missing = access_of(environment, folder, named)
    kept = {a: p for a, p in known.profiles.items() if a in environment.accounts}
    access = replace(found, run=known.run, profiles={**found.profiles, **kept, **chosen})
    lacking = {a: why for a, why in missing.items() if a not in access.profiles or a in chosen}
    seen = preflight(environment, AwsTarget(access), lacking, only=touched)
    show_accounts(seen, access, console)
    if seen.problems:
        raise UserError(*seen.problems, "nothing was changed")
    return access


def _chosen(environment: Environment, named: Sequence[str]) -> Mapping[str, str]:
    chosen = {}
    for option in named:
        account, _, profile = option.partition("=")
        if not profile:
            raise UserError(f"--profile {option}: write ACCOUNT=NAME")
        if account not in environment.accounts:
            raise UserError(
                f"--profile {option}: {environment.path / CUSTOMERS_FILE} lists no account "
                f"{account}, so nothing is done there"
            )
        chosen[account] = profile
    return chosen


def _run_id(environment: Environment, folder: Path) -> str:
    """That of the run that is deployed, else a new one."""
    saved = folder / ACCESS_FILE
    if saved.exists() and held(environment, folder):
        return Access.load(saved).run
    return secrets.token_hex(4)


def _deploy(
    environment: Environment,
    access: Access,
    folder: Path,
    console: Console,
    *,
    afresh: bool = False,
) -> None:
    access.save()
    target = AwsTarget(access, changing=True)
    progress = RootProgress(console, root_names(environment), "apply")
    try:
        with progress.shown():
            deploy(environment, target, folder, progress, afresh=afresh)
    except BaseException:
        say(
            console,
            f"What was made is known to the states in {folder}: apply again to go on, or remove it "
            f"with `bulkhead destroy {environment.name} --target aws`.",
        )
        raise
    for root in unlisted_roots(environment, folder):
        say(console, f"{root} is listed no more: it can call no model; its records stay.")
    say(console, f"{environment.name} is deployed, run {access.run}.")


def _probe(
    environment: Environment,
    folder: Path,
    console: Console,
    *,
    changing: bool,
    **files: Path | None,
) -> bool:
    reports = Reports.into(folder, **files)
    if not changing:
        say(console, "Probing without changing anything; --changing tries what changes, too.")
    path = str(environment.path.resolve())
    with Suite(path, folder / DEPLOYMENT_FILE, folder, reports, changing=changing) as suite:
        holds = suite.finish(console)
    say(console, f"Report: {reports.html}")
    return holds


def _undo(environment: Environment, folder: Path, console: Console) -> None:
    roots = held(environment, folder)
    if not roots:
        return
    target = AwsTarget(Access.load(folder / ACCESS_FILE), changing=True)
    progress = RootProgress(console, roots, "destroy")
    try:
        with progress.shown():
            undo(environment, target, folder, progress)
    except BaseException:
        left = ", ".join(held(environment, folder))
        again = f"bulkhead destroy {environment.name} --target aws"
        say(console, f"Still there: {left}. `{again}` goes on with these.")
        raise
    _forget(folder)
    say(
        console,
        f"{environment.name} is destroyed. Keys are deleted in a week; data retention and cost "
        "allocation tags stay as they were set.",
    )


def _forget(folder: Path) -> None:
    """Removes what tells of roots that are gone."""
    for name in (DEPLOYMENT_FILE, PARTIAL_FILE, UNFINISHED):
        (folder / name).unlink(missing_ok=True)


def confirm(environment: Environment, what: str, *, yes: bool) -> None:
    """Returns if the person at the terminal types the environment's name, which is asked for unless
    `yes`. Raises `UserError`."""
    if yes:
        return
    try:
        typed = click.prompt(f"{what}? Type {environment.name} to go on", default="", err=True)
    except click.Abort:
        typed = ""
    if typed.strip() != environment.name:
        raise UserError("nothing was changed")


def _refuse(found: Preflight, console: Console) -> None:
    for problem in found.problems:
        console.print(Text(f"refused: {problem}", style="red"), soft_wrap=True, highlight=False)
    if found.problems:
        say(console, "Nothing was changed.")


def show_accounts(found: Preflight, access: Access, console: Console) -> None:
    """Prints who each account's profile is, and what would carry which names and tags."""
    environment = found.environment
    for standing in found.standings:
        say(console, f"{standing.account}  {standing.part}, {standing.owner}")
        if standing.arn:
            who = standing.arn.partition(f":{standing.account}:")[2]
            say(console, f"  profile {standing.profile} is {who}")
            alias = f"alias {standing.alias}" if standing.alias else "no alias"
            organization = standing.organization or "none"
            say(console, f"  {alias}, organization {organization}")
        else:
            say(console, f"  profile {standing.profile or 'none'}")
    say(console, f"Regions: {', '.join(environment.regions)}. Global services besides.")
    if environment.model_regions:
        say(console, f"Models run in: {', '.join(environment.model_regions)}.")
    say(
        console,
        "Names start with bulkhead; tags are bulkhead:environment = "
        f"{environment.name} and bulkhead:run = {access.run}.",
    )
    shown = {standing.account for standing in found.standings}
    callers = [a.account_id for _, a in environment.customer_accounts if a.account_id in shown]
    if without := [a for a in callers if a not in access.callers]:
        say(
            console,
            f"No profile {CALLER}@ACCOUNT for {', '.join(without)}: what the application itself "
            "may do cannot be probed there.",
        )


def _show_made(made: Rehearsal, console: Console) -> None:
    table = Table("resource", "how many", "US$ a month")
    for kind, count in sorted(made.totals.items()):
        cost = MONTHLY.get(kind, 0.0) * count
        table.add_row(kind, str(count), f"{cost:.2f}" if cost else "-")
    console.print(table)
    say(
        console,
        f"About US$ {made.monthly:.2f} a month while it is there (list prices of us-east-1; a key "
        "costs at least a week after it is destroyed). By use, besides:",
    )
    for what in BY_USE:
        say(console, f"  {what}")


def _show_left(left: Sequence[Leftover], console: Console, what: str) -> None:
    for each in left:
        say(console, f"{'to remove' if each.removable else 'left to you'}: {each}")
    if not left:
        say(console, f"Nothing of {what} is left.")


def alone_in(folder: Path) -> AbstractContextManager[None]:
    """Within, nobody else works on a run of real accounts. Raises `UserError` where one does."""
    return alone(folder / APPLY_LOCK, f"another bulkhead works on {folder.name}; wait for it")
