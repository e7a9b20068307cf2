"""Destroys what the states of a run say is there, however far its apply came.

An apply that was interrupted has no saved deployment, and may have made any part of any root. Each
state knows what it holds and was last given which variables; that is enough. As in `apply.destroy`,
customers go first, then operations, the guardrails, and the deploy roles last.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from harness.deploy.environment import Environment
from harness.deploy.handover import forget_external_id
from harness.deploy.holds import refuse_destroyed
from harness.deploy.run import KEPT, Progress, Run, folder_name, root_names
from harness.deploy.terraform import VARIABLES_FILE, Terraform
from harness.targets.base import Target


def held(environment: Environment, run_dir: Path) -> list[str]:
    """The roots whose states hold resources, in the order of the apply."""
    return [name for name in root_names(environment) if _holds(run_dir / "state", name)]


def undo(
    environment: Environment, target: Target, run_dir: Path, progress: Progress | None = None
) -> None:
    """Destroys those. Raises `UserError` that names what is left; called again, it goes on. Raises
    it before anything is done for accounts that are held."""
    refuse_destroyed(environment, run_dir)
    run = Run(environment, run_dir, progress, target=target, verb="destroy")
    customers = {f"{c.key} {a.account_id}": a.account_id for c, a in environment.customer_accounts}
    keys = {f"{c.key} {a.account_id}": c.key for c, a in environment.customer_accounts}

    def work(name: str, root: Terraform) -> None:
        variables = json.loads((root.state.parent / VARIABLES_FILE).read_text(encoding="utf-8"))
        of_account = name in customers or name.startswith("bootstrap ")
        account = customers.get(name, name.removeprefix("bootstrap "))
        if of_account and environment.keeps_records_of(account):
            root.forget(KEPT)
        if name in customers:
            variables["profile"] = customers[name]  # records are their owner's
        root.destroy(variables)

    roots = held(environment, run_dir)
    run.journal.begin(roots, root_names(environment), whole=True)
    with run.stopping():
        for wave in _waves(roots, set(customers)):
            run.each(wave, work)
        for name, account in customers.items():
            forget_external_id(target, account, environment.region, keys[name])


def _holds(states: Path, name: str) -> bool:
    state = states / folder_name(name) / "terraform.tfstate"
    if not state.exists():
        return False
    resources = json.loads(state.read_text(encoding="utf-8"))["resources"]
    return any(resource["mode"] == "managed" for resource in resources)


def _waves(names: list[str], customers: set[str]) -> Iterator[list[str]]:
    """What may be destroyed at once, in order."""
    yield [name for name in names if name in customers]
    yield [name for name in names if name == "operations"]
    yield [name for name in names if name == "organization"]
    yield [name for name in names if name.startswith("bootstrap ")]
