"""What the probes find in place: the fleet roles, the customers' accounts, and where to ask.

The one file of this package that knows the shape of a deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.deploy.deployment import CustomerAccount, Deployment, Guardrail
from harness.deploy.environment import Environment
from harness.probes.search import Place
from harness.targets.base import Target


@dataclass(frozen=True, slots=True)
class Fleet:
    """A customer's fleet role and its own handles on its models."""

    customer: str
    role_arn: str
    role_name: str
    region: str
    """The customer's main region."""
    profiles_by_region: Mapping[str, Mapping[str, str]]
    """AIP ARN by region and model id; the main region first."""
    destinations: Mapping[str, tuple[str, ...]]
    """Where cross-region profiles may send a call, by their prefix."""
    external_id: str = field(repr=False)

    @property
    def profiles(self) -> Mapping[str, str]:
        """AIP ARN by model id, in the main region."""
        return self.profiles_by_region[self.region]

    @property
    def all_profiles(self) -> tuple[tuple[str, str, str], ...]:
        """Every AIP in every region: region, model id, ARN."""
        return tuple(
            (region, model, arn)
            for region, profiles in self.profiles_by_region.items()
            for model, arn in profiles.items()
        )

    @property
    def model_arns(self) -> tuple[str, ...]:
        """The models behind all of them, in every region that they may run in, and the cross-region
        profiles: all that a call through them is decided on."""
        return tuple(
            dict.fromkeys(
                arn for region, model, _ in self.all_profiles for arn in self.behind(region, model)
            )
        )

    def behind(self, region: str, model: str) -> tuple[str, ...]:
        """What a call of a model's AIP in a region is decided on besides the AIP."""
        prefix, _, plain = model.partition(".")
        if prefix not in self.destinations:
            return (f"arn:aws:bedrock:{region}::foundation-model/{model}",)
        account = self.role_arn.split(":")[4]
        return (
            f"arn:aws:bedrock:{region}:{account}:inference-profile/{model}",
            *(
                f"arn:aws:bedrock:{destination}::foundation-model/{plain}"
                for destination in dict.fromkeys([region, *self.destinations[prefix]])
            ),
        )

    @property
    def model(self) -> str:
        """The model that probes call."""
        return next(iter(self.profiles))

    @property
    def profile(self) -> str:
        """The ARN of that model's AIP."""
        return self.profiles[self.model]

    @property
    def model_arn(self) -> str:
        return f"arn:aws:bedrock:{self.region}::foundation-model/{self.model}"


@dataclass(frozen=True, slots=True)
class Group:
    """A log group and its key."""

    name: str
    arn: str
    key_arn: str
    retention_in_days: int


@dataclass(frozen=True, slots=True)
class Grant:
    """A role through which support reads the records of an account for a while."""

    ticket: str
    role_arn: str
    principals: tuple[str, ...]
    expires_at: str


@dataclass(frozen=True, slots=True)
class Home:
    """An account of a customer: its caller role and its log group."""

    customer: str
    account: str
    caller: str
    region: str
    group: str
    group_arn: str
    key_arn: str
    retention_in_days: int
    caller_role_arn: str
    caller_role_name: str
    further_callers: tuple[str, ...]
    """ARNs of roles that the customer makes itself and that may assume the fleet role too."""
    content: Group | None
    """Where prompts and answers go, when the client is told to write them."""
    reader_role_arn: str | None
    support: tuple[Grant, ...]
    """What was granted to support, expired or not."""
    owners_only_policy: str
    configuration: Mapping[str, str] = field(hash=False)
    """By region: where the client of an application there finds what it has to know."""

    @property
    def groups(self) -> tuple[Group, ...]:
        """Every log group that Bulkhead made in the account."""
        records = Group(self.group, self.group_arn, self.key_arn, self.retention_in_days)
        return (records,) if self.content is None else (records, self.content)

    @property
    def parameter_arns(self) -> frozenset[str]:
        """What an application reads at its start: its documents, and the external id."""
        parameters = f"arn:aws:ssm:{self.region}:{self.account}:parameter/bulkhead/{self.customer}"
        documents = (source.removeprefix("ssm:") for source in self.configuration.values())
        return frozenset((f"{parameters}/external-id", *documents))

    def __str__(self) -> str:
        return f"{self.customer} {self.account}"


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything a probe needs to know about a deployment. Shows no external id when printed."""

    target: Target
    environment: Environment
    fleets: Mapping[str, Fleet]
    homes: Mapping[str, Home]
    guardrails: Mapping[str, Guardrail]
    """The organization's policies by name, as they were deployed."""

    @classmethod
    def of(cls, deployment: Deployment, target: Target) -> Stage:
        """The stage of a deployment, asked through `target` (the deployment's own or a fork)."""
        environment = deployment.environment
        further = {a.account_id: a.further_callers for _, a in environment.customer_accounts}
        return cls(
            target=target,
            environment=environment,
            fleets={
                customer: Fleet(
                    customer=customer,
                    role_arn=outputs.fleet_role_arn,
                    role_name=outputs.fleet_role_name,
                    region=outputs.region,
                    profiles_by_region={
                        region: outputs.inference_profiles[region] for region in outputs.regions
                    },
                    destinations=environment.cross_region,
                    external_id=outputs.external_id,
                )
                for customer, outputs in deployment.fleets.items()
            },
            homes={
                account: Home(
                    customer=outputs.customer,
                    account=account,
                    caller=outputs.caller,
                    region=outputs.region,
                    group=outputs.log_group_name,
                    group_arn=outputs.log_group_arn,
                    key_arn=outputs.kms_key_arn,
                    retention_in_days=outputs.retention_in_days,
                    caller_role_arn=outputs.caller_role_arn,
                    caller_role_name=outputs.caller_role_name,
                    further_callers=tuple(
                        f"arn:aws:iam::{account}:role/{role}" for role in further[account]
                    ),
                    content=_content(outputs),
                    reader_role_arn=outputs.reader_role_arn,
                    support=tuple(
                        Grant(
                            ticket,
                            grant["role_arn"],
                            tuple(grant["principal_arns"]),
                            grant["expires_at"],
                        )
                        for ticket, grant in outputs.support_access.items()
                    ),
                    owners_only_policy=outputs.owners_only_policy,
                    configuration=outputs.configuration,
                )
                for account, outputs in deployment.accounts.items()
            },
            guardrails=deployment.guardrails,
        )

    def fleet_of(self, account: str) -> Fleet:
        """The fleet role that an account of a customer is meant to use."""
        return self.fleets[self.homes[account].customer]

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(fleet.external_id for fleet in self.fleets.values())

    @property
    def owners(self) -> Mapping[str, str]:
        """Whose each account is, for people to read."""
        probes = self.environment.probes
        return {
            self.environment.management_account: "management",
            self.environment.operations_account: "operations",
            **{account: home.customer for account, home in self.homes.items()},
            probes.other_organization: "other organization",
            probes.no_organization: "no organization",
            probes.control: "control",
        }

    @property
    def places(self) -> tuple[Place, ...]:
        """Every account in every Region that the environment knows."""
        return tuple(
            Place(account, region, owner)
            for account, owner in self.owners.items()
            for region in self.environment.regions
        )


def _content(outputs: CustomerAccount) -> Group | None:
    group = outputs.content
    if group is None:
        return None
    return Group(
        name=group["log_group_name"],
        arn=group["log_group_arn"],
        key_arn=group["kms_key_arn"],
        retention_in_days=group["retention_in_days"],
    )
