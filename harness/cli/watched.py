"""What snapshot, audit and drift look at: what runs in the embedded cloud, or real accounts.

Real accounts are read as somebody's profiles show them: those of the run that deployed them, or
those that are found here, of whatever role may read. Then what was deployed can come from another
machine, in a file without secrets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.cli import accounts
from harness.cli.environments import loaded, refuse_changes, run_folder, running
from harness.deploy.deployed import load_deployed
from harness.deploy.deployment import Deployment
from harness.deploy.environment import Environment
from harness.errors import UserError
from harness.targets.aws import AwsTarget
from harness.targets.base import Target


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
        refuse_changes(self.environment, self.deployment, self.folder, option=self.option)


def watched(
    name: str, *, aws: bool = False, named: Sequence[str] = (), deployed: Path | None = None
) -> Watched:
    """What is deployed of an environment, in the embedded cloud or, with `aws`, in real accounts.

    `named` are profiles as ACCOUNT=NAME, `deployed` is a file that `bulkhead deployed` wrote. With
    one of these, profiles are looked for; else those of the run are taken. Raises `UserError` where
    nothing is deployed, and where an account has no profile.
    """
    environment = loaded(name)
    if not aws:
        if named or deployed is not None:
            raise UserError("--profile and --deployed are for real accounts; give --target aws")
        deployment = running(environment)
        if deployment is None:
            raise UserError(
                f"{environment.name} is not running; start it with `bulkhead apply "
                f"{environment.name}`"
            )
        folder = run_folder(environment)
        return Watched(environment, deployment, deployment.target(), folder, "")
    folder = accounts.run_folder(environment)
    if deployed is None:
        deployment = accounts.deployment_of(environment, folder)
    else:
        deployment = load_deployed(deployed, environment)
    if deployed is None and not named:
        target = deployment.target(changing=False)
    else:
        access, missing = accounts.access_of(environment, folder, named)
        without = [a for a in environment.bootstrapped_accounts if a in missing]
        if without:
            raise UserError(*(f"{account}: {missing[account]}" for account in without))
        target = AwsTarget(access)
    return Watched(environment, deployment, target, folder, accounts.OPTION)
