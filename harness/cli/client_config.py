"""What an application in a customer account needs to run by hand against a running environment."""

from __future__ import annotations

import configparser
import io
import shlex
import sys
from pathlib import Path

import click

from harness.deploy.deployment import CustomerAccount, Deployment
from harness.deploy.workspace import project_root, write_private
from harness.errors import UserError

FOLDER = "clients"
CALLER = "caller"
"""The profile that the application runs as."""
APP = "example"


def write_client_config(
    deployment: Deployment,
    folder: Path,
    customer: str,
    account: str | None,
    region: str | None = None,
) -> None:
    """Writes `clients/ACCOUNT.credentials` (the caller role and the account's administrator) in
    `folder`, for its owner's eyes only, and prints the commands that use it. The application reads
    its configuration where Terraform wrote it, for `region` or the customer's main region.

    Raises `UserError` for a customer, an account or a region that is not there.
    """
    home = _home(deployment, customer, account)
    fleet = deployment.fleets[customer]
    if region is not None and region not in fleet.regions:
        raise UserError(f"{customer} has no region {region}; it has {', '.join(fleet.regions)}")
    credentials = folder / FOLDER / f"{home.account_id}.credentials"
    write_private(credentials, _profiles(deployment, home))
    for name, value in (
        ("AWS_ENDPOINT_URL", deployment.place.endpoint),
        ("AWS_SHARED_CREDENTIALS_FILE", str(credentials)),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_DEFAULT_REGION", home.region),
    ):
        click.echo(f"export {name}={shlex.quote(value)}")
    python = _near(Path(sys.executable))
    example = f"{python} {_near(project_root() / 'client' / 'examples' / 'application.py')}"
    click.echo(f"# As the application of {home.customer}, for an hour:")
    source = home.configuration[region or fleet.region]
    # The client goes to no address that only the environment names.
    place = f"--app {APP} --endpoint-url {shlex.quote(deployment.place.endpoint)}"
    click.echo(f"#   {example} --config {shlex.quote(source)} --profile {CALLER} {place}")
    click.echo("# As the administrator of its account:")
    click.echo(
        f"#   aws --profile {home.account_id} logs filter-log-events "
        f"--log-group-name {home.log_group_name}"
    )


def _near(path: Path) -> str:
    """The path for a shell, as seen from here when that is shorter."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _home(deployment: Deployment, customer: str, account: str | None) -> CustomerAccount:
    if customer not in deployment.fleets:
        known = ", ".join(deployment.fleets)
        raise UserError(f"no customer {customer!r} is deployed; there are {known}")
    homes = {k: v for k, v in deployment.accounts.items() if v.customer == customer}
    if account is None:
        if len(homes) > 1:
            raise UserError(f"{customer} has the accounts {', '.join(homes)}; name one of them")
        return next(iter(homes.values()))
    if account not in homes:
        raise UserError(f"{customer} has no account {account}; it has {', '.join(homes)}")
    return homes[account]


def _profiles(deployment: Deployment, home: CustomerAccount) -> str:
    target = deployment.target()
    sessions = {
        CALLER: target.caller_session(
            home.caller_role_arn, home.caller, region=home.region, session_name=APP
        ),
        home.account_id: target.session(home.account_id),
    }
    profiles = configparser.RawConfigParser()
    for name, session in sessions.items():
        keys = session.get_credentials()
        assert keys is not None
        profiles[name] = {
            "aws_access_key_id": keys.access_key,
            "aws_secret_access_key": keys.secret_key,
        } | ({"aws_session_token": keys.token} if keys.token else {})
    text = io.StringIO()
    profiles.write(text)
    return text.getvalue()
