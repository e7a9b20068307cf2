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
variable "calls" { default = null }
variable "limited" {
  type    = list(string)
  default = ["acme", "globex"]
}

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

module "profiles" {
  source                = "./modules/inference-profiles"
  operations_account_id = "111111111111"
  models = {
    acme   = ["amazon.nova-lite-v1:0"]
    globex = ["amazon.nova-lite-v1:0"]
  }
}

module "fleet" {
  source                = "./modules/operations-role-fleet"
  operations_account_id = "111111111111"
  management_account_id = "999999999999"
  external_ids          = { EXTERNAL_IDS }
  inference_profiles    = { (module.profiles.region) = module.profiles.arns }
  customers = {
    for key, account in { acme = "222222222222", globex = "333333333333" } : key => {
      accounts = [{ account_id = account }]
      models   = ["amazon.nova-lite-v1:0"]
      regions  = ["eu-central-1"]
    }
  }
}

module "spend" {
  source                = "./modules/spend-controls"
  operations_account_id = "111111111111"
  budget_emails         = ["finance@example.com"]

  customers = {
    for key in var.limited : key => {
      fleet_role_name        = module.fleet.customers[key].fleet_role_name
      inference_profile_arns = values(module.profiles.arns[key])
      limits = [
        { minutes = 60, input_tokens = var.input_tokens, output_tokens = 100000, calls = var.calls }
      ]
      monthly_budget_usd     = key == "acme" ? 500 : 0
    }
  }
}

