"""Ends a customer's access before anything of it is removed.

A role that is being removed is still there for a while, and sessions of it live for up to an hour,
so they are denied first: a policy that denies everything binds sessions that exist already. It is
an inline policy of the role, so it goes with the role and with nothing before it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
"""

from __future__ import annotations

import json
from pathlib import Path

from botocore.exceptions import ClientError

from harness.errors import UserError
from harness.targets.base import Target

POLICY_NAME = "bulkhead-offboarded"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "Offboarded", "Effect": "Deny", "Action": "*", "Resource": "*"}],
    }
)


def applied_roles(state: Path) -> dict[str, str]:
    """By customer, the name of the fleet role that a state of the operations root knows of; also
    of an apply that failed before it told anybody."""
    if not state.exists():
        return {}
    return {
        instance["index_key"]: instance["attributes"]["name"]
        for resource in json.loads(state.read_text(encoding="utf-8"))["resources"]
        if resource["mode"] == "managed"
        and (resource["type"], resource["name"]) == ("aws_iam_role", "fleet")
        for instance in resource["instances"]
    }


def deny_sessions(target: Target, account: str, role_name: str) -> None:
    """Denies the sessions of a customer's fleet role, those that live included; as the account's
    deploy role, since nobody else may change fleet roles.

    A role that is gone already is no error. Raises `UserError` where the role cannot be changed.
    """
    region = "us-east-1"
    try:
        deployer = target.deployer_session("deploy", account, region=region)
        target.client(deployer, "iam", region).put_role_policy(
            RoleName=role_name, PolicyName=POLICY_NAME, PolicyDocument=POLICY
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code != "NoSuchEntity":
            raise UserError(
                f"account {account}: sessions of {role_name} cannot be denied, so nothing was "
                f"removed: {code}"
            ) from error
