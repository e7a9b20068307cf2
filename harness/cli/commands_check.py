"""The commands that check and measure, and that write pages of what was shown, and their options;
the work is in the modules beside.

Those are imported when a command needs them, so that `--help` is quick.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli import EXIT_FAILED


@click.command()
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


@click.command()
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


@click.command()
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


@click.command()
@click.argument("environment", metavar="[ENV]", default="embedded")
def targets(environment: str) -> None:
    """Write docs/targets.md: which probes each target can answer, and why.

    ENV is `embedded` unless given. Takes the probes from the suite, and what they ask for from the
    last `bulkhead demo ENV` and `bulkhead demo ENV --target localstack`.
    """
    from harness.cli.targets import write_page

    write_page(environment)


@click.command()
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


@click.command()
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


@click.command()
@click.option("--fix", is_flag=True, help="Rewrite files to Terraform's format instead of failing.")
def validate(fix: bool) -> None:
    """Check the format and the validity of all Terraform in modules/ and environments/."""
    from harness.cli.terraform_files import validate_all

    sys.exit(0 if validate_all(fix=fix) else EXIT_FAILED)


COMMANDS = (check, decide, coverage, targets, mutants, bench, validate)
