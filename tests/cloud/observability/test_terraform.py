"""The AWS provider manages the outlets of log groups: apply, and an empty plan."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.cloud import REGION, A, Clients

from harness.cloud.process import CloudProcess
from harness.deploy.toolchain import prepare_toolchain

Unique = Callable[[str], str]
_MAIN = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100, < 7" }
  }
}

provider "aws" {
  region                      = "%(region)s"
  profile                     = "%(account)s"
  shared_credentials_files    = ["%(credentials)s"]
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = false
  endpoints {
    cloudwatchlogs = "%(endpoint)s"
    sts            = "%(endpoint)s"
  }
}

locals {
  email = ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"]
  masking = jsonencode({
    Name    = "mask"
    Version = "2021-06-01"
    Statement = [
      { DataIdentifier = local.email, Operation = { Audit = { FindingsDestination = {} } } },
      { DataIdentifier = local.email, Operation = { Deidentify = { MaskConfig = {} } } },
    ]
  })
}

resource "aws_cloudwatch_log_group" "this" {
  name = "%(name)s"
}

resource "aws_cloudwatch_log_destination" "this" {
  name       = "%(name)s"
  role_arn   = "%(role)s"
  target_arn = "%(stream)s"
}

resource "aws_cloudwatch_log_destination_policy" "this" {
  destination_name = aws_cloudwatch_log_destination.this.name
  access_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "%(account)s" }
      Action    = "logs:PutSubscriptionFilter"
      Resource  = aws_cloudwatch_log_destination.this.arn
    }]
  })
}

resource "aws_cloudwatch_log_subscription_filter" "direct" {
  name            = "direct"
  log_group_name  = aws_cloudwatch_log_group.this.name
  filter_pattern  = ""
  destination_arn = "%(stream)s"
  role_arn        = "%(role)s"
}

resource "aws_cloudwatch_log_subscription_filter" "logical" {
  name            = "logical"
  log_group_name  = aws_cloudwatch_log_group.this.name
  filter_pattern  = "ERROR"
  destination_arn = aws_cloudwatch_log_destination.this.arn
  depends_on      = [aws_cloudwatch_log_destination_policy.this]
}

resource "aws_cloudwatch_log_metric_filter" "this" {
  name           = "errors"
  log_group_name = aws_cloudwatch_log_group.this.name
  pattern        = "ERROR"
  metric_transformation {
    name      = "Errors"
    namespace = "Test"
    value     = "1"
  }
}

resource "aws_cloudwatch_log_data_protection_policy" "this" {
  log_group_name  = aws_cloudwatch_log_group.this.name
  policy_document = local.masking
}

resource "aws_cloudwatch_log_account_policy" "this" {
  policy_name     = "%(name)s"
  policy_type     = "DATA_PROTECTION_POLICY"
  policy_document = local.masking
}
"""


def test_the_provider_manages_outlets_of_log_groups(
    cloud: CloudProcess, clients: Clients, stream: Any, unique: Unique, tmp_path: Path
) -> None:
    target = stream(A)
    name = unique("terraform")
    values = {
        "account": A,
        "region": REGION,
        "endpoint": cloud.endpoint,
        "credentials": cloud.credentials,
        "name": name,
        "stream": target.arn,
        "role": target.role,
    }
    (tmp_path / "main.tf").write_text(_MAIN % values, encoding="utf-8")
    tools = prepare_toolchain(tmp_path / "tools")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))}

    def run(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [str(tools.executable), *arguments],
            cwd=tmp_path,
            env=environment | tools.environ(),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        if done.returncode != code:
            pytest.fail(f"{arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    run("init", "-input=false")
    run("apply", "-auto-approve", "-input=false")
    run("plan", "-detailed-exitcode", "-input=false")
    logs = clients(A, "logs")
    filters = logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
    assert [each["filterName"] for each in filters] == ["direct", "logical"]
    document = logs.get_data_protection_policy(logGroupIdentifier=name)["policyDocument"]
    assert json.loads(document)["Name"] == "mask"
