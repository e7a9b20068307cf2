"""All commands, and those that deploy an environment and attack it, with their options; the work is
in the modules beside.

Those are imported when a command needs them, so that `--help` is quick.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.cli import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE
from harness.cli.commands_check import COMMANDS as CHECK
from harness.cli.commands_watch import COMMANDS as WATCH
from harness.cli.customer import customer
from harness.cli.options import (
    AccountId,
    RunId,
    at_endpoint,
    confirmed,
    embedded_or_aws,
    may_change,
    on_target,
    refuse_profiles,
    reports,
    with_profiles,
)
from harness.errors import UserError


class Commands(click.Group):
    """A group whose list of commands says each one's first sentence whole."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [
            (name, command.get_short_help_str(limit=1000))
            for name in self.list_commands(ctx)
            if (command := self.get_command(ctx, name)) is not None and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="bulkhead-harness", message="bulkhead %(version)s")
def commands() -> None:
    """Deploy Bulkhead, and show that the walls between customers hold.

    ENV is a folder under environments/. Environments run in the embedded cloud, an AWS on this
    machine that authenticates and authorizes every request; with --target aws in real accounts.

    Exit code 0: done, and all that had to hold does. 1: something does not hold. 2: bad input or a
    missing tool.
    """


@commands.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes a free one.")
@click.option(
    "--account",
    "accounts",
    metavar="ID",
    type=AccountId(),
    multiple=True,
    required=True,
    help="An account to start with; may be given again.",
)
@click.option(
    "--credentials",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Shared credentials file to write: one administrator profile per account.",
)
@click.option(
    "--quota",
    "quotas",
    metavar="[ACCOUNT/]MODEL=REQUESTS[:TOKENS]",
    multiple=True,
    help="What each account, or one, may ask of a model in a minute; may be given again. Models "
    "have no quota otherwise.",
)
@click.option(
    "--issuer",
    "issuers",
    metavar="URL=FILE",
    multiple=True,
    help="An OpenID Connect issuer and the file with its key set (JWKS); may be given again.",
)
@click.option(
    "--inference-profile-key",
    "profile_key",
    type=click.Choice(["application", "system-too"]),
    default="application",
    show_default=True,
    help="Not known of AWS: whether a call through an application inference profile copied from a "
    "cross-region profile is authorized on that one, too.",
)
def cloud(
    port: int,
    accounts: tuple[str, ...],
    credentials: Path,
    quotas: tuple[str, ...],
    issuers: tuple[str, ...],
    profile_key: str,
) -> None:
    """Run an empty embedded cloud until Ctrl-C.

    Point the AWS CLI, boto3 or Terraform at it with the three variables that it prints. The profile
    of an administrator is named by the account id, that of a root user root@ and the id.
    """
    from harness.cli.serve import serve

    serve(port, accounts, credentials, quotas, issuers, profile_key)


@commands.command()
@click.argument("environment", metavar="ENV")
@with_profiles
@click.option(
    "--rehearse/--no-rehearse",
    default=True,
    help="Whether ENV is applied to an embedded cloud, once, to say what will be made and what "
    "that costs.  [default: rehearse]",
)
def preflight(environment: str, profiles: tuple[str, ...], rehearse: bool) -> None:
    """Show which real accounts, regions and identities ENV would touch, and refuse what does not
    fit; change nothing.

    Asks each account of customers.yaml who its profile is. Refused are another account's profile,
    one that is not of the account's owner, an account in another organization than it should be, a
    region that is not enabled, an alias that speaks of production.

    Exit code 0: nothing speaks against it. 1: something does.
    """
    from harness.cli.accounts import preflight_accounts

    sys.exit(0 if preflight_accounts(environment, profiles, rehearsed=rehearse) else EXIT_FAILED)


@commands.command()
@click.argument("environment", metavar="ENV")
@with_profiles
@click.option(
    "--run",
    metavar="ID",
    type=RunId(),
    default="",
    help="Only what carries the tag of that run (bulkhead:run), as the list says it; also while "
    "another run is deployed.",
)
@click.option("--delete", is_flag=True, help="Remove it, after it was listed.")
@confirmed
def sweep(environment: str, profiles: tuple[str, ...], run: str, delete: bool, yes: bool) -> None:
    """List what a killed run of ENV left in its real accounts; with --delete, remove it.

    That is for when states are lost; where they are not, `bulkhead destroy ENV --target aws` goes
    on. Removed is only what starts with our prefix and carries the tags of the environment and
    of a run; what lacks one, cannot be told, or is a record that is kept, is listed and left.

    Exit code 0: nothing is left. 1: something is.
    """
    from harness.cli.accounts import sweep_accounts

    nothing = sweep_accounts(environment, profiles, delete=delete, yes=yes, run=run)
    sys.exit(0 if nothing else EXIT_FAILED)


@commands.command()
@click.argument("environment", metavar="ENV")
@on_target
@at_endpoint
@with_profiles
@click.option(
    "--afresh", is_flag=True, help="Also do again what an apply had done that was not finished."
)
@confirmed
def apply(
    environment: str,
    target: str,
    endpoint: str | None,
    profiles: tuple[str, ...],
    afresh: bool,
    yes: bool,
) -> None:
    """Deploy ENV into an embedded cloud that stays until Ctrl-C, or into real accounts.

    While it stays, `bulkhead verify ENV` and `bulkhead destroy ENV` from another terminal work on
    it, and another `bulkhead apply ENV` brings it up to date. With --target aws the preflight is
    shown and asked about first, and what is deployed stays when the command ends.

    Guardrails, operations, then the roots of all customers, several at a time. A root that fails
    keeps none from being applied that does not need it; what is left is said, and the next apply
    does only that. So it does after an interruption.
    """
    if target == "aws":
        from harness.cli.accounts import apply_accounts

        sys.exit(
            0 if apply_accounts(environment, profiles, yes=yes, afresh=afresh) else EXIT_FAILED
        )
    refuse_profiles(profiles)
    from harness.cli.clouds import Kind
    from harness.cli.environments import apply_environment

    done = apply_environment(environment, Kind.of(target, endpoint), afresh=afresh)
    sys.exit(0 if done else EXIT_FAILED)


