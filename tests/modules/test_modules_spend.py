"""Spend controls applied to an embedded cloud: over the limit, stopped, applied again, reset.

One apply serves the tests; each that stops a customer works on a fork of the cloud.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, Clients, allow, document, error_code, trust

from harness.cloud.plan import CloudPlan, OrganizationPlan
from harness.cloud.process import CloudProcess

OPERATIONS, ACME, GLOBEX, MANAGEMENT = (
    "111111111111",
    "222222222222",
    "333333333333",
    "999999999999",
)
MODEL = "amazon.nova-lite-v1:0"
IDS = {
    "acme": "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95",
    "globex": "HdM3-sV0qkX_ZtY7bRw2nLc8uFgJ5pQeA1iOo6yKdTm",
}
ACCOUNTS = {"acme": ACME, "globex": GLOBEX}
STOP = f"arn:aws:iam::{OPERATIONS}:policy/bulkhead/fleet/bulkhead-spend-{REGION}-stop"
MACHINE = f"arn:aws:states:{REGION}:{OPERATIONS}:stateMachine:bulkhead-spend-stop"
EXECUTOR = f"arn:aws:iam::{OPERATIONS}:role/bulkhead/spend/bulkhead-spend-{REGION}-stop"
LIMIT = 1000
ROOT = """
variable "endpoint" {}
variable "credentials" {}
variable "input_tokens" { default = 1000 }
variable "limited" { default = ["acme", "globex"] }

provider "aws" {
  region                   = "eu-central-1"
  profile                  = "111111111111"
  shared_credentials_files = [var.credentials]

  endpoints {
    bedrock    = var.endpoint
    budgets    = var.endpoint
    cloudwatch = var.endpoint
    events     = var.endpoint
    iam        = var.endpoint
    sfn        = var.endpoint
    sts        = var.endpoint
  }
}

module "fleet" {
  source                = "./modules/operations-role-fleet"
  operations_account_id = "111111111111"
  external_ids          = { EXTERNAL_IDS }
  customers = {
    acme   = { accounts = [{ account_id = "222222222222" }], models = ["amazon.nova-lite-v1:0"] }
    globex = { accounts = [{ account_id = "333333333333" }], models = ["amazon.nova-lite-v1:0"] }
  }
}

module "spend" {
  source                = "./modules/spend-controls"
  operations_account_id = "111111111111"
  budget_emails         = ["finance@example.com"]

  customers = {
    for key in var.limited : key => {
      fleet_role_name        = module.fleet.customers[key].fleet_role_name
      inference_profile_arns = values(module.fleet.customers[key].inference_profiles)
      limits = [
        { minutes = 60, input_tokens = var.input_tokens, output_tokens = 100000 }
      ]
      monthly_budget_usd     = key == "acme" ? 500 : 0
    }
  }
}

