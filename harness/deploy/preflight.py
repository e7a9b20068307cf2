"""What a run on real accounts would touch, and why it must not: read before anything is changed.

Each account of the environment file is asked who its profile is. Whatever does not fit what the
file says refuses the run: another account's profile, somebody who is not the account's owner,
another organization, a region that is not enabled, an alias that speaks of production.
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/console_account-alias.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from harness.deploy.environment import Environment
from harness.errors import UserError
from harness.targets.aws import AwsTarget

PLACEHOLDER = "0000000"
"""How account ids start that are nobody's."""
_PARALLEL = 4
_PRODUCTION = re.compile(r"prod(?!uct(?!ion))|\blive\b", re.IGNORECASE)
_NO_ORGANIZATION = "AWSOrganizationsNotInUseException"


@dataclass(slots=True)
class Standing:
    """One account of the environment, as its profile shows it."""

    account: str
    part: str
    owner: str
    """The customer, or whose account it plays."""
    profile: str = ""
    arn: str = ""
    """Who the profile is."""
    alias: str = ""
    organization: str = ""
    """The id of its organization; empty where it is in none."""
    manager: str = ""
    """The account that manages that."""
    asked: bool = False
    """Whether the organization is known."""
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found. Nothing is to be done unless `good`."""

    environment: Environment
    standings: Sequence[Standing]
    problems: Sequence[str]

    @property
    def good(self) -> bool:
        return not self.problems


def parts(environment: Environment) -> list[tuple[str, str, str]]:
    """Every account of the environment with its part and its owner."""
    probes, states = environment.probes, list[tuple[str, str, str]]()
    if environment.state_account:
        states.append((environment.state_account, "states", "operations"))
    return [
        (environment.management_account, "management", "organization"),
        (environment.operations_account, "operations", "operations"),
        *states,
        *((a.account_id, "customer", c.key) for c, a in environment.customer_accounts),
        (probes.other_organization, "outsider", "other organization"),
        (probes.no_organization, "outsider", "no organization"),
        (probes.control, "control", "control"),
    ]


def preflight(
    environment: Environment,
    target: AwsTarget,
    missing: Mapping[str, str] | None = None,
    *,
    only: Collection[str] | None = None,
) -> Preflight:
    """Asks every account, or `only` some; changes nothing. `missing` says by account why it has no
    profile.

    Never raises for what an account answers: that is a problem, and told with the others.
    """
    standings = [
        Standing(account, part, owner, target.access.profiles.get(account, ""))
        for account, part, owner in parts(environment)
        if only is None or account in only
    ]
    for standing in standings:
        if standing.account.startswith(PLACEHOLDER):
            standing.problems.append("its id is a placeholder; put in your own account's")
        if missing and standing.account in missing:
            standing.problems.append(missing[standing.account])
    asked = [standing for standing in standings if not standing.problems]
    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="preflight") as pool:
        list(pool.map(lambda standing: _ask(standing, environment, target), asked))
    _organizations(standings, environment)
    problems = [f"{s.account} ({s.owner}): {each}" for s in standings for each in s.problems]
    return Preflight(environment, standings, problems)


def _ask(standing: Standing, environment: Environment, target: AwsTarget) -> None:
    """Fills in what the account says of itself, and what is wrong with that."""
    try:
        session = target.session(standing.account)
        standing.arn = target.identity(session)["Arn"]
    except UserError as error:
        standing.problems.append(str(error))
        return
    wrong = _not_the_owner(standing.arn, standing.account, environment)
    if wrong:
        standing.problems.append(wrong)
        return
    region = environment.region
    try:
        aliases = target.client(session, "iam", region).list_account_aliases()["AccountAliases"]
        standing.alias = ", ".join(aliases)
        standing.organization, standing.manager = _organization(target, session, region)
        standing.asked = True
        if standing.part not in ("outsider", "control", "states"):
            off = _regions_off(target, session, environment)
            if off:
                standing.problems.append(
                    f"{', '.join(off)} is not enabled in it; enable it, or take it out of regions"
                )
    except ClientError as error:
        said = error.response.get("Error", {})
        standing.problems.append(f"{error.operation_name} answers {said.get('Code')}")
        return
    except BotoCoreError as error:
        standing.problems.append(f"was not answered: {type(error).__name__}")
        return
    if _PRODUCTION.search(standing.alias) and not _PRODUCTION.search(environment.name):
        standing.problems.append(
            f"its alias is {standing.alias}, and {environment.name} is no production; use another "
            "account, or give it another alias"
        )


def _not_the_owner(arn: str, account: str, environment: Environment) -> str:
    kind, _, rest = environment.administrator.partition("/")
    name = rest.rpartition("/")[2]
    partition = environment.partition
    if arn.endswith(":root"):
        return f"its profile is the root user; use one of {environment.administrator}"
    if kind == "role":
        fits = arn.startswith(f"arn:{partition}:sts::{account}:assumed-role/{name}/")
    else:
        fits = arn == f"arn:{partition}:iam::{account}:{environment.administrator}"
    if fits:
        return ""
    return (
        f"its profile is {arn}, and customers.yaml says that {environment.administrator} owns the "
        "account; use a profile of that one"
    )


def _organization(target: AwsTarget, session: object, region: str) -> tuple[str, str]:
    organizations = target.client(session, "organizations", region)  # type: ignore[arg-type]
    try:
        found = organizations.describe_organization()["Organization"]
    except ClientError as error:
        if error.response["Error"]["Code"] == _NO_ORGANIZATION:
            return "", ""
        raise
    return found["Id"], found["MasterAccountId"]


def _regions_off(target: AwsTarget, session: object, environment: Environment) -> list[str]:
    ec2 = target.client(session, "ec2", environment.region)  # type: ignore[arg-type]
    answer = ec2.describe_regions(AllRegions=True)["Regions"]
    on = {r["RegionName"] for r in answer if r.get("OptInStatus") != "not-opted-in"}
    return [region for region in environment.regions if region not in on]


def _organizations(standings: Sequence[Standing], environment: Environment) -> None:
    """Who must be in which organization. An account that was not asked is not judged."""
    by_account = {standing.account: standing for standing in standings}
    management = by_account.get(environment.management_account)
    if management is None or not management.asked:
        return
    if management.manager != management.account:
        where = f"{management.organization} of {management.manager}"
        found = where if management.manager else "none"
        management.problems.append(f"it does not manage an organization (it is in {found})")
        return
    own = management.organization
    probes = environment.probes
    for standing in standings:
        if not standing.asked or standing is management:
            continue
        outside = standing.account in (probes.other_organization, probes.no_organization)
        if not outside and standing.organization != own:
            standing.problems.append(
                f"it is in organization {standing.organization or 'none'}, not in {own}"
            )
        elif standing.account == probes.other_organization and standing.organization in ("", own):
            standing.problems.append(
                f"it must be in another organization than {own}, and is in "
                f"{standing.organization or 'none'}"
            )
        elif standing.account == probes.no_organization and standing.organization:
            standing.problems.append(
                f"it must be in no organization, and is in {standing.organization}"
            )
