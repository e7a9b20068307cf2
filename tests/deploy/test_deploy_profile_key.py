"""What is not known of AWS: which values `bedrock:InferenceProfileArn` has when a profile is called
that was copied from a cross-region profile. The fleet module has a switch for either reading, and
the cloud plays both.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from harness.cloud.plan import CloudPlan
from harness.cloud.process import CloudProcess
from harness.deploy.terraform import Terraform
from harness.deploy.toolchain import prepare_toolchain
from harness.targets.embedded import EmbeddedTarget

MODULES = Path(__file__).resolve().parents[2] / "modules"
OPERATIONS, CALLER, REGION = "111111111111", "222222222222", "eu-central-1"
MODEL = "amazon.nova-lite-v1:0"
SYSTEM = f"eu.{MODEL}"
EXTERNAL_ID = "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95"
# Two fleets in one account, one for each value of the switch.
FLEETS = {"strict": "application", "lenient": "application-or-system"}

PROVIDER = f"""
terraform {{
  required_providers {{
    aws = {{ source = "hashicorp/aws", version = ">= 5.100, < 7" }}
  }}
}}

provider "aws" {{
  region  = "{REGION}"
  profile = "{OPERATIONS}"
}}

module "profiles" {{
  source                = "./modules/inference-profiles"
  operations_account_id = "{OPERATIONS}"
  models                = {{ for key in ["strict", "lenient"] : key => ["{SYSTEM}"] }}

  cross_region_destinations = {{ eu = ["eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"] }}
}}
"""
FLEET = f"""
module "%(key)s" {{
  source                      = "./modules/operations-role-fleet"
  operations_account_id       = "{OPERATIONS}"
  management_account_id       = "999999999999"
  external_ids                = {{ %(key)s = "{EXTERNAL_ID}" }}
  inference_profiles          = {{ "{REGION}" = {{ %(key)s = module.profiles.arns["%(key)s"] }} }}
  inference_profile_key_value = "%(value)s"
  cross_region_destinations   = {{
    eu = ["eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"]
  }}
  customers = {{
    %(key)s = {{
      accounts = [{{ account_id = "{CALLER}" }}]
      models   = ["{SYSTEM}"]
      regions  = ["{REGION}"]
    }}
  }}
}}

output "%(key)s" {{
  value = module.%(key)s.customers["%(key)s"]
}}
"""


class Fleets:
    """Both fleets in a cloud, and sessions of their roles."""

    def __init__(self, target: EmbeddedTarget, made: dict[str, Any]) -> None:
        self._target = target
        self._made = made
        iam = target.client(target.session(CALLER), "iam", REGION)
        service = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
        grant = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
        self._caller: str = iam.create_role(
            RoleName="bulkhead-caller",
            Path="/bulkhead/",
            AssumeRolePolicyDocument=_document({**service, "Action": "sts:AssumeRole"}),
        )["Role"]["Arn"]
        iam.put_role_policy(
            RoleName="bulkhead-caller", PolicyName="assume", PolicyDocument=_document(grant)
        )

    def profile(self, key: str) -> str:
        arn: str = self._made[key]["inference_profiles"][REGION][SYSTEM]
        return arn

    def free(self, key: str) -> None:
        """Attach an administrator's policy to the role, and take its boundary away."""
        iam = self._target.client(self._target.session(OPERATIONS), "iam", REGION)
        name = self._made[key]["fleet_role_name"]
        iam.delete_role_permissions_boundary(RoleName=name)
        iam.attach_role_policy(
            RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        )

    def can_call(self, key: str, model: str) -> bool:
        """Whether the fleet's role may call this model or profile."""
        client = self._target.client(self._session(key), "bedrock-runtime", REGION)
        try:
            client.converse(modelId=model, messages=[{"role": "user", "content": [{"text": "x"}]}])
        except ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDeniedException", error
            return False
        return True

    def _session(self, key: str) -> boto3.Session:
        caller = self._target.caller_session(self._caller, "lambda", region=REGION)
        sts = self._target.client(caller, "sts", REGION)
        answer = sts.assume_role(
            RoleArn=self._made[key]["fleet_role_arn"],
            RoleSessionName=f"t-{CALLER}-test",
            ExternalId=EXTERNAL_ID,
        )
        return self._target.assumed(answer["Credentials"])


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def fleets(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], Fleets]]:
    """Both fleets, in a cloud that plays the given reading."""
    clouds = []

    def make(reading: str) -> Fleets:
        folder = tmp_path_factory.mktemp(reading)
        root = folder / "root"
        for module in ("inference-profiles", "operations-role-fleet"):
            shutil.copytree(MODULES / module, root / "modules" / module)
        parts = [PROVIDER, *(FLEET % {"key": k, "value": v} for k, v in FLEETS.items())]
        (root / "main.tf").write_text("".join(parts), encoding="utf-8")
        plan = CloudPlan((OPERATIONS, CALLER), inference_profile_key=reading)
        cloud = CloudProcess.start(plan, credentials=folder / "credentials")
        clouds.append(cloud)
        target = EmbeddedTarget(cloud)
        terraform = Terraform(
            prepare_toolchain(folder / "toolchain"),
            root,
            folder=folder / "state",
            data=folder / "data",
            environ=target.environ(None),
        )
        terraform.init()
        terraform.apply({})
        return Fleets(target, terraform.output())

    yield make
    for cloud in clouds:
        cloud.stop()


@pytest.mark.parametrize(
    ("reading", "works"),
    [
        ("application", {"strict": True, "lenient": True}),
        ("system-too", {"strict": False, "lenient": True}),
    ],
)
def test_the_switch_opens_the_customers_profile_where_aws_reports_both_and_nothing_else(
    fleets: Callable[[str], Fleets], reading: str, works: dict[str, bool]
) -> None:
    made = fleets(reading)
    for freed in (False, True):
        for key, other in (("strict", "lenient"), ("lenient", "strict")):
            if freed:
                made.free(key)
            assert made.can_call(key, made.profile(key)) is works[key], (key, freed)
            for model in (SYSTEM, MODEL, made.profile(other)):
                assert not made.can_call(key, model), (key, model, freed)