output "profiles" {
  value = {
    for key, customer in module.fleet.customers : key => one(values(customer.inference_profiles))
  }
}
"""


class Workbench(Protocol):
    """What this file needs of the `Workbench` in conftest.py."""

    folder: Path

    def init(self) -> None: ...
    def run(self, *arguments: str, fails: bool = False) -> str: ...


@dataclass
class Applied:
    """A cloud, the Terraform that was applied to it, and what the tests ask of both."""

    bench: Workbench
    cloud: CloudProcess

    @property
    def clients(self) -> Clients:
        return Clients(self.cloud)

    def terraform(self, command: str, *variables: str) -> str:
        """Run a command on this cloud with its own state."""
        given = [
            f"endpoint={self.cloud.endpoint}",
            f"credentials={self.cloud.credentials}",
            *variables,
        ]
        return self.bench.run(
            command,
            *(["-auto-approve"] if command != "plan" else ["-detailed-exitcode"]),
            *("-input=false", "-no-color"),
            *(f"-var={each}" for each in given),
        )

    def profile(self, customer: str) -> str:
        profiles: dict[str, str] = json.loads(self.bench.run("output", "-json", "profiles"))
        return profiles[customer]

    def session(self, customer: str) -> Any:
        """A session of the customer's fleet role, from its own account."""
        account = ACCOUNTS[customer]
        caller = self.clients.assume(
            account, f"arn:aws:iam::{account}:role/bulkhead/bulkhead-caller"
        )
        return self.clients.assume(
            caller,
            f"arn:aws:iam::{OPERATIONS}:role/bulkhead/fleet/bulkhead-{customer}",
            RoleSessionName=f"t-{account}-app",
            ExternalId=IDS[customer],
        )

    def say(self, session: Any, customer: str, words: int = 5) -> Any:
        """One call through the customer's profile."""
        content = [{"text": "word " * words}]
        return self.clients(session, "bedrock-runtime").converse(
            modelId=self.profile(customer), messages=[{"role": "user", "content": content}]
        )

    def stopped(self, customer: str) -> bool:
        """Whether the stop policy is attached to the customer's fleet role."""
        pages = self.clients(OPERATIONS, "iam").get_paginator("list_attached_role_policies")
        arns = [
            policy["PolicyArn"]
            for page in pages.paginate(RoleName=f"bulkhead-{customer}")
            for policy in page["AttachedPolicies"]
        ]
        return STOP in arns


@pytest.fixture(scope="module")
def applied(
    tmp_path_factory: pytest.TempPathFactory, workbench_in: Callable[..., Workbench]
) -> Iterator[Applied]:
    folder = tmp_path_factory.mktemp("spend")
    bench = workbench_in(folder, "modules", at=".")
    ids = ", ".join(f'{key} = "{value}"' for key, value in IDS.items())
    (bench.folder / "main.tf").write_text(ROOT.replace("EXTERNAL_IDS", ids), encoding="utf-8")
    bench.init()
    plan = CloudPlan(
        (OPERATIONS, ACME, GLOBEX, MANAGEMENT),
        (OrganizationPlan(MANAGEMENT, (OPERATIONS, ACME, GLOBEX)),),
    )
    with CloudProcess.start(plan, credentials=folder / "credentials") as cloud:
        made = Applied(bench, cloud)
        for account in (ACME, GLOBEX):
            iam = made.clients(account, "iam")
            trusting = trust({"AWS": f"arn:aws:iam::{account}:root"})
            iam.create_role(
                Path="/bulkhead/", RoleName="bulkhead-caller", AssumeRolePolicyDocument=trusting
            )
            iam.put_role_policy(
                RoleName="bulkhead-caller",
                PolicyName="call",
                PolicyDocument=document(allow("sts:AssumeRole")),
            )
        made.terraform("apply")
        yield made


@pytest.fixture
def forked(applied: Applied, tmp_path: Path) -> Iterator[Applied]:
    """The applied cloud, and its state, to do with as one likes."""
    bench = applied.bench.__class__(tmp_path / "root", applied.bench.toolchain)  # type: ignore[attr-defined,call-arg]
    shutil.copytree(applied.bench.folder, bench.folder, symlinks=True)
    with applied.cloud.fork() as cloud:
        yield Applied(bench, cloud)


def test_over_the_limit_stopped_and_still_stopped_after_the_next_apply(forked: Applied) -> None:
    acme, globex = forked.session("acme"), forked.session("globex")
    forked.say(acme, "acme")
    forked.say(globex, "globex")
    assert not forked.stopped("acme")

    forked.say(acme, "acme", words=LIMIT)  # the call that passes the limit is answered
    assert forked.stopped("acme")
    assert not forked.stopped("globex")
    with pytest.raises(ClientError, match="explicit deny in an identity-based policy"):
        forked.say(acme, "acme")
    with pytest.raises(ClientError, match="explicit deny in an identity-based policy"):
        forked.say(forked.session("acme"), "acme")
    forked.say(globex, "globex")

    forked.terraform("plan")
    forked.terraform("apply")
    assert forked.stopped("acme")
    assert error_code(forked.say, acme, "acme") == "AccessDeniedException"
    forked.say(globex, "globex")
