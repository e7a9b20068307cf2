"""The commands and their options; the work is in the modules beside.

Those are imported when a command needs them, so that `--help` is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.cli import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE
from harness.cli.customer import customer
from harness.cli.options import (
    AccountId,
    RunId,
    at_endpoint,
    confirmed,
    embedded_or_aws,
    may_change,
    on_target,
    read_elsewhere,
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
@click.option(
    "--sarif",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the findings as SARIF, for the lines of a pull request.",
)
def check(environment: str, sarif: Path | None) -> None:
    """Check the plans of ENV with our checks for checkov (docs/checkov.md).

    Applies ENV to an embedded cloud of its own first, since a plan knows every policy only then.
    """
    from harness.cli.check import check_environment

    sys.exit(0 if check_environment(environment, sarif) else EXIT_FAILED)


@commands.command()
@click.argument("files", metavar="[FILE]...", nargs=-1)
def decide(files: tuple[str, ...]) -> None:
    """Decide requests as AWS would, from policies you give.

    A local policy simulator: it asks no AWS account and needs no embedded cloud. Reads cases from
    each FILE, or from standard input without one or for `-`: one JSON object per line. Writes one
    line per case, in the same order, with the decision, the statements that decided and why.

    \b
      {"id": "read",
       "request": {"principal": "arn:aws:iam::111111111111:user/ann",
                   "action": "s3:GetObject",
                   "resource": "arn:aws:s3:::reports/may.pdf",
                   "resourceAccount": "111111111111",
                   "context": {"aws:PrincipalOrgID": "o-abc"}},
       "identityPolicies": [POLICY, ...],
       "resourcePolicy": POLICY,
       "permissionsBoundary": POLICY,
       "sessionPolicy": POLICY,
       "scps": [[POLICY at the root, ...], [POLICY at the account, ...]],
       "rcps": [[POLICY, ...], ...],
       "expected": "Allowed"}

    All on one line. Only `id` and `request` must be there. `expected` makes the case a test; it is
    Allowed, ImplicitlyDenied or ExplicitlyDenied.

    A key of the context that is left out is absent from the request, as on AWS. What the engine
    does not know (an operator, an element, a key of the case) is an error of its line, and never
    skipped.

    Exit code 0: all decided, as expected. 1: a case was not decided as it expects. 2: a line or a
    file could not be read, whatever the others say. docs/decide.md has examples to run.
    """
    from harness.cli.decide import decide_files

    sys.exit(decide_files(files))


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
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Where it goes.",
)
def deployed(environment: str, out: Path) -> None:
    """Write what ENV has deployed in real accounts into a file without secrets, for an audit on
    another machine.

    That one reads it with `bulkhead audit ENV --target aws --deployed FILE`, by profiles of its
    own. Ids of accounts and keys, ARNs and guardrails are in it, and no external id. Write it again
    after each apply.
    """
    from harness.cli.accounts import share_deployed

    share_deployed(environment, out)


@commands.command()
@click.argument("environment", metavar="ENV")
@read_elsewhere
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the snapshot goes.  [default: .bulkhead/ENV/snapshot-N.json]",
)
@click.option(
    "--key",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The key of the digests of external ids, made if it is not there; snapshots are compared "
    "whole only with one key.  [default: .bulkhead/snapshot.key]",
)
def snapshot(
    environment: str,
    target: str,
    profiles: tuple[str, ...],
    deployed: Path | None,
    token: Path | None,
    out: Path | None,
    key: Path | None,
) -> None:
    """Read everything of ENV that decides access into one file; change nothing.

    Principals, policies, trusts, boundaries, guardrails, keys and grants, buckets, log groups and
    the ways out of them, sinks and links, Bedrock's settings and profiles, of every account that
    something is deployed in. No secret is in it: a digest stands for each external id. What could
    not be read is told, and listed in the file. docs/watch.md tells more.
    """
    from harness.cli.snapshot import snapshot_environment
    from harness.cli.watched import Means, watched

    means = Means(profiles, deployed, token)
    seen = watched(environment, aws=target == "aws", means=means)
    snapshot_environment(seen, out, key)


@commands.command()
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--cases",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write each request whose answer changed, with every policy that bears on it, twice: "
    "cases for `bulkhead decide`.",
)
def diff(before: Path, after: Path, as_json: bool, cases: Path | None) -> None:
    """Say what access was gained or lost between the snapshots A and B.

    Decides some thousand requests on both (who may become which role, read records, call models,
    change stops and boundaries) and says whose answers changed; then every statement, attachment
    and setting that came or went.

    Exit code 0: no difference. 1: there is one. 2: a file is no snapshot.
    """
    from harness.cli.snapshot import diff_files

    sys.exit(0 if diff_files(before, after, as_json=as_json, cases=cases) else EXIT_FAILED)


@commands.command()
@click.argument("environment", metavar="ENV")
@read_elsewhere
@click.option(
    "--probes/--no-probes",
    default=True,
    help="Whether the security suite is run, too. In the embedded cloud it acts in copies of it; "
    "without it everything is only read.  [default: probes]",
)
@click.option(
    "--since",
    metavar="SNAPSHOT",
    type=click.Path(path_type=Path),
    help="Also say what access was gained or lost since that snapshot; any is a finding.",
)
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep the snapshot that was taken.",
)
@click.option(
    "--key",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The key of the digests, as of `bulkhead snapshot`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def audit(
    environment: str,
    target: str,
    profiles: tuple[str, ...],
    deployed: Path | None,
    token: Path | None,
    probes: bool,
    since: Path | None,
    out: Path | None,
    key: Path | None,
    as_json: bool,
) -> None:
    """Verify ENV, and report what is there beside what was deployed.

    Reads every account and looks for what Terraform leaves alone: policies attached to its roles,
    trusts and resource policies that let in others, grants, ways out of log groups, links, settings
    of Bedrock, guardrails that bind no more. Then runs the security suite. Made for cron.

    Exit code 0: ENV is as it was deployed and the walls hold. 1: it is not. 2: nobody could tell.
    """
    from harness.cli.audit import audit_environment
    from harness.cli.watched import Means, watched

    means = Means(profiles, deployed, token)
    if probes and means.given:
        raise UserError("probes go by what the run knows; give --no-probes to read by other means")
    seen = watched(environment, aws=target == "aws", means=means)
    holds = audit_environment(seen, probes=probes, as_json=as_json, since=since, out=out, key=key)
    sys.exit(0 if holds else EXIT_FAILED)


@commands.command()
@click.argument("environment", metavar="ENV")
@embedded_or_aws
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def drift(environment: str, target: str, as_json: bool) -> None:
    """Say what another apply of ENV would change, root by root; change nothing.

    Plans every root as the plan role of its account, the bootstraps as the accounts' owners. Made
    for cron.

    Exit code 0: nothing. 1: something. 2: a root could not be planned, whatever the others say.
    """
    from harness.cli.audit import drift_environment
    from harness.cli.watched import watched

    sys.exit(drift_environment(watched(environment, aws=target == "aws"), as_json=as_json))


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


@commands.command()
@click.argument("environment", metavar="[ENV]", default="embedded")
@click.option(
    "--results",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="What the probes showed.  [default: .bulkhead/ENV/results.json]",
)
def coverage(environment: str, results: Path | None) -> None:
    """Write docs/coverage.md: which attacks the last run of ENV probed, and which are not probed.

    ENV is `embedded` unless given. Fails when a row of the attack catalogue has neither a probe nor
    a reason for having none.
    """
    from harness.cli.coverage import write_page

    sys.exit(0 if write_page(environment, results) else EXIT_FAILED)


@commands.command()
@click.argument("environment", metavar="[ENV]", default="embedded")
def targets(environment: str) -> None:
    """Write docs/targets.md: which probes each target can answer, and why.

    ENV is `embedded` unless given. Takes the probes from the suite, and what they ask for from the
    last `bulkhead demo ENV` and `bulkhead demo ENV --target localstack`.
    """
    from harness.cli.targets import write_page

    write_page(environment)


@commands.command()
@click.argument("environment", metavar="[ENV]", default="embedded")
@click.option(
    "--level",
    "levels",
    type=click.Choice(["terraform", "live", "client"]),
    multiple=True,
    help="Only weakenings made there; may be given again.",
)
@click.option("--only", "identifiers", metavar="ID", multiple=True, help="Only this weakening.")
@click.option("--list", "listed", is_flag=True, help="Show the weakenings and try none.")
@click.option(
    "--json",
    "report",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what came of each.",
)
def mutants(
    environment: str,
    levels: tuple[str, ...],
    identifiers: tuple[str, ...],
    listed: bool,
    report: Path | None,
) -> None:
    """Break ENV on purpose in copies of its cloud; the suite must notice each time.

    Weakenings are made in the Terraform source, in live policies and settings, and in the client.
    Those that nothing notices are listed.
    """
    from harness.cli.mutants import show_all, try_mutants

    if listed:
        show_all()
        return
    sys.exit(0 if try_mutants(environment, levels, identifiers, report) else EXIT_FAILED)


@commands.command()
@click.argument("environment", metavar="[ENV]", default="embedded")
@click.option("--rounds", type=click.IntRange(1), default=200, help="Times each request is made.")
@click.option(
    "--customers",
    type=click.IntRange(4),
    default=10_000,
    help="How many to grow to.",
    show_default=True,
)
@click.option(
    "--jobs/--no-jobs", default=True, help="Whether logging and main jobs are timed, too."
)
@click.option("--client-only", is_flag=True, help="Measure the client's logging and nothing else.")
@click.option(
    "--json",
    "report",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the figures go as JSON.",
)
def bench(
    environment: str,
    rounds: int,
    customers: int,
    jobs: bool,
    client_only: bool,
    report: Path | None,
) -> None:
    """Measure what the gateway and the client's logging cost, and how long the jobs of ENV take.

    The jobs are demo, suite and weakenings; the logging is measured beside other ways to log. Fails
    when one of these takes longer than it may.
    """
    from harness.cli.bench import bench

    held = bench(
        environment,
        rounds=rounds,
        many=customers,
        jobs=jobs,
        client_only=client_only,
        report=report,
    )
    sys.exit(0 if held else EXIT_FAILED)


@commands.command()
@click.option("--fix", is_flag=True, help="Rewrite files to Terraform's format instead of failing.")
def validate(fix: bool) -> None:
    """Check the format and the validity of all Terraform in modules/ and environments/."""
    from harness.cli.terraform_files import validate_all

    sys.exit(0 if validate_all(fix=fix) else EXIT_FAILED)


commands.add_command(customer)


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
    return 0
