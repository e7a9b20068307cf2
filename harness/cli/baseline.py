"""baseline: shows the settings that Terraform cannot make, and sets them when told to."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.cli import accounts
from harness.cli.environments import loaded, running, say
from harness.cli.serve import terminable
from harness.deploy.apply import saved_in
from harness.deploy.baseline import Setting, read_baseline, set_baseline
from harness.errors import UserError
from harness.targets.aws import AwsTarget
from harness.targets.profiles import Access

_STYLES = {"as wanted": "green", "changed": "green", "to change": "yellow", "left to you": "red"}


def baseline_environment(name: str, *, make: bool) -> bool:
    """Shows the settings of the running environment; with `make`, sets those that are otherwise.

    True if all are as they should be now. Raises `UserError` when nothing runs, or for what cannot
    be read or set.
    """
    environment = loaded(name)
    deployment = running(environment)
    if deployment is None:
        raise UserError(f"{name} is not running; start it with `bulkhead apply {name}`")
    target = deployment.target()
    settings = (set_baseline if make else read_baseline)(environment, target)
    return show(settings, Console(), make=make)


def baseline_accounts(name: str, named: Sequence[str], *, make: bool, yes: bool) -> bool:
    """The same in real accounts, where what would be set is shown and asked about first.

    Raises `UserError` besides where an account is not as it should be, or nobody said yes.
    """
    environment = loaded(name)
    folder = accounts.run_folder(environment)
    console = Console()
    with terminable(), accounts.alone_in(folder):
        if saved_in(folder) is None:
            raise accounts.not_deployed(environment)
        known = Access.load(folder / accounts.ACCESS_FILE)
        touched = {environment.management_account, environment.operations_account}
        access = accounts.access_for(environment, folder, named, known, touched, console)
        settings = read_baseline(environment, AwsTarget(access))
        if not make or all(setting.put is None for setting in settings):
            return show(settings, console, make=make)
        for each in settings:
            if each.put is not None:
                say(console, f"to set: {each.what} of {each.where} to {each.wanted}")
        accounts.confirm(environment, "Set these", yes=yes)
        settings = set_baseline(environment, AwsTarget(access, changing=True))
        return show(settings, console, make=make)


def show(settings: Sequence[Setting], console: Console, *, make: bool) -> bool:
    """Prints a line for each setting, what is left to a person, and how to go on. True if all are
    as they should be."""
    table = Table(box=None, pad_edge=False)
    for heading in ("setting", "where", "is", "should be", ""):
        table.add_column(heading, overflow="fold")
    for each in settings:
        table.add_row(
            *(Text(text) for text in (each.what, each.where, each.now, each.wanted)),
            Text(each.standing, style=_STYLES[each.standing]),
        )
    console.print(table)
    for advice in dict.fromkeys(each.advice for each in settings if each.advice):
        about = [f"{e.what} {e.where}" for e in settings if e.advice == advice]
        say(console, f"{', '.join(about)}: {advice}.")
    count = sum(each.standing == "to change" for each in settings)
    if count and not make:
        say(console, f"Nothing was changed. {count} to change: run it again with --set.")
    elif count:
        say(console, f"{count} did not take the change; run it again.")
    return all(setting.standing in ("as wanted", "changed") for setting in settings)
