"""The commands that watch what is deployed, and their options; the work is in the modules beside.

Those are imported when a command needs them, so that `--help` is quick.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli import EXIT_FAILED
from harness.cli.options import embedded_or_aws, read_elsewhere
from harness.errors import UserError


@click.command()
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


@click.command()
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


@click.command()
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


@click.command()
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


@click.command()
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


COMMANDS = (deployed, snapshot, diff, audit, drift)
