"""The accounts and organizations of an embedded cloud, from an environment."""

from __future__ import annotations

from harness.cloud.plan import CloudPlan, OrganizationPlan
from harness.deploy.environment import Environment
from harness.errors import UserError

MANAGEMENT_ACCOUNT = "999999999999"
"""Manages the fleet's organization. Its policies do not bind it, so it holds nothing else."""

OTHER_MANAGEMENT_ACCOUNT = "999999999998"
"""Manages the organization of the account that plays a stranger's."""


def cloud_plan(environment: Environment) -> CloudPlan:
    """The fleet and the control account in one organization, the stranger in another, and one
    account in none.

    Raises `UserError` when the environment uses an account id that is taken here.
    """
    reserved = {MANAGEMENT_ACCOUNT, OTHER_MANAGEMENT_ACCOUNT} & set(environment.accounts)
    if reserved:
        raise UserError(
            f"{environment.path}: account {', '.join(sorted(reserved))} manages an organization of "
            "the embedded cloud; choose another id"
        )
    probes = environment.probes
    members = (*environment.fleet_accounts, probes.control)
    return CloudPlan(
        accounts=(MANAGEMENT_ACCOUNT, OTHER_MANAGEMENT_ACCOUNT, *environment.accounts),
        organizations=(
            OrganizationPlan(MANAGEMENT_ACCOUNT, members),
            OrganizationPlan(OTHER_MANAGEMENT_ACCOUNT, (probes.other_organization,)),
        ),
    )
