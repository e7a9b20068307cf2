"""The accounts and organizations of an embedded cloud, from an environment."""

from __future__ import annotations

from harness.cloud.plan import CloudPlan, OrganizationPlan
from harness.deploy.environment import Environment
from harness.deploy.workspace import CUSTOMERS_FILE
from harness.errors import UserError

OTHER_MANAGEMENT_ACCOUNT = "999999999998"
"""Manages the organization of the account that plays a stranger's."""


def cloud_plan(environment: Environment) -> CloudPlan:
    """The fleet, the states and the control account in one organization, the stranger
    in another, and one account in none.

    Raises `UserError` when the environment uses the account id that is taken here.
    """
    if OTHER_MANAGEMENT_ACCOUNT in environment.accounts:
        line = line_of(environment, OTHER_MANAGEMENT_ACCOUNT)
        raise UserError(
            f"{line}: account {OTHER_MANAGEMENT_ACCOUNT} manages the stranger's organization in "
            "the embedded cloud; choose another id"
        )
    probes = environment.probes
    states = filter(None, [environment.state_account])
    members = (*environment.fleet_accounts, *states, probes.control)
    return CloudPlan(
        accounts=(OTHER_MANAGEMENT_ACCOUNT, *environment.accounts),
        organizations=(
            OrganizationPlan(environment.management_account, members),
            OrganizationPlan(OTHER_MANAGEMENT_ACCOUNT, (probes.other_organization,)),
        ),
        administrator=environment.administrator,
    )


def line_of(environment: Environment, account: str) -> str:
    """`FILE:LINE` of the first mention of an account."""
    file = environment.path / CUSTOMERS_FILE
    lines = file.read_text(encoding="utf-8").splitlines()
    number = next((n for n, line in enumerate(lines, 1) if account in line), 1)
    return f"{file}:{number}"
