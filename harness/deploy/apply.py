"""Applies an environment's roots to a target, removes them again, and asks what an apply would do.

Each account's owner bootstraps it once; from then on its deploy role applies and its plan role
plans. The management account is bootstrapped first, and the organization root goes before the
others, so that nothing but what bootstraps make is ever there unguarded; then the operations root,
then one run of the customer root for each customer account, as soon as that is bootstrapped.

What a deploy role can never remove, a customer's records and their keys, and the deploy roles
themselves, the owner destroys.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness.deploy.baseline import set_baseline
from harness.deploy.deployment import (
    CustomerAccount,
    Deployment,
    customer_account,
    fleets,
    guardrails,
    place_of,
)
from harness.deploy.drift import plan_all
from harness.deploy.environment import BOOTSTRAP_ROOT, Account, Environment
from harness.deploy.offboard import deny_sessions
from harness.deploy.run import Progress, Run, folder_name, root_names
from harness.deploy.terraform import Changes, Terraform
from harness.deploy.workspace import CUSTOMERS_FILE
from harness.errors import UserError
from harness.targets.embedded import EmbeddedTarget

DEPLOYMENT_FILE = "deployment.json"


def unlisted_roots(environment: Environment, run_dir: Path) -> list[str]:
    """Customer accounts that were applied and still hold resources, but are in `customers.yaml` no
    more. Their records are the customer's, so only a person decides when they go."""
    listed = {folder_name(name) for name in root_names(environment)}
    left = []
    for state in sorted((run_dir / "state").glob("*/terraform.tfstate")):
        if state.parent.name.startswith(f"{BOOTSTRAP_ROOT}-"):
            continue  # its owner's, who may still have use of it
        if state.parent.name not in listed and json.loads(state.read_text())["resources"]:
            customer, _, account = state.parent.name.rpartition("-")
            left.append(f"{customer} {account}")
    return left


def deploy(
    environment: Environment,
    target: EmbeddedTarget | Callable[[], EmbeddedTarget],
    run_dir: Path,
    progress: Progress | None = None,
    *,
    when_waiting: Callable[[], None] | None = None,
) -> Deployment:
    """Applies every root and returns what came out, which is also saved in `run_dir`.

    `target` may be what starts it, which is called while the roots are prepared. `when_waiting` is
    called when only customers' roots are left, to prepare what comes next.

    `run_dir` keeps states and external ids: called again with the same one, only what differs is
    changed. Raises `UserError` that names the roots that failed and those not yet applied.
    """
    run = Run(environment, run_dir, progress)
    with run.stopping():
        with ThreadPoolExecutor(1, thread_name_prefix="init") as pool:
            prepared = pool.submit(run.init)
            try:
                run.target = target() if callable(target) else target
                prepared.result()
            except BaseException:
                run.stop()
                raise
        run.offboard()
        with run.bootstraps(
            lambda root, variables: (root.apply(variables), root.output()["readers"])[1]
        ) as bootstrapped:
            bootstrapped(environment.management_account)
            bounds = run.organization(
                lambda root, variables: (root.apply(variables), guardrails(root.output()))[1]
            )
            bootstrapped(environment.operations_account)
            made = run.operations(
                lambda root, variables: (root.apply(variables), fleets(root.output()))[1]
            )

            # Before anybody can call a model: unset, each keeps what its provider's terms say.
            set_baseline(environment, run.target)
            run.hand_over(made)
            if when_waiting is not None:
                when_waiting()

            def apply(
                root: Terraform, variables: dict[str, Any], account: Account
            ) -> CustomerAccount:
                root.apply(variables)
                readers = bootstrapped(account.account_id)
                return customer_account(root.output(), readers, account.caller)

            accounts = run.customers(made, apply, after=bootstrapped)
    deployment = Deployment(
        environment=environment,
        place=place_of(run.target),
        fleets=made,
        accounts={account.account_id: account for account in accounts},
        guardrails=bounds,
    )
    deployment.save(run_dir / DEPLOYMENT_FILE)
    return deployment


def pending_changes(
    deployment: Deployment,
    run_dir: Path,
    progress: Progress | None = None,
) -> dict[str, Changes]:
    """What another apply would change, for each root that would change at all. Asked as the plan
    roles; for the bootstraps as the accounts' owners. Raises `UserError` for those that cannot be
    planned."""
    planned = plan_all(deployment, run_dir, progress)
    if failed := [str(each) for each in planned.values() if isinstance(each, UserError)]:
        raise UserError(" / ".join(failed))
    return {
        name: each for name, each in planned.items() if isinstance(each, Changes) and not each.empty
    }


def destroy(deployment: Deployment, run_dir: Path, progress: Progress | None = None) -> None:
    """Removes everything that `deploy` made: customers first, then the operations account, what
    guarded them, and the deploy roles last.

    Raises `UserError` that names the roots left; called again, it goes on with those. Raises it
    before anything is done for accounts that `customers.yaml` lists no more.
    """
    if unlisted := unlisted_roots(deployment.environment, run_dir):
        raise UserError(
            f"{deployment.environment.path / CUSTOMERS_FILE}: {', '.join(unlisted)} was applied "
            "and is listed no more; list it again, so that it can be destroyed too"
        )
    run = Run(deployment.environment, run_dir, progress, target=deployment.target())
    with run.stopping():
        run.empty(deployment.fleets)
        run.operations(lambda root, variables: root.destroy(variables))
        run.organization(lambda root, variables: root.destroy(variables))
        with run.bootstraps(run.undo_bootstrap):
            pass
    (run_dir / DEPLOYMENT_FILE).unlink(missing_ok=True)


def retire(
    deployment: Deployment, run_dir: Path, customer: str, progress: Progress | None = None
) -> None:
    """Removes what the accounts of a customer hold, and its deploy roles. Its sessions are denied
    first; the next `deploy` without it removes its role. Where records are kept, by the environment
    or by a hold, they stay, with who reads them.

    To be called while `customers.yaml` still lists the customer, which is then struck from it
    before anything is applied: an apply that still has it lets its sessions in again.
    """
    run = Run(deployment.environment, run_dir, progress, target=deployment.target())
    with run.stopping():
        deny_sessions(run.target, deployment.fleets[customer].fleet_role_arn)
        run.empty(deployment.fleets, customer)
        environment = deployment.environment
        own = [
            account.account_id
            for account in environment.customers[customer].accounts
            if not environment.keeps_records_of(account.account_id)
        ]
        if own:
            with run.bootstraps(run.undo_bootstrap, own):
                pass


def deployers_destroy(deployment: Deployment, run_dir: Path) -> None:
    """Removes what the deploy roles can remove, as these; the owner's part is left.

    Raises `UserError` that names what was refused, after everything was tried.
    """
    run = Run(deployment.environment, run_dir, None, target=deployment.target())
    with run.stopping():
        refused: UserError | None = None
        try:
            run.customers(
                deployment.fleets, lambda root, variables, _account: root.destroy(variables)
            )
        except UserError as error:
            refused = error
        run.operations(lambda root, variables: root.destroy(variables))
        run.organization(lambda root, variables: root.destroy(variables))
        if refused is not None:
            raise refused
