"""What another apply would change, root by root: asked of Terraform as the plan roles.

One root that cannot be planned hides nothing of the others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.deploy.deployment import Deployment
from harness.deploy.run import Progress, Run, root_names
from harness.deploy.terraform import Changes, Terraform
from harness.errors import UserError

Planned = Changes | UserError
"""What a root would change, or why it could not be planned."""


def plan_all(
    deployment: Deployment, run_dir: Path, progress: Progress | None = None
) -> dict[str, Planned]:
    """Plans every root, in the order of the apply; the bootstraps as the accounts' owners, whose
    they are. Changes nothing."""
    run = Run(deployment.environment, run_dir, progress, "plan", target=deployment.target())

    def plan(root: Terraform, variables: dict[str, Any]) -> Planned:
        try:
            return root.plan(variables)
        except UserError as error:
            return error

    with run.stopping():
        # No plan waits for another: those of the bootstraps go on meanwhile.
        with run.bootstraps(plan) as bootstrapped:
            others = [run.organization(plan), run.operations(plan)]
            accounts = deployment.environment.bootstrapped_accounts
            plans = [*map(bootstrapped, accounts), *others]
        plans += run.customers(
            deployment.fleets, lambda root, variables, _account: plan(root, variables)
        )
    return dict(zip(root_names(deployment.environment), plans, strict=True))
