"""What an edit of `customers.yaml` would change, asked of Terraform before the file is touched.

The roots read the file beside them, so they are copied with the edited one and planned there, with
the states as they are. Roots of a customer's accounts that wait for what others make (the profiles
of a new model, the keys of a new account) cannot be planned before that is made.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from harness.deploy.deployment import Deployment
from harness.deploy.drift import Planned
from harness.deploy.environment import Environment, load_environment
from harness.deploy.holds import refuse_lost
from harness.deploy.rotation import graced
from harness.deploy.run import Progress, Run, Scope, root_names
from harness.deploy.secrets import new_external_id
from harness.deploy.staging import LEFT, staged
from harness.deploy.terraform import Terraform
from harness.deploy.workspace import CUSTOMERS_FILE, private_folder
from harness.errors import UserError

FOLDER = "preview"


@contextmanager
def edited_copy(environment: Environment, run_dir: Path, text: str) -> Iterator[Environment]:
    """Within, the environment with another `customers.yaml`, beside the real one."""
    tree = private_folder(run_dir) / FOLDER
    shutil.rmtree(tree, ignore_errors=True)
    # The folder's name is the environment's.
    path = tree / "environments" / environment.name
    try:
        shutil.copytree(environment.path.parent.parent / "modules", tree / "modules", ignore=LEFT)
        shutil.copytree(environment.path, path, ignore=LEFT)
        for lock in staged(environment, run_dir).path.glob("*/.terraform.lock.hcl"):
            # What `init` chose where the roots are applied.
            shutil.copy(lock, path / lock.parent.name)
        (path / CUSTOMERS_FILE).write_bytes(text.encode())
        yield load_environment(path)
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def preview(
    deployment: Deployment,
    text: str,
    scope: Scope,
    run_dir: Path,
    progress: Progress | None = None,
    rotated: str | None = None,
) -> dict[str, Planned]:
    """By root of `scope`: what applying the edited file would change, or why it could not be
    planned. Changes nothing, and keeps no external id; `rotated` is who would get another. Raises
    `UserError` where a hold would end that nobody says is lifted."""
    with edited_copy(deployment.environment, run_dir, text) as environment:
        if scope.organization:
            refuse_lost(environment, run_dir)
        run = Run(environment, run_dir, progress, "plan", target=deployment.target(), dry=True)

        def plan(root: Terraform, variables: dict[str, Any]) -> Planned:
            try:
                return root.plan(variables)
            except UserError as error:
                return error

        if rotated is not None:
            # Made up, as a plan shows none.
            run.previous_ids[rotated] = graced(run.ids[rotated], timedelta(hours=1))
            run.ids[rotated] = new_external_id()
        names = root_names(environment, scope)
        # No plan waits for another: those of the bootstraps go on meanwhile.
        with run.stopping(), run.bootstraps(plan, scope.bootstraps) as bootstrapped:
            others = [run.organization(plan)] if scope.organization else []
            others.append(run.operations(plan))
            plans = [*map(bootstrapped, scope.bootstraps), *others]
    return dict(zip(names, plans, strict=False))


def needed(environment: Environment, customer: str, *, accounts: bool, organization: bool) -> Scope:
    """The roots that a change of one customer is about: operations and the customer's own; with
    `accounts` the bootstraps of its accounts and of those that know of all accounts."""
    own = environment.customers.get(customer)
    bootstraps: tuple[str, ...] = ()
    if accounts:
        bootstraps = (
            environment.operations_account,
            *filter(None, [environment.state_account]),
            *(account.account_id for account in (own.accounts if own else ())),
        )
    return Scope(bootstraps, organization, frozenset([customer] if own else []))
