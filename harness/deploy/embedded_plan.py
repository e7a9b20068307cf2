"""The accounts and organizations of an embedded cloud, from an environment."""

from __future__ import annotations

from harness.cloud.plan import CloudPlan, OrganizationPlan
from harness.deploy.environment import Environment
from harness.errors import UserError

OTHER_MANAGEMENT_ACCOUNT = "999999999998"
"""Manages the organization of the account that plays a stranger's."""


def cloud_plan(environment: Environment) -> CloudPlan:
    """The fleet, the states and the control account in one organization, the stranger
    in another, and one account in none.

    Raises `UserError` when the environment uses the account id that is taken here.
    """
    if OTHER_MANAGEMENT_ACCOUNT in environment.accounts:
        raise UserError(
            f"{environment.path}: account {OTHER_MANAGEMENT_ACCOUNT} manages the stranger's "
            "organization in the embedded cloud; choose another id"
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
