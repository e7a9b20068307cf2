"""Probes act in a copy of the shared deployment, which stays as it was made for all other tests."""

from __future__ import annotations

import json

from harness.deploy.deployment import Deployment
from harness.targets.base import Target

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


def roles(target: Target, account: str) -> set[str]:
    iam = target.client(target.session(account), "iam", "us-east-1")
    pages = iam.get_paginator("list_roles").paginate()
    return {role["RoleName"] for page in pages for role in page["Roles"]}


def test_what_a_probe_makes_is_not_in_the_deployment(
    deployment: Deployment, target: Target
) -> None:
    account, name = deployment.environment.operations_account, "left-by-a-probe"
    iam = target.client(target.session(account), "iam", "us-east-1")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    try:
        assert name in roles(target, account)
        assert name not in roles(deployment.target(), account)
    finally:
        iam.delete_role(RoleName=name)
