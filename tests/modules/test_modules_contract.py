"""The modules' own `terraform test` files, and a plan by the real provider."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from scripts import terraform_files

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.name for path in (ROOT / "modules").iterdir() if path.is_dir())


class Workbench(Protocol):
    """What this file needs of the `Workbench` in conftest.py."""

    folder: Path

    def init(self) -> None: ...
    def run(self, *arguments: str, fails: bool = False) -> str: ...
    def test(self) -> str: ...


@pytest.mark.parametrize("module", MODULES)
def test_contract(module: str, workbench: Callable[..., Workbench]) -> None:
    where = f"modules/{module}"
    # All of them: some use what another says.
    bench = workbench("modules", at=where)
    written = sorted(f"tests/{path.name}" for path in (ROOT / where / "tests").iterdir())
    for path in (bench.folder / "tests").iterdir():
        text = path.read_text(encoding="utf-8")
        assert 'mock_provider "aws"' in text and '\nprovider "' not in text, path.name
    bench.init()
    lines = [json.loads(line) for line in bench.test().splitlines()]
    # Terraform ignores files with another ending without a word.
    ran = sorted({line["test_file"]["path"] for line in lines if line["type"] == "test_file"})
    assert ran == written
    (summary,) = (line["test_summary"] for line in lines if line["type"] == "test_summary")
    assert summary["status"] == "pass"
    assert summary["passed"] > 0
    assert summary["skipped"] == 0


# What is named by an ARN that is known beforehand, or works only beside another. Terraform makes
# the other first where the block names it; else an apply fails now and then, and a plan never.
NEEDED = {
    "operations-baseline": {
        'resource "aws_cloudtrail" "this"': ["aws_s3_bucket_policy.trail"],
        'resource "aws_s3_bucket_lifecycle_configuration" "trail"': [
            "aws_s3_bucket_versioning.trail"
        ],
        'resource "aws_s3_bucket_policy" "trail"': ["aws_s3_bucket_public_access_block.trail"],
    },
    "operations-role-fleet": {
        'resource "aws_iam_role" "fleet"': ["aws_iam_policy.boundary"],
        'output "customers"': ["aws_iam_role.fleet", "aws_iam_role_policy.invoke"],
        'output "boundary_arns"': ["aws_iam_policy.boundary"],
    },
    "spend-controls": {
        'resource "aws_cloudwatch_event_target" "stop"': ["aws_sfn_state_machine.stop"],
        'resource "aws_sfn_state_machine" "stop"': ["aws_iam_role_policy.executor"],
        'resource "aws_budgets_budget_action" "stop"': ["aws_iam_role_policy.budget"],
        'output "stop_policy_arn"': ["aws_iam_policy.stop"],
        'output "executor_role_arns"': ["aws_iam_role.executor", "aws_iam_role.budget"],
        'output "alarm_names"': ["aws_cloudwatch_metric_alarm.limit"],
    },
    "state-store": {
        'resource "aws_s3_bucket_lifecycle_configuration" "state"': [
            "aws_s3_bucket_versioning.state"
        ],
        'resource "aws_s3_bucket_policy" "state"': ["aws_s3_bucket_public_access_block.state"],
    },
}


@pytest.mark.parametrize("module", NEEDED)
def test_what_another_needs_is_made_before_it(module: str) -> None:
    files = sorted((ROOT / "modules" / module).glob("*.tf"))
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    text = re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE)
    blocks = dict(re.findall(r"^(\w+ [^{]*) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL))
    missing = [
        f"{block}: {needed}"
        for block, all_needed in NEEDED[module].items()
        for needed in all_needed
        if not re.search(rf"\b{re.escape(needed)}\b", blocks[block])
    ]
    assert missing == []


def test_an_application_has_its_rights_while_they_change() -> None:
    """Of a role that the customer made. A mocked provider replaces nothing, so no plan shows it."""
    source = terraform_files.read(ROOT / "modules" / "customer-logging" / "main.tf")
    made = {kind: body for kind, _, body in terraform_files.typed(source, "resource")}
    (lifecycle,) = made["aws_iam_role_policy_attachment"]["lifecycle"]
    assert lifecycle["create_before_destroy"] is True


# A caller of the modules. Fake keys and the skips keep the provider from asking AWS who it is.
CALLER = """
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

