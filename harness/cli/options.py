"""Options that several commands take, with what they say of themselves."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from harness.errors import UserError


class AccountId(click.ParamType[str]):
    """A 12-digit AWS account id."""

    name = "account"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(r"[0-9]{12}", str(value)):
            self.fail(f"{value!r} is not an account id: 12 digits are wanted", param, ctx)
        return str(value)


class Hours(click.FloatRange):
    """Hours in a range; `nan` is in none, which `FloatRange` does not see."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        hours = super().convert(value, param, ctx)
        if math.isnan(hours):
            self.fail(f"{value!r} is not a number of hours", param, ctx)
        return hours


class RunId(click.ParamType[str]):
    """What a run of real accounts is called in tags."""

    name = "run"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value and not re.fullmatch(r"[0-9a-f]{8}", str(value)):
            self.fail(f"{value!r} is no run: 8 hexadecimal digits are wanted", param, ctx)
        return str(value)


def reports(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say where a run's reports go."""
    for name, what, default in (
        ("junit", "JUnit XML", "junit.xml"),
        ("json", "JSON (harness/report/results.schema.json)", "results.json"),
        ("html", "HTML report", "report.html"),
    ):
        command = click.option(
            f"--{name}",
            metavar="FILE",
            type=click.Path(path_type=Path, dir_okay=False),
            help=f"Where the {what} goes.  [default: .bulkhead/ENV/{default}]",
        )(command)
    return command


def on_target(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option that says where a command does its work."""
    return click.option(
        "--target",
        type=click.Choice(["embedded", "localstack", "aws"]),
        default="embedded",
        show_default=True,
        help="Where: in an embedded cloud on this machine, in one with a LocalStack behind it "
        "(docs/targets.md), or in the real accounts that customers.yaml lists (docs/real-aws.md).",
    )(command)


def embedded_or_aws(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option of commands that need no copy of a cloud, and no LocalStack."""
    return click.option(
        "--target",
        type=click.Choice(["embedded", "aws"]),
        default="embedded",
        show_default=True,
        help="Where: in the embedded cloud that runs on this machine, or in the real accounts that "
        "customers.yaml lists (docs/real-aws.md).",
    )(command)


def read_elsewhere(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of commands that read real accounts, as whoever may, on any machine."""
    for option in (
        click.option(
            "--deployed",
            metavar="FILE",
            type=click.Path(path_type=Path, dir_okay=False),
            help="With --target aws: what is deployed there, as `bulkhead deployed` wrote it on "
            "the machine that did.  [default: the run of this machine]",
        ),
        click.option(
            "--token",
            metavar="FILE",
            type=click.Path(path_type=Path, dir_okay=False),
            help="With --target aws: a token of CI, by which each account is read as its audit "
            "role (modules/audit-role).",
        ),
        click.option(
            "--profile",
            "profiles",
            metavar="ACCOUNT=NAME",
            multiple=True,
            help="With --target aws: the profile to read an account by; may be given again.  "
            "[default: those of the run; with --deployed, the one that is found]",
        ),
        embedded_or_aws,
    ):
        command = option(command)
    return command


def at_endpoint(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option that names a LocalStack."""
    return click.option(
        "--endpoint",
        metavar="URL",
        help="With --target localstack: the one that runs there, such as http://localhost:4566.  "
        "[default: LOCALSTACK_HOST; else one is started]",
    )(command)


def with_profiles(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option that names profiles of real accounts."""
    return click.option(
        "--profile",
        "profiles",
        metavar="ACCOUNT=NAME",
        multiple=True,
        help="With --target aws: the profile of an account's owner, where it is not found by "
        "itself; may be given again.",
    )(command)


def refuse_profiles(profiles: Sequence[str]) -> None:
    """Raises `UserError` where profiles were named of what is not real accounts: whoever names them
    means these."""
    if profiles:
        raise UserError("--profile is for real accounts; give --target aws")


def confirmed(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option that leaves out the question."""
    return click.option(
        "--yes", is_flag=True, help="With --target aws: do not ask, after the preflight is shown."
    )(command)


def may_change(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option that lets probes change real accounts."""
    return click.option(
        "--changing",
        is_flag=True,
        help="With --target aws: also run the probes that change something, or would if a wall "
        "did not hold. Without it nothing is changed.",
    )(command)
