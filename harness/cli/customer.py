"""The commands of the operator's day and their options; the work is in `operate`.

That is imported when a command needs it, so that `--help` is quick.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.cli import EXIT_FAILED
from harness.cli.options import AccountId, Hours, embedded_or_aws, with_profiles


class AccountAndCaller(click.ParamType[tuple[str, str]]):
    """An account and what runs the application in it, as `123456789012:lambda`."""

    name = "account"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        account, _, caller = str(value).partition(":")
        if not re.fullmatch(r"[0-9]{12}", account) or not caller:
            self.fail(f"{value!r} is not ACCOUNT:CALLER, such as 123456789012:lambda", param, ctx)
        return account, caller


class Proof(click.ParamType[tuple[str, str]]):
    """An account and the presigned URL of its owner, in a file, as `123456789012=FILE`."""

    name = "proof"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        account, _, file = str(value).partition("=")
        if not re.fullmatch(r"[0-9]{12}", account) or not file:
            self.fail(f"{value!r} is not ACCOUNT=FILE", param, ctx)
        try:
            return account, (sys.stdin.read() if file == "-" else Path(file).read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            self.fail(f"{file} cannot be read", param, ctx)


def changes(command: Callable[..., Any]) -> Callable[..., Any]:
    """The arguments and options of a command that changes a customer, and verifies."""
    return unverified(
        click.option(
            "--verify",
            type=click.Choice(["customer", "all", "none"]),
            default="customer",
            show_default=True,
            help="How much of the security suite is run afterwards: the customer's rows, or all.",
        )(command)
    )


def unverified(command: Callable[..., Any]) -> Callable[..., Any]:
    """The arguments and options of every command that changes a customer."""
    for option in (
        click.option("--yes", is_flag=True, help="Neither show the plan nor ask."),
        click.option("--dry-run", is_flag=True, help="Show what would change; change nothing."),
        with_profiles,
        embedded_or_aws,
        click.argument("customer", metavar="CUSTOMER"),
        click.argument("environment", metavar="ENV"),
    ):
        command = option(command)
    return command


def accounts(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name new accounts and prove whose they are."""
    for option in (
        click.option(
            "--without-proof",
            is_flag=True,
            help="Take the accounts as the customer's unproved: where you made them yourself.",
        ),
        click.option(
            "--proof",
            "proofs",
            metavar="ACCOUNT=FILE",
            type=Proof(),
            multiple=True,
            help="The URL that the owner of ACCOUNT sent, in FILE or, for `-`, on standard input.",
        ),
        click.option(
            "--account",
            "accounts",
            metavar="ACCOUNT:CALLER",
            type=AccountAndCaller(),
            multiple=True,
            required=True,
            help="An account and what calls from it, such as lambda, ecs, ec2 or eks-pod-identity; "
            "may be given again.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def customer() -> None:
    """Add, change, stop and remove customers of a deployed ENV, each by one command.

    ENV runs in the embedded cloud, kept by `bulkhead apply ENV`; with --target aws it is what was
    deployed in real accounts.

    Each shows the edit of customers.yaml and the plan, asks, edits, applies only the roots that the
    customer is about, verifies, and may be interrupted at any moment: run again, it goes on.
    docs/operate.md shows a day.
    """


@customer.command()
@click.argument("environment", metavar="ENV")
@click.argument("customer", metavar="CUSTOMER")
@click.argument("account", metavar="ACCOUNT", type=AccountId())
@embedded_or_aws
def challenge(environment: str, customer: str, account: str, target: str) -> None:
    """Print what the owner of ACCOUNT signs to prove that it is the customer's."""
    from harness.cli.admit import print_challenge

    print_challenge(environment, customer, account, target=target)


@customer.command()
@accounts
@click.option("--model", "models", metavar="ID", multiple=True, required=True)
@click.option("--region", "regions", metavar="REGION", multiple=True)
@click.option("--again", is_flag=True, help="Let a customer have the name of one that left.")
@changes
def add(**options: Any) -> None:
    """Add CUSTOMER: prove its accounts, list it, make its external id, apply, verify, hand over."""
    from harness.cli.admit import add_customer

    sys.exit(0 if add_customer(**options) else EXIT_FAILED)


@customer.command("add-account")
@accounts
@changes
def add_account(**options: Any) -> None:
    """Add accounts to CUSTOMER."""
    from harness.cli.admit import add_accounts

    sys.exit(0 if add_accounts(**options) else EXIT_FAILED)


@customer.command()
@click.option("--add-model", "add_models", metavar="ID", multiple=True)
@click.option("--remove-model", "remove_models", metavar="ID", multiple=True)
@click.option("--add-region", "add_regions", metavar="REGION", multiple=True)
@click.option("--remove-region", "remove_regions", metavar="REGION", multiple=True)
@changes
def change(**options: Any) -> None:
    """Change the models that CUSTOMER may call, or where from."""
    from harness.cli.operate import change_customer

    sys.exit(0 if change_customer(**options) else EXIT_FAILED)


@customer.command("rotate-external-id")
@click.option(
    "--grace",
    metavar="HOURS",
    type=Hours(0, 24 * 30),
    default=24.0,
    show_default=True,
    help="How long the old id is accepted, too.",
)
@click.option("--end", is_flag=True, help="End the grace of a rotation now.")
@changes
def rotate_external_id(**options: Any) -> None:
    """Give CUSTOMER a new external id; the old one is accepted for some time.

    The trust policy itself ends the old one. Run again when that is over, or with --end before, it
    takes the old id away.
    """
    from harness.cli.rotate import rotate_id

    sys.exit(0 if rotate_id(**options) else EXIT_FAILED)


@customer.command()
@unverified
def stop(**options: Any) -> None:
    """Stop CUSTOMER now: its live sessions are denied at once, and no apply lets it in again."""
    from harness.cli.operate import stop_customer

    sys.exit(0 if stop_customer(**options) else EXIT_FAILED)


@customer.command()
@changes
def resume(**options: Any) -> None:
    """Let CUSTOMER, which was stopped, in again."""
    from harness.cli.operate import resume_customer

    sys.exit(0 if resume_customer(**options) else EXIT_FAILED)


@customer.command()
@changes
def offboard(**options: Any) -> None:
    """Remove CUSTOMER: deny its live sessions, see that they are, remove it, keep its name.

    Nobody takes the name by accident afterwards. Where the environment keeps records, they stay.
    """
    from harness.cli.leave import offboard_customer

    sys.exit(0 if offboard_customer(**options) else EXIT_FAILED)
