"""Applies a fleet of roles with Terraform, to the embedded cloud and to bare moto."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.cloud.plan import CloudPlan
from harness.cloud.process import CloudProcess
from harness.deploy.terraform import Terraform
from harness.deploy.toolchain import prepare_toolchain
from harness.deploy.workspace import RUNS, project_root
from harness.targets.base import clean_environ
from harness.targets.embedded import EmbeddedTarget

ACCOUNT = "111111111111"
_ROOT = """
terraform {{
  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }}
  }}
}}

provider "aws" {{
  region                      = "eu-central-1"
  skip_requesting_account_id  = true
  skip_credentials_validation = true
}}

resource "aws_iam_role" "fleet" {{
  count = {roles}
  name  = "bulkhead-bench-${{count.index}}"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ AWS = "arn:aws:iam::{account}:root" }}
      Action    = "sts:AssumeRole"
      Condition = {{ StringEquals = {{ "sts:ExternalId" = "id-${{count.index}}" }} }}
    }}]
  }})
}}

resource "aws_iam_role_policy" "fleet" {{
  count = {roles}
  name  = "invoke"
  role  = aws_iam_role.fleet[count.index].id
  policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{ Effect = "Allow", Action = "bedrock:InvokeModel", Resource = "*" }}]
  }})
}}
"""


@dataclass(frozen=True, slots=True)
class FleetCost:
    """Seconds that an apply of `roles` roles took, in each cloud."""

    roles: int
    bare: float
    embedded: float

    @property
    def ratio(self) -> float:
        return self.embedded / self.bare


def apply_fleet(roles: int, folder: Path, rounds: int = 1) -> FleetCost:
    """Applies to both, in turns; the fastest round of each counts. `folder` takes all files.

    Raises `UserError` when Terraform is missing or fails.
    """
    root = folder / "root"
    root.mkdir(parents=True)
    (root / "main.tf").write_text(_ROOT.format(roles=roles, account=ACCOUNT), encoding="utf-8")
    bare: list[float] = []
    embedded: list[float] = []
    for number in range(rounds):
        with _embedded(folder) as environ:
            embedded.append(_apply(root, folder, f"embedded-{number}", environ))
        with _bare() as environ:
            bare.append(_apply(root, folder, f"bare-{number}", environ))
    return FleetCost(roles, min(bare), min(embedded))


def _apply(root: Path, folder: Path, label: str, environ: Mapping[str, str]) -> float:
    terraform = Terraform(
        prepare_toolchain(project_root() / RUNS / "terraform"),
        root,
        folder=folder / label,
        data=folder / "data",
        environ=environ,
        label=label,
    )
    terraform.init()
    started = time.monotonic()
    terraform.apply({})
    return time.monotonic() - started


@contextlib.contextmanager
def _embedded(folder: Path) -> Iterator[Mapping[str, str]]:
    credentials = folder / "credentials"
    with CloudProcess.start(CloudPlan((ACCOUNT,), ()), credentials=credentials) as cloud:
        yield EmbeddedTarget(cloud).environ(ACCOUNT)


@contextlib.contextmanager
def _bare() -> Iterator[Mapping[str, str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "harness.bench.bare_moto", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        port = process.stdout.readline().strip()
        try:
            yield {
                **clean_environ(),
                "NO_PROXY": "127.0.0.1",
                "no_proxy": "127.0.0.1",
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
                "AWS_SECRET_ACCESS_KEY": "example",
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_MAX_ATTEMPTS": "3",
            }
        finally:
            process.stdin.close()
