"""Sets up the organizations of a cloud's plan in the inner app, and says who may call them."""

from __future__ import annotations

from collections.abc import Callable

from moto.iam.models import iam_backends
from moto.organizations.models import FakeAccount, organizations_backends
from moto.organizations.utils import DEFAULT_RCP_POLICY_ID, DEFAULT_SCP_POLICY_ID

from harness.cloud.call import Answer, ApiError, Call
from harness.cloud.plan import CloudPlan, OrganizationPlan
from harness.estate import EstateSource
from harness.iam import NamedPolicy, PolicyKind


def found_organizations(plan: CloudPlan) -> None:
    """Create each organization with its member accounts, service control policies enabled.

    Members are as if invited: no OrganizationAccountAccessRole is made in them.
    """
    for organization in plan.organizations:
        _found(organization)


def _found(organization: OrganizationPlan) -> None:
    management = organization.management_account
    backend = organizations_backends[management]["aws"]
    backend.create_organization("us-east-1", FeatureSet="ALL")
    root = next(unit for unit in backend.ou if unit.type == "ROOT")
    for policy_type in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
        backend.enable_policy_type(RootId=root.id, PolicyType=policy_type)
    assert backend.org is not None
    _drop_stray_role(backend.accounts[0], management)
    for account in organization.accounts:
        join_organization(management, account)


def join_organization(management: str, account: str) -> None:
    """Make an account a member of the organization that another manages."""
    backend = organizations_backends[management]["aws"]
    assert backend.org is not None
    member = FakeAccount(
        backend.org, AccountName=f"account-{account}", Email=f"{account}@example.com"
    )
    _drop_stray_role(member, account)
    member.joined_method = "INVITED"
    backend.accounts.append(member)
    organizations_backends.master_accounts[account] = (management, "aws")
    for policy_id in (DEFAULT_SCP_POLICY_ID, DEFAULT_RCP_POLICY_ID):
        backend.attach_policy(PolicyId=policy_id, TargetId=account)


def _drop_stray_role(member: FakeAccount, account: str) -> None:
    # moto gives each new account a random id and makes a role in that account.
    if member.id != account:
        iam_backends.pop(member.id, None)
        member.id = account


def policy_type(account: str, policy_id: str) -> str | None:
    """The type of an organization policy, asked by the management account; None if unknown."""
    backend = organizations_backends[account]["aws"]
    return next((str(p.type) for p in backend.policies if p.id == policy_id), None)


def policy_name(policy: NamedPolicy) -> str:
    """The name of an organization's policy, which decisions know by its id; of others as it is."""
    if policy.kind not in (PolicyKind.SCP, PolicyKind.RCP):
        return policy.name
    for backends in tuple(organizations_backends.values()):
        # Asked for by index, moto would make what is not there.
        backend = backends.get("aws")
        for each in backend.policies if backend is not None else ():
            if each.id == policy.name:
                return str(each.name)
    return policy.name


class Departures:
    """Lets a member leave its organization, which moto knows the management account to do only.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_LeaveOrganization.html
    """

    def __init__(self, forget: Callable[[], None]) -> None:
        self._forget = forget

    def handles(self, service: str, operation: str) -> bool:
        """LeaveOrganization alone."""
        return (service, operation) == ("organizations", "LeaveOrganization")

    def answer(self, call: Call) -> Answer:
        """Raises `ApiError` (MasterCannotLeaveOrganizationException). Who is in no organization was
        refused before."""
        management, partition = organizations_backends.master_accounts.get(call.account, ("", ""))
        if not management:
            raise ApiError(
                "MasterCannotLeaveOrganizationException",
                "You can't remove a management account from an organization.",
            )
        organizations_backends[management][partition].remove_account_from_organization(
            AccountId=call.account
        )
        self._forget()
        return Answer()


_OF_MEMBERS = frozenset({"DescribeOrganization", "ListHandshakesForAccount", "LeaveOrganization"})
_OF_STRANGERS = frozenset({"CreateOrganization", "ListHandshakesForAccount"})
_READS = ("Describe", "List")


class OrganizationRules:
    """Who may call AWS Organizations, whatever its policies allow.

    https://docs.aws.amazon.com/organizations/latest/APIReference/action-reference.html
    """

    def __init__(self, estate: EstateSource) -> None:
        self._estate = estate

    def check(self, call: Call) -> None:
        """Raise `ApiError` (AWSOrganizationsNotInUseException, AccessDeniedException)."""
        if call.service != "organizations":
            return
        record = self._estate.organization(call.account)
        if record is None:
            if call.operation not in _OF_STRANGERS:
                raise ApiError(
                    "AWSOrganizationsNotInUseException",
                    "Your account is not a member of an organization.",
                )
            return
        if call.account == record.management_account or call.operation in _OF_MEMBERS:
            return
        own = call.params.get("TargetId") == call.account
        if call.operation == "DescribeEffectivePolicy" and own:
            return
        admins = organizations_backends[record.management_account]["aws"].admins
        delegated = any(admin.account.id == call.account for admin in admins)
        if not (delegated and call.operation.startswith(_READS)):
            raise ApiError(
                "AccessDeniedException", "You don't have permissions to access this resource."
            )