output "profiles" {
  value = {
    for key, arns in module.profiles.arns : key => one(values(arns))
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

    def played(self, role: str) -> Any:
        """A session of an executor's role, which is made to trust us for it."""
        iam = self.clients(OPERATIONS, "iam")
        trusting = trust({"AWS": f"arn:aws:iam::{OPERATIONS}:root"})
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=trusting)
        arn = f"arn:aws:iam::{OPERATIONS}:role/bulkhead/spend/{role}"
        return self.clients.assume(OPERATIONS, arn)

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


def over_the_limit(made: Applied) -> Any:
    """A live session of acme's that went over the limit, and so was stopped."""
    session = made.session("acme")
    made.say(session, "acme", words=LIMIT)  # the call that passes the limit is answered
    assert made.stopped("acme")
    return session


def reset(made: Applied) -> None:
    """The reset of the module's README."""
    made.clients(OPERATIONS, "iam").detach_role_policy(RoleName="bulkhead-acme", PolicyArn=STOP)
    cloudwatch = made.clients(OPERATIONS, "cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix="bulkhead-spend.bulkhead-acme.", StateValue="ALARM"
    )
    for alarm in [alarm for page in pages for alarm in page["MetricAlarms"]]:
        cloudwatch.set_alarm_state(
            AlarmName=alarm["AlarmName"], StateValue="OK", StateReason="reset"
        )


def test_over_the_limit_stopped_and_still_stopped_after_the_next_apply(forked: Applied) -> None:
    globex = forked.session("globex")
    acme = forked.session("acme")
    forked.say(acme, "acme")
    assert not forked.stopped("acme")

    over_the_limit(forked)
    assert not forked.stopped("globex")
    for session in (acme, forked.session("acme")):
        with pytest.raises(ClientError, match="explicit deny in an identity-based policy"):
            forked.say(session, "acme")
    forked.say(globex, "globex")

    assert "0 added, 0 changed, 0 destroyed" in forked.terraform("apply")
    assert forked.stopped("acme")
    assert error_code(forked.say, acme, "acme") == "AccessDeniedException"
    forked.say(globex, "globex")


def test_a_reset_holds_once_the_limit_is_raised_or_the_time_is_over(forked: Applied) -> None:
    acme = over_the_limit(forked)
    reset(forked)
    cloudwatch = forked.clients(OPERATIONS, "cloudwatch")
    cloudwatch.describe_alarms(AlarmNamePrefix="bulkhead-spend.")  # a minute later, on AWS
    assert forked.stopped("acme"), "a reset before its time is undone"

    forked.terraform("apply", f"input_tokens={100 * LIMIT}")
    assert forked.stopped("acme"), "an apply takes no stop away, a higher limit neither"
    reset(forked)
    assert not forked.stopped("acme")
    forked.say(acme, "acme", words=LIMIT)
    assert not forked.stopped("acme")
    forked.say(acme, "acme", words=100 * LIMIT)
    assert forked.stopped("acme"), "after a reset the limit holds again"


def test_calls_stop_whom_tokens_do_not(forked: Applied) -> None:
    """Of a model that is paid by pictures or searches there are calls and no tokens."""
    forked.terraform("apply", "calls=2")
    acme = forked.session("acme")
    for _ in range(2):
        forked.say(acme, "acme")
    assert not forked.stopped("acme")
    forked.say(acme, "acme")
    assert forked.stopped("acme") and not forked.stopped("globex")


def test_controls_are_not_taken_away_from_under_a_stop(forked: Applied) -> None:
    over_the_limit(forked)
    with pytest.raises(pytest.fail.Exception, match="DeleteConflict"):
        forked.terraform("apply", "limited=[]")
    assert forked.stopped("acme")


@pytest.mark.parametrize("role", ["stop", "budget"])
def test_who_stops_can_do_nothing_else(forked: Applied, role: str) -> None:
    session = forked.played(f"bulkhead-spend-{REGION}-{role}")
    iam = forked.clients(session, "iam")
    trusting = trust({"AWS": f"arn:aws:iam::{OPERATIONS}:root"})
    forked.clients(OPERATIONS, "iam").create_role(
        RoleName="another", AssumeRolePolicyDocument=trusting
    )
    fleet = "bulkhead-globex"
    boundary = f"arn:aws:iam::{OPERATIONS}:policy/bulkhead/fleet/{fleet}-boundary"
    refused: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (iam.attach_role_policy, {"RoleName": "another", "PolicyArn": STOP}),
        (iam.attach_role_policy, {"RoleName": EXECUTOR.rsplit("/", 1)[1], "PolicyArn": STOP}),
        (iam.attach_role_policy, {"RoleName": fleet, "PolicyArn": boundary}),
        (
            iam.attach_role_policy,
            {"RoleName": fleet, "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
        ),
        (iam.detach_role_policy, {"RoleName": fleet, "PolicyArn": STOP}),
        (iam.delete_role_policy, {"RoleName": fleet, "PolicyName": "invoke-own-profiles"}),
        (
            iam.put_role_policy,
            {"RoleName": fleet, "PolicyName": "x", "PolicyDocument": document(allow("*"))},
        ),
        (iam.update_assume_role_policy, {"RoleName": fleet, "PolicyDocument": trusting}),
        (iam.create_policy_version, {"PolicyArn": STOP, "PolicyDocument": document(allow("*"))}),
        (iam.list_roles, {}),
        (forked.clients(session, "stepfunctions").list_state_machines, {}),
    ]
    for operation, asked in refused:
        assert error_code(operation, **asked) in ("AccessDenied", "AccessDeniedException"), asked
    assert not forked.stopped("globex")
    iam.attach_role_policy(RoleName=fleet, PolicyArn=STOP)
    assert forked.stopped("globex")


def test_who_starts_can_do_nothing_else(forked: Applied) -> None:
    session = forked.played(f"bulkhead-spend-{REGION}-start")
    states = forked.clients(session, "stepfunctions")
    asked = {"input": json.dumps({"alarmName": "x.bulkhead-globex.1m.input"})}
    other = states.start_execution
    assert error_code(other, stateMachineArn=f"{MACHINE}-2", **asked) == "AccessDeniedException"
    assert error_code(states.list_state_machines) == "AccessDeniedException"
    attach = forked.clients(session, "iam").attach_role_policy
    assert error_code(attach, RoleName="bulkhead-globex", PolicyArn=STOP) == "AccessDenied"
    states.start_execution(stateMachineArn=MACHINE, **asked)
    assert forked.stopped("globex")


def test_the_budget_stands_by(applied: Applied) -> None:
    budgets = applied.clients(OPERATIONS, "budgets", "us-east-1")
    named = {"AccountId": OPERATIONS, "BudgetName": "bulkhead-spend-acme"}
    budget = budgets.describe_budget(**named)["Budget"]
    assert budget["CostFilters"] == {"TagKeyValue": ["user:bulkhead:customer$acme"]}
    (action,) = budgets.describe_budget_actions_for_budget(**named)["Actions"]
    assert (action["Status"], action["ApprovalModel"]) == ("STANDBY", "AUTOMATIC")
    assert action["Definition"]["IamActionDefinition"] == {
        "PolicyArn": STOP,
        "Roles": ["bulkhead-acme"],
    }
