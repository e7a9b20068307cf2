"""Ends a customer's access at once, before anything of it is removed.

A role that is being removed is still there for a while, and sessions of it live for up to an hour,
so they are denied first: a policy that denies everything binds sessions that exist already. It is
the inline policy that the fleet module itself makes of a customer with `stopped: true`, so an apply
keeps it where the list says so, and takes it off where the list has the customer without.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
"""

from __future__ import annotations

import json
from pathlib import Path

from botocore.exceptions import ClientError

from harness.deploy.deployment import fleet_boundary
from harness.errors import UserError
from harness.targets.base import Target

POLICY_NAME = "bulkhead-stopped"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "Stopped", "Effect": "Deny", "Action": "*", "Resource": "*"}],
    }
)


def applied_roles(state: Path) -> dict[str, str]:
    """By customer, the ARN of the fleet role that a state of the operations root knows of; also of
    an apply that failed before it told anybody."""
    if not state.exists():
        return {}
    return {
        instance["index_key"]: instance["attributes"]["arn"]
        for resource in json.loads(state.read_text(encoding="utf-8"))["resources"]
        if resource["mode"] == "managed"
        and (resource["type"], resource["name"]) == ("aws_iam_role", "fleet")
        for instance in resource["instances"]
    }


def deny_sessions(target: Target, role_arn: str) -> None:
    """Denies the sessions of a customer's fleet role, those that live included; as the account's
    deploy role, since nobody else may change fleet roles.

    A role that is gone already is no error. Raises `UserError` where the role cannot be changed.
    """
    account, role_name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    region = "us-east-1"
    iam = target.client(target.deployer_session("deploy", account, region=region), "iam", region)

    def deny() -> None:
        iam.put_role_policy(RoleName=role_name, PolicyName=POLICY_NAME, PolicyDocument=POLICY)

    def bind() -> None:
        # The deploy role may change a role within its boundary only, so one that somebody took off
        # is set again first.
        boundary = fleet_boundary(role_arn)
        iam.put_role_permissions_boundary(RoleName=role_name, PermissionsBoundary=boundary)
        deny()

    try:
        try:
            deny()
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            bind()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code != "NoSuchEntity":
            raise UserError(
                f"account {account}: sessions of {role_name} cannot be denied, so nothing was "
                f"removed: {code}"
            ) from error