@commands.command()
@click.argument("environment", metavar="ENV")
@click.argument("customer", metavar="CUSTOMER")
@click.argument("account", metavar="[ACCOUNT]", type=AccountId(), required=False)
@click.option(
    "--region",
    metavar="REGION",
    help="Where it calls models, of the customer's regions.  [default: its main region]",
)
def config(environment: str, customer: str, account: str | None, region: str | None) -> None:
    """Write what an application of CUSTOMER needs to call Bedrock in the running ENV.

    That is a configuration document of the client and a credentials file, both private, under
    .bulkhead/ENV/clients. Prints the variables to set and the command of the example application.
    ACCOUNT is needed where the customer has several. One document is for one region: the client
    calls models in no other.
    """
    from harness.cli.environments import configure_client

    configure_client(environment, customer, account, region)


@commands.command()
@click.argument("environment", metavar="ENV")
@on_target
@at_endpoint
@may_change
@reports
def verify(
    environment: str, target: str, endpoint: str | None, changing: bool, **files: Path | None
) -> None:
    """Run the security suite against ENV and show the verdict.

    Probes the ENV that a `bulkhead apply ENV` keeps running; without one, deploys it into an
    embedded cloud of its own and ends that afterwards.
    """
    if target == "aws":
        from harness.cli.accounts import verify_accounts

        holds = verify_accounts(environment, changing=changing, **files)
        sys.exit(0 if holds else EXIT_FAILED)
    from harness.cli.clouds import Kind
    from harness.cli.environments import verify_environment

    kind = Kind.of(target, endpoint)
    sys.exit(0 if verify_environment(environment, kind, **files) else EXIT_FAILED)


@commands.command()
@click.argument("environment", metavar="ENV")
@click.option("--set", "make", is_flag=True, help="Set what is not as it should be.")
@embedded_or_aws
@with_profiles
@confirmed
def baseline(
    environment: str, make: bool, target: str, profiles: tuple[str, ...], yes: bool
) -> None:
    """Show the settings of a deployed ENV that Terraform cannot make; with --set, make them.

    That is Bedrock's data retention (none, in every region), the cost allocation tags of inference
    profiles (active, in the account that pays) and the access to each customer's models, which is
    told and left to a person. Changes nothing unless told to; `bulkhead apply` sets them as well.

    Exit code 0: all is as it should be. 1: something is not.
    """
    if target == "aws":
        from harness.cli.baseline import baseline_accounts

        good = baseline_accounts(environment, profiles, make=make, yes=yes)
        sys.exit(0 if good else EXIT_FAILED)
    refuse_profiles(profiles)
    from harness.cli.baseline import baseline_environment

    sys.exit(0 if baseline_environment(environment, make=make) else EXIT_FAILED)


@commands.command()
@click.argument("environment", metavar="ENV")
@on_target
@confirmed
def destroy(environment: str, target: str, yes: bool) -> None:
    """Remove from ENV everything that `bulkhead apply ENV` deployed, or began to."""
    if target == "aws":
        from harness.cli.accounts import destroy_accounts

        destroy_accounts(environment, yes=yes)
        return
    from harness.cli.clouds import Kind
    from harness.cli.environments import destroy_environment

    # What runs is found by its folder; nothing is started.
    destroy_environment(environment, Kind(localstack=target == "localstack"))


@commands.command()
@click.argument("environment", metavar="[ENV]", default="embedded")
@on_target
@at_endpoint
@with_profiles
@confirmed
@may_change
@reports
def demo(
    environment: str,
    target: str,
    endpoint: str | None,
    profiles: tuple[str, ...],
    yes: bool,
    changing: bool,
    **files: Path | None,
) -> None:
    """The main job: deploy to a new cloud, call Bedrock, attack, give the verdict.

    ENV is `embedded` unless given. With --target localstack a LocalStack stores and answers what it
    can. With --target aws in real accounts, which are cleaned up at the end, also after Ctrl-C.
    """
    if target == "aws":
        from harness.cli.accounts import demo_accounts

        holds = demo_accounts(environment, profiles, yes=yes, changing=changing, **files)
        sys.exit(0 if holds else EXIT_FAILED)
    refuse_profiles(profiles)
    from harness.cli.clouds import Kind
    from harness.cli.environments import demo_environment

    kind = Kind.of(target, endpoint)
    sys.exit(0 if demo_environment(environment, kind, **files) else EXIT_FAILED)


for command in (customer, *WATCH, *CHECK):
    commands.add_command(command)


_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}


def run(command: Callable[..., Any], arguments: list[str] | None = None) -> int:
    """Runs a click command; returns the exit code."""
    try:
        command(args=arguments, prog_name="bulkhead", standalone_mode=False)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_USAGE if end.code else 0
    except UserError as error:
        for message in error.messages:
            click.echo(f"bulkhead: {' '.join(message.split())}", err=True)
        return EXIT_USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("bulkhead: interrupted", err=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return EXIT_FAILED
    except OSError as error:
        # The machine's, and no bug; after `BrokenPipeError`, which is one of these.
        if error.errno not in _UNWRITABLE:
            raise
        click.echo(f"bulkhead: {error.filename or 'a file'}: {error.strerror}", err=True)
        return EXIT_USAGE
    return 0
