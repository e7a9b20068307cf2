"""Ends a customer's access before anything of it is removed.

A role that is being removed is still there for a while, and sessions of it live for up to an hour,
so they are denied first: a policy that denies everything binds sessions that exist already. It is
an inline policy of the role, so it goes with the role and with nothing before it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
"""

from __future__ import annotations

import json

from botocore.exceptions import ClientError

from harness.deploy.deployment import Fleet
from harness.errors import UserError
from harness.targets.base import Target

POLICY_NAME = "bulkhead-offboarded"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "Offboarded", "Effect": "Deny", "Action": "*", "Resource": "*"}],
    }
)


def deny_sessions(target: Target, account: str, fleet: Fleet) -> None:
    """Denies the sessions of a customer's fleet role, those that live included.

    A role that is gone already is no error. Raises `UserError` where the role cannot be changed.
    """
    iam = target.client(target.session(account), "iam", "us-east-1")
    try:
        iam.put_role_policy(
            RoleName=fleet.fleet_role_name, PolicyName=POLICY_NAME, PolicyDocument=POLICY
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code != "NoSuchEntity":
            raise UserError(
                f"account {account}: sessions of {fleet.fleet_role_name} cannot be denied, so "
                f"nothing was removed: {code}"
            ) from error