module "profiles" {
  source                = "./modules/inference-profiles"
  operations_account_id = "111111111111"
  models                = { acme = ["amazon.nova-lite-v1:0"] }
}

module "fleet" {
  source                = "./modules/operations-role-fleet"
  operations_account_id = "111111111111"
  management_account_id = "999999999999"
  external_ids          = { acme = "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
  inference_profiles    = { (module.profiles.region) = module.profiles.arns }
  customers = {
    acme = {
      accounts = [{ account_id = "222222222222" }]
      models   = ["amazon.nova-lite-v1:0"]
      regions  = ["eu-central-1"]
    }
  }
}

module "keys" {
  source     = "./modules/log-keys"
  customer   = "acme"
  account_id = "222222222222"
  owner_arns = ["arn:aws:iam::222222222222:role/owner"]
  content    = true
}

module "logging" {
  source         = "./modules/customer-logging"
  customer       = "acme"
  account_id     = "222222222222"
  fleet_role_arn = module.fleet.customers["acme"].fleet_role_arn
  caller         = { type = "ec2" }
  content        = { enabled = true }
  kms_key_arns   = module.keys.kms_key_arns
}
"""

PROFILES, FLEET, LOGGING = "module.profiles", "module.fleet", "module.logging"
KEYS = "module.keys"
NAMES = {"records": "bulkhead/acme/bedrock", "content": "bulkhead/acme/content"}
GOLDEN: dict[str, dict[str, Any]] = {
    f'{PROFILES}.aws_bedrock_inference_profile.this["acme/amazon.nova-lite-v1:0"]': {
        "name": "bulkhead-acme-amazon-nova-lite-v1-0",
        "model_source": [
            {"copy_from": "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"}
        ],
        "tags": {"bulkhead:customer": "acme", "bulkhead:model": "amazon.nova-lite-v1:0"},
    },
    f'{FLEET}.aws_iam_policy.boundary["acme"]': {
        "name": "bulkhead-acme-boundary",
        "path": "/bulkhead/fleet/",
    },
    f'{FLEET}.aws_iam_role.fleet["acme"]': {
        "name": "bulkhead-acme",
        "path": "/bulkhead/fleet/",
        "max_session_duration": 3600,
        "force_detach_policies": True,
        "permissions_boundary": (
            "arn:aws:iam::111111111111:policy/bulkhead/fleet/bulkhead-acme-boundary"
        ),
        "tags": {"bulkhead:customer": "acme"},
    },
    f'{FLEET}.aws_iam_role_policies_exclusive.fleet["acme"]': {
        "role_name": "bulkhead-acme",
        "policy_names": ["invoke-own-profiles"],
    },
    f'{FLEET}.aws_iam_role_policy.invoke["acme"]': {"role": "bulkhead-acme"},
    f'{LOGGING}.aws_cloudwatch_dashboard.this["client"]': {"dashboard_name": "bulkhead-acme"},
    **{
        f'{LOGGING}.aws_cloudwatch_log_data_protection_policy.this["{key}"]': {
            "log_group_name": f"/{name}"
        }
        for key, name in NAMES.items()
    },
    **{
        f'{LOGGING}.aws_cloudwatch_log_group.this["{key}"]': {
            "name": f"/{name}",
            "retention_in_days": {"records": 365, "content": 7}[key],
            "skip_destroy": False,
        }
        for key, name in NAMES.items()
    },
    **{
        f'{LOGGING}.aws_cloudwatch_metric_alarm.counted["{key}"]': {
            "alarm_name": f"bulkhead-acme-{key.replace('_', '-')}",
            "namespace": "Bulkhead",
            "statistic": "Sum",
            "period": 300,
            "evaluation_periods": 1,
            "comparison_operator": "GreaterThanOrEqualToThreshold",
            "threshold": threshold,
            "treat_missing_data": "notBreaching",
        }
        for key, threshold in (("dropped_records", 1), ("errors", 5), ("throttles", 10))
    },
    f'{LOGGING}.aws_cloudwatch_metric_alarm.heartbeat["heartbeat"]': {
        "metric_name": "bulkhead.heartbeat",
        "statistic": "Sum",
        "period": 60,
        "evaluation_periods": 10,
        "comparison_operator": "LessThanThreshold",
        "threshold": 1,
        "treat_missing_data": "breaching",
    },
    f'{LOGGING}.aws_cloudwatch_metric_alarm.tokens["tokens"]': {
        "threshold": 1000000,
        "comparison_operator": "GreaterThanOrEqualToThreshold",
        "treat_missing_data": "notBreaching",
    },
    f'{LOGGING}.aws_iam_instance_profile.caller["ec2"]': {"name": "bulkhead-caller"},
    f'{LOGGING}.aws_iam_role.caller["caller"]': {"name": "bulkhead-caller", "path": "/bulkhead/"},
    f'{LOGGING}.aws_iam_role_policies_exclusive.caller["caller"]': {
        "policy_names": ["call-and-record"]
    },
    f'{LOGGING}.aws_iam_role_policy.caller["caller"]': {"role": "bulkhead-caller"},
    **{
        f'{KEYS}.aws_kms_alias.logs["{key}"]': {"name": f"alias/{name}"}
        for key, name in NAMES.items()
    },
    **{
        f'{KEYS}.aws_kms_key.logs["{key}"]': {
            "enable_key_rotation": True,
            "deletion_window_in_days": 30,
            "bypass_policy_lockout_safety_check": False,
        }
        for key in NAMES
    },
}


def differences(got: Any, expected: Any, where: str) -> list[str]:
    """What `expected` says and `got` does not; more in `got` is fine, but not in its lists."""
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        return [
            found
            for key, value in expected.items()
            for found in differences(got.get(key), value, f"{where}.{key}")
        ]
    if isinstance(expected, list) and isinstance(got, Sequence) and len(got) == len(expected):
        return [
            found
            for index, value in enumerate(expected)
            for found in differences(got[index], value, f"{where}[{index}]")
        ]
    return [] if got == expected else [f"{where}: got {got!r}, expected {expected!r}"]


def test_the_real_provider_plans_the_modules(workbench: Callable[..., Workbench]) -> None:
    bench = workbench("modules", at=".")
    (bench.folder / "main.tf").write_text(CALLER, encoding="utf-8")
    bench.init()
    shown = bench.run("plan", "-input=false", "-no-color", "-out=plan")
    assert "0d9c2f1e" not in shown, "a plan on the terminal shows an external id"

    plan = json.loads(bench.run("show", "-json", "plan"))
    modules = plan["planned_values"]["root_module"]["child_modules"]
    planned = {r["address"]: r["values"] for module in modules for r in module["resources"]}
    assert sorted(planned) == sorted(GOLDEN)
    assert [d for a, e in GOLDEN.items() for d in differences(planned[a], e, a)] == []

    trust = json.loads(planned[f'{FLEET}.aws_iam_role.fleet["acme"]']["assume_role_policy"])
    assert [s["Sid"] for s in trust["Statement"]] == ["ApprovedCallers"]

    # A key and its group are made at different times, and must mean the same name.
    for key in NAMES:
        policy = json.loads(planned[f'{KEYS}.aws_kms_key.logs["{key}"]']["policy"])
        (service,) = (s for s in policy["Statement"] if s["Sid"] == "LogsServiceForThisGroup")
        group = planned[f'{LOGGING}.aws_cloudwatch_log_group.this["{key}"]']["name"]
        arn = f"arn:aws:logs:eu-central-1:222222222222:log-group:{group}"
        assert service["Condition"] == {"StringEquals": {"kms:EncryptionContext:aws:logs:arn": arn}}
