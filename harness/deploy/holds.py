"""Keeps a legal hold from ending by what a list leaves out.

The guardrail of a hold is attached to the accounts that `customers.yaml` says are held. An account
that is struck would lose it with the next apply, so that its administrators could end what is kept:
that is refused, until the list says what becomes of the hold. A hold that is lifted is said to be.
"""

from __future__ import annotations

import json
from pathlib import Path

from harness.deploy.environment import ORGANIZATION_ROOT, Environment
from harness.deploy.workspace import CUSTOMERS_FILE
from harness.errors import UserError

_POLICY = "held-scp"


def held_accounts(run_dir: Path) -> frozenset[str]:
    """The accounts to which a run has attached the guardrail of a hold, by the state of its
    organization root."""
    state = run_dir / "state" / ORGANIZATION_ROOT / "terraform.tfstate"
    if not state.exists():
        return frozenset()
    return frozenset(
        instance["attributes"]["target_id"]
        for resource in json.loads(state.read_text(encoding="utf-8"))["resources"]
        if resource["mode"] == "managed"
        and resource["type"] == "aws_organizations_policy_attachment"
        for instance in resource["instances"]
        if str(instance.get("index_key", "")).partition("/")[0] == _POLICY
    )


def refuse_lost(environment: Environment, run_dir: Path) -> None:
    """Raises `UserError` where an apply would take the hold off an account of which
    `customers.yaml` does not say that it is lifted."""
    if lost := sorted(held_accounts(run_dir) - environment.holds.keys()):
        raise UserError(
            f"{environment.path / CUSTOMERS_FILE}: {', '.join(lost)} is held, and nobody says any "
            "more whether it stays so, so that what is kept there could be ended; set legal_hold "
            "of its customer, or of its entry in former_customers where it left: true for as long "
            "as the hold lasts, false to lift it"
        )


def refuse_destroyed(environment: Environment, run_dir: Path) -> None:
    """Raises `UserError` where a destroy would take away what holds records."""
    if held := sorted(held_accounts(run_dir)):
        raise UserError(
            f"{environment.path / CUSTOMERS_FILE}: {', '.join(held)} is held, and a destroy takes "
            "away the guardrail that holds it; lift the hold first (legal_hold: false, and apply)"
        )
