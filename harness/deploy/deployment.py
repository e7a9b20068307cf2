"""What a deployment made: the outputs of every root and where it runs, in one private file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cloud.process import CloudProcess
from harness.deploy.environment import Environment, load_environment
from harness.deploy.workspace import write_private
from harness.errors import UserError
from harness.targets.base import Place, Target
from harness.targets.embedded import EmbeddedTarget
from harness.targets.reach import reach

FORMAT = "bulkhead-deployment/4"


def fleet_boundary(role_arn: str) -> str:
    """The ARN of the boundary that a fleet role has, and no other role."""
    return f"{role_arn.replace(':role/', ':policy/')}-boundary"


@dataclass(frozen=True, slots=True)
class Fleet:
    """What the operations account holds for one customer."""

    customer: str
    fleet_role_arn: str
    fleet_role_name: str
    external_id: str = dataclasses.field(repr=False)
    regions: Sequence[str]
    """Where the customer calls models from, its main region first."""
    session_name_prefix: Mapping[str, str]
    """By account id: how the names of its sessions must start."""
    inference_profiles: Mapping[str, Mapping[str, str]]
    """By region and model id: the ARN of the customer's own application inference profile."""
    handover: Mapping[str, Any]
    """The document that the customer's own roots are given. It holds no secret."""

    @property
    def region(self) -> str:
        """The customer's main region."""
        return self.regions[0]


@dataclass(frozen=True, slots=True)
class CustomerAccount:
    """What one account of a customer holds."""

    customer: str
    account_id: str
    caller: str
    region: str
    log_group_name: str
    log_group_arn: str
    kms_key_arn: str
    retention_in_days: int
    caller_role_arn: str
    caller_role_name: str
    content: Mapping[str, Any] | None
    """`log_group_name`, `log_group_arn`, `kms_key_arn` and `retention_in_days` of the group for
    prompts and answers; None where there is none."""
    reader_role_arn: str | None
    support_access: Mapping[str, Any]
    """By ticket: `role_arn`, `principal_arns`, `granted_at` and `expires_at`."""
    metrics: Mapping[str, Any]
    """`namespace`, `dimensions` and `metrics` that dashboard and alarms look at."""
    configuration: Mapping[str, str]
    """By region: where the client of an application there finds what it has to know."""
    owners_only_policy: str
    """A service control policy that leaves the account's records to their owners."""


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A policy of the organization, as Terraform wrote it."""

    policy_id: str
    document: str
    accounts: tuple[str, ...]
    """The accounts that it is attached to."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """An environment that has been applied."""

    environment: Environment
    place: Place
    fleets: Mapping[str, Fleet]
    """By customer."""
    accounts: Mapping[str, CustomerAccount]
    """By account id."""
    guardrails: Mapping[str, Guardrail]
    """By name, as the output `policy_ids` of organization-guardrails says."""

    @property
    def external_ids(self) -> dict[str, str]:
        return {customer: fleet.external_id for customer, fleet in self.fleets.items()}

    def target(self, *, changing: bool = True) -> Target:
        """The target of this deployment. Real accounts are only read unless `changing`."""
        return reach(self.place, changing=changing)

    def cloud(self) -> CloudProcess:
        """The running cloud, to be forked; it is not ours to stop.

        Raises `UserError` for a deployment in real accounts, of which there is no copy.
        """
        if self.place.target != EmbeddedTarget.name:
            raise UserError(f"{self.environment.name} is deployed on {self.place.target}: no copy")
        return CloudProcess.attach(self.place.endpoint, self.place.credentials, self.place.control)

    def on(self, target: Target) -> Deployment:
        """This deployment as it stands in another cloud, such as a fork of its own."""
        return dataclasses.replace(self, place=target.place)

    def save(self, path: Path) -> None:
        """Writes the deployment for its owner's eyes only: it holds the external ids."""
        write_private(path, json.dumps(self.as_dict(), indent=2) + "\n")

    def as_dict(self) -> dict[str, Any]:
        """As JSON data, external ids included."""
        return {
            "format": FORMAT,
            "environment": str(self.environment.path.resolve()),
            "place": {k: str(v) for k, v in dataclasses.asdict(self.place).items()},
            "fleets": {k: dataclasses.asdict(v) for k, v in self.fleets.items()},
            "accounts": {k: dataclasses.asdict(v) for k, v in self.accounts.items()},
            "guardrails": {k: dataclasses.asdict(v) for k, v in self.guardrails.items()},
        }

    @classmethod
    def load(cls, path: Path, environment: Environment | None = None) -> Deployment:
        """Reads what `save` wrote, or what was deployed of `environment` elsewhere, under whatever
        path. Raises `UserError` when it is not that."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if document["format"] != FORMAT:
                raise UserError(f"{path}: was saved by another release; apply again")
            if environment is not None and document["environment"] != environment.name:
                raise UserError(f"{path}: is not of the environment {environment.name}")
            place = document["place"]
            return cls(
                environment=environment or load_environment(Path(document["environment"])),
                place=Place(
                    target=place["target"],
                    endpoint=place["endpoint"],
                    credentials=Path(place["credentials"]),
                    control=Path(place["control"]),
                ),
                fleets={k: Fleet(**v) for k, v in document["fleets"].items()},
                accounts={k: CustomerAccount(**v) for k, v in document["accounts"].items()},
                guardrails={
                    k: Guardrail(**{**v, "accounts": tuple(v["accounts"])})
                    for k, v in document["guardrails"].items()
                },
            )
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # The text of these errors could quote the file, and with it an external id.
            raise UserError(f"{path}: is not a saved deployment; apply again") from error


def guardrails(outputs: Mapping[str, Any]) -> dict[str, Guardrail]:
    """The outputs of the organization root, by name of the policy."""
    ids, documents = outputs["policy_ids"], outputs["policy_documents"]
    accounts = outputs["policy_accounts"]
    return {name: Guardrail(ids[name], documents[name], tuple(accounts[name])) for name in ids}


def fleets(outputs: Mapping[str, Any]) -> dict[str, Fleet]:
    """The outputs of the operations root, by customer."""
    return {
        customer: Fleet(
            customer=customer,
            fleet_role_arn=value["fleet_role_arn"],
            fleet_role_name=value["fleet_role_name"],
            external_id=value["external_id"],
            regions=list(value["regions"]),
            session_name_prefix=dict(value["session_name_prefix"]),
            inference_profiles=dict(value["inference_profiles"]),
            handover=outputs["handover"][customer],
        )
        for customer, value in outputs["customers"].items()
    }


def customer_account(
    outputs: Mapping[str, Any], readers: Mapping[str, Any], caller: str
) -> CustomerAccount:
    """The outputs of a customer root, and `readers` of the account's bootstrap."""
    beside = {
        "caller": caller,
        "owners_only_policy": outputs["owners_only_policy"],
        "reader_role_arn": readers["reader_role_arn"],
        "support_access": readers["support_access"],
    }
    names = {f.name for f in dataclasses.fields(CustomerAccount)} - beside.keys()
    return CustomerAccount(**{name: outputs["account"][name] for name in names}, **beside)
