"""What snapshot, audit and drift look at: what runs in the embedded cloud, or real accounts.

Real accounts are read by the profiles of the run that deployed them, by those that are found here,
of whatever role may read, or as the audit role of each account, by a token of CI. Then what was
deployed can come from another machine, in a file without secrets.
https://docs.aws.amazon.com/sdkref/latest/guide/access-assume-role-web.html
"""

from __future__ import annotations

import configparser
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.cli import accounts
from harness.cli.environments import (
    changing,
    loaded,
    refuse_changes,
    run_folder,
    running,
    unless_changing,
)
from harness.deploy.deployed import load_deployed
from harness.deploy.deployment import Deployment
from harness.deploy.environment import Environment
from harness.deploy.workspace import write_private
from harness.errors import UserError
from harness.targets.aws import AwsTarget
from harness.targets.base import AUDIT_ROLE, Target
from harness.targets.profiles import Access


@dataclass(frozen=True, slots=True)
class Watched:
    """An environment that is deployed, and where it is read."""

    environment: Environment
    deployment: Deployment
    target: Target
    """Real accounts are only read."""
    folder: Path
    """Of the run: states and reports."""
    option: str
    """What `bulkhead apply` is told besides, to bring it up to date."""

    def refuse_changes(self) -> None:
        """Raises `UserError` where `customers.yaml` lists other things than were applied."""
        lock = accounts.alone_in if self.option else changing
        with unless_changing(lock(self.folder)):
            refuse_changes(self.environment, self.deployment, self.folder, option=self.option)


@dataclass(frozen=True, slots=True)
class Means:
    """By what real accounts are read. Nothing given: as the run that deployed them."""

    named: Sequence[str] = ()
    """Profiles, as ACCOUNT=NAME."""
    deployed: Path | None = None
    """A file that `bulkhead deployed` wrote."""
    token: Path | None = None
    """A file with a token of CI."""

    @property
    def given(self) -> bool:
        return self != Means()


def watched(name: str, *, aws: bool = False, means: Means = Means()) -> Watched:
    """What is deployed of an environment, in the embedded cloud or, with `aws`, in real accounts.

    Raises `UserError` where nothing is deployed, and where an account gives no credentials.
    """
    environment = loaded(name)
    if not aws:
        if means.given:
            raise UserError(
                "--deployed, --profile and --token are for real accounts; give --target aws"
            )
        deployment = running(environment)
        if deployment is None:
            raise UserError(
                f"{environment.name} is not running; start it with `bulkhead apply "
                f"{environment.name}`"
            )
        folder = run_folder(environment)
        return Watched(environment, deployment, deployment.target(), folder, "")
    folder = accounts.run_folder(environment)
    if means.deployed is None:
        with unless_changing(accounts.alone_in(folder)):
            deployment = accounts.deployment_of(environment, folder)
    else:
        deployment = load_deployed(means.deployed, environment)
    if not means.given:
        target = deployment.target(changing=False)
    elif means.token is not None:
        target = AwsTarget(_by_token(environment, folder, means))
    else:
        access, missing = accounts.access_of(environment, folder, means.named)
        if without := [a for a in environment.bootstrapped_accounts if a in missing]:
            raise UserError(*(f"{account}: {missing[account]}" for account in without))
        target = AwsTarget(access)
    _sign_in(environment, target)
    return Watched(environment, deployment, target, folder, accounts.OPTION)


def _by_token(environment: Environment, folder: Path, means: Means) -> Access:
    """Profiles of the audit role of each account, which the token opens. No secret is in them."""
    token = means.token
    if means.named or token is None or not token.is_file():
        raise UserError(f"--token {token}: name a file with a token, and no profiles besides")
    config = folder / "audit-config"
    profiles = configparser.RawConfigParser()
    for account in environment.bootstrapped_accounts:
        profiles[f"profile {account}"] = {
            "role_arn": f"arn:{environment.partition}:iam::{account}:role/{AUDIT_ROLE}",
            "web_identity_token_file": str(token.absolute()),
            "role_session_name": "audit",
        }
    text = io.StringIO()
    profiles.write(text)
    write_private(config, text.getvalue())
    return Access(
        environment=environment.name,
        partition=environment.partition,
        run="audit",
        config=str(config.absolute()),
        credentials=os.devnull,
        folder=str(folder),
        profiles={account: account for account in environment.bootstrapped_accounts},
        callers={},
        administrator=environment.administrator,
    )


def _sign_in(environment: Environment, target: Target) -> None:
    """Has credentials of all accounts before the first is read: a token of CI is good for minutes.
    Raises `UserError` that tells of each account that gives none."""
    wrong = []
    for account in environment.bootstrapped_accounts:
        try:
            target.session(account)
        except UserError as error:
            wrong.append(f"{account}: {error}")
    if wrong:
        raise UserError(*wrong)
