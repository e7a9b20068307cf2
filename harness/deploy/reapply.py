"""Applies one root of a deployment again, from other sources, to a copy of its cloud.

The states are copied with the cloud, so only what differs is changed. Nothing is refreshed unless
asked: a copy of a cloud that nobody has touched is what its states say. It is done as the owner of
the account: what a deploy role is refused is shown elsewhere.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.deploy.deployment import Deployment
from harness.deploy.environment import BOOTSTRAP_ROOT, OPERATIONS_ROOT, ORGANIZATION_ROOT
from harness.deploy.terraform import Changes, Terraform
from harness.deploy.toolchain import prepare_toolchain
from harness.deploy.workspace import RUNS, project_root
from harness.errors import UserError


def reapply(
    deployment: Deployment,
    run_dir: Path,
    tree: Path,
    work: Path,
    name: str,
    account: str = "",
    *,
    refresh: bool = False,
) -> Changes:
    """Applies the root of that name, for customers and bootstraps that of `account`, as it stands
    in `tree`.

    `deployment` names the cloud to apply to; `run_dir` is where the original was applied, and is
    only read; `work` takes the state. `tree` mirrors the project, so that modules are found as they
    were. Raises `UserError` when Terraform fails, or when it finds nothing to change.
    """
    environment = deployment.environment
    root = tree / environment.path.resolve().relative_to(project_root().resolve()) / name
    ids = deployment.external_ids
    label, variables = name, dict[str, object]()
    if name == BOOTSTRAP_ROOT:
        label, profile = f"{name}-{account}", account
        variables = {"account_id": account}
    elif name == ORGANIZATION_ROOT:
        profile = environment.management_account
    elif name == OPERATIONS_ROOT:
        profile, variables = environment.operations_account, {"external_ids": ids}
    else:
        customer = deployment.accounts[account].customer
        label, profile = f"{customer}-{account}", account
        variables = {
            "customer": customer,
            "account_id": account,
            "handover": dict(deployment.fleets[customer].handover),
        }
    terraform = Terraform(
        prepare_toolchain(project_root() / RUNS / "terraform"),
        root,
        folder=work,
        data=(run_dir / "data" / name).absolute(),
        environ=deployment.target().environ(None),
        label=label,
        hidden=ids.values(),
        one_provider=True,
    )
    shutil.copyfile(run_dir / "state" / label / "terraform.tfstate", terraform.state)
    changes = terraform.apply({"profile": profile, **variables}, refresh=refresh)
    if not changes.planned:
        raise UserError(f"{label}: the changed sources ask for no change")
    return changes
