"""Jobs of CI, people, and the guardrails: where an environment names them, their roles take tokens
and assertions, and no others do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest
from ruamel.yaml import YAML

ENVIRONMENT = "environments/embedded"
ROOT = f"{ENVIRONMENT}/organization"
GITHUB = {"repository": "acme/live", "deploy_environment": "production", "plan_environment": "plan"}
AUDIT, DEPLOY, PLAN = (
    f"arn:aws:iam::111111111111:role/bulkhead/bulkhead-{name}"
    for name in ("audit", "deploy", "plan")
)
# In us-east-1 Identity Center leaves the region out of its roles' paths.
PEOPLE = {
    "account_id": "111111111111",
    "region": "eu-central-1",
    "people": {"identity_center_region": "us-east-1", "permission_sets": ["Operators"]},
}
SSO = "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com"


class Workbench(Protocol):
    """What this file needs of the `Workbench` in conftest.py."""

    folder: Path

    def init(self) -> None: ...
    def run(self, *arguments: str, fails: bool = False) -> str: ...


# The organization as AWS would tell it: nothing is asked of a cloud.
TEST = """
mock_provider "aws" {{
  override_data {{
    target = module.guardrails.data.aws_organizations_organization.this
    values = {{
      master_account_id             = "999999999999"
      accounts                      = {accounts}
      aws_service_access_principals = []
      roots = [{{
        policy_types = [
          {{ type = "SERVICE_CONTROL_POLICY", status = "ENABLED" }},
          {{ type = "RESOURCE_CONTROL_POLICY", status = "ENABLED" }},
        ]
      }}]
    }}
  }}
}}

run "tokens" {{
  command = plan

  assert {{
    condition = [
      for s in jsondecode(output.policy_documents["operations-rcp"]).Statement :
      try(s.NotResource, s.Resource) if s.Sid == "RolesForNoFederation"
    ] == {expected}
    error_message = "The guardrail lets tokens into other roles than those that are listed."
  }}
}}
"""


@pytest.mark.parametrize(
    ("ci", "expected"),
    [
        ({}, ["*"]),
        ({"ci": {"github": GITHUB}}, [[DEPLOY, PLAN]]),
        ({"ci": {"github": {**GITHUB, "audit_environment": "audit"}}}, [[AUDIT, DEPLOY, PLAN]]),
        ({"operations": PEOPLE}, [[f"{SSO}/AWSReservedSSO_Operators_{'?' * 16}"]]),
    ],
    ids=["nobody", "github", "audited", "people"],
)
def test_tokens_are_for_ci_and_people_where_there_are_any(
    workbench: Callable[..., Workbench], ci: dict[str, object], expected: object
) -> None:
    bench = workbench(ENVIRONMENT, "modules", at=ROOT)
    file = bench.folder.parent / "customers.yaml"
    yaml = YAML(typ="safe")
    environment = yaml.load(file.read_text(encoding="utf-8")) | ci
    with file.open("w", encoding="utf-8") as stream:
        yaml.dump(environment, stream)
    accounts = [a["account_id"] for c in environment["customers"].values() for a in c["accounts"]]
    known = [{"id": each} for each in (*accounts, environment["operations"]["account_id"])]
    (bench.folder / "tests").mkdir()
    (bench.folder / "tests" / "ci.tftest.hcl").write_text(
        TEST.format(accounts=json.dumps(known), expected=json.dumps(expected)), encoding="utf-8"
    )
    bench.init()
    bench.run("test")
