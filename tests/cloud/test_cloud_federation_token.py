"""GetFederationToken: what both the user and the session policy allow, and no more.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from support.cloud import REGION, A, Clients, allow, document, error_code, trust

FEDERATE = allow("sts:GetFederationToken")
LISTS = "logs:DescribeLogGroups"


@pytest.fixture
def make_user(
    clients: Clients, unique: Callable[[str], str]
) -> Callable[..., tuple[str, boto3.Session]]:
    """A user with inline statements; returns its name and a session with a key of it."""

    def make(*statements: dict[str, Any], **kwargs: Any) -> tuple[str, boto3.Session]:
        iam, name = clients(A, "iam"), unique("federating")
        iam.create_user(UserName=name, **kwargs)
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return name, boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)

    return make


MakeUser = Callable[..., tuple[str, boto3.Session]]


def federated(clients: Clients, user: boto3.Session, **kwargs: Any) -> boto3.Session:
    answer = clients(user, "sts").get_federation_token(**{"Name": "bob", **kwargs})["Credentials"]
    return boto3.Session(
        answer["AccessKeyId"],
        answer["SecretAccessKey"],
        answer["SessionToken"],
        region_name=REGION,
    )


def lists(clients: Clients, session: boto3.Session) -> bool:
    try:
        clients(session, "logs").describe_log_groups()
    except clients(session, "logs").exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDeniedException"
        return False
    return True


def test_both_the_user_and_the_session_policy_must_allow(
    clients: Clients, make_user: MakeUser
) -> None:
    _, user = make_user(FEDERATE, allow("logs:*"))
    narrow, other = document(allow(LISTS)), document(allow("s3:*"))
    session = federated(clients, user, Policy=narrow)
    assert clients(session, "sts").get_caller_identity()["Arn"] == (
        f"arn:aws:sts::{A}:federated-user/bob"
    )
    assert lists(clients, session)
    assert not lists(clients, federated(clients, user, Policy=other))
    # Without a session policy there is nothing that it may do.
    assert not lists(clients, federated(clients, user))
    _, poor = make_user(FEDERATE)
    assert not lists(clients, federated(clients, poor, Policy=narrow))


def test_the_user_must_be_let_and_be_a_user(
    clients: Clients, make_user: MakeUser, make_role: Callable[..., str]
) -> None:
    _, user = make_user(allow("logs:*"))
    ask = clients(user, "sts").get_federation_token
    assert error_code(ask, Name="bob") == "AccessDenied"
    role = make_role(A, trust({"AWS": f"arn:aws:iam::{A}:root"}), FEDERATE)
    session = clients(clients.assume(A, role), "sts").get_federation_token
    assert error_code(session, Name="bob") == "AccessDenied"
    admin = clients(A, "sts").get_federation_token
    assert error_code(admin, Name="no spaces") == "ValidationError"
    assert error_code(admin, Name="bob", Policy="{}") == "MalformedPolicyDocument"
    assert admin(Name="bob")["FederatedUser"]["FederatedUserId"] == f"{A}:bob"


def test_it_may_not_go_further(clients: Clients, make_role: Callable[..., str]) -> None:
    """No IAM, and no STS but GetCallerIdentity."""
    session = federated(clients, clients.session(A), Policy=document(allow("*")))
    assert lists(clients, session)
    assert error_code(clients(session, "iam").list_users) == "InvalidClientTokenId"
    role = make_role(A, trust("*"))
    assert error_code(clients.assume, session, role) == "InvalidClientTokenId"
    assert clients.assume(A, role)


def test_tags_need_tag_session_and_reach_conditions(clients: Clients, make_user: MakeUser) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html"""
    red = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    policy = document(allow(LISTS))
    tags = [{"Key": "team", "Value": "red"}]
    _, plain = make_user(FEDERATE, allow(LISTS, Condition=red))
    ask = clients(plain, "sts").get_federation_token
    assert error_code(ask, Name="bob", Policy=policy, Tags=tags) == "AccessDenied"
    _, user = make_user(FEDERATE, allow("sts:TagSession"), allow(LISTS, Condition=red))
    assert lists(clients, federated(clients, user, Policy=policy, Tags=tags))
    assert not lists(clients, federated(clients, user, Policy=policy))


def test_a_grant_to_the_federated_user_needs_no_other(
    clients: Clients, make_user: MakeUser, unique: Callable[[str], str]
) -> None:
    """And one to its user is limited by the session policy."""
    name, user = make_user(FEDERATE)
    bucket, s3 = unique("federated"), clients(A, "s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    session = federated(clients, user, Name="carol")

    def grant(principal: str) -> None:
        statement = {**allow("s3:ListBucket", f"arn:aws:s3:::{bucket}")}
        s3.put_bucket_policy(
            Bucket=bucket, Policy=document({**statement, "Principal": {"AWS": principal}})
        )

    grant(f"arn:aws:sts::{A}:federated-user/dave")
    assert error_code(clients(session, "s3").list_objects_v2, Bucket=bucket) == "AccessDenied"
    grant(f"arn:aws:sts::{A}:federated-user/carol")
    assert clients(session, "s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    grant(f"arn:aws:iam::{A}:user/{name}")
    assert error_code(clients(session, "s3").list_objects_v2, Bucket=bucket) == "AccessDenied"
    wide = federated(clients, user, Name="carol", Policy=document(allow("s3:*")))
    assert clients(wide, "s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_events_name_its_user(clients: Clients, make_user: MakeUser) -> None:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html"""
    name, user = make_user(FEDERATE, allow("kms:*"))
    session = federated(clients, user, Name="erin", Policy=document(allow("kms:*")))
    clients(session, "kms").list_keys()
    who = [{"AttributeKey": "Username", "AttributeValue": "erin"}]
    found = clients(A, "cloudtrail").lookup_events(LookupAttributes=who)["Events"]
    identity = json.loads(found[0]["CloudTrailEvent"])["userIdentity"]
    assert identity["type"] == "FederatedUser"
    assert identity["arn"] == f"arn:aws:sts::{A}:federated-user/erin"
    assert identity["sessionContext"]["sessionIssuer"]["userName"] == name


def test_it_ends_with_its_user(clients: Clients, make_user: MakeUser) -> None:
    name, user = make_user(FEDERATE, allow("logs:*"))
    session = federated(clients, user, Policy=document(allow(LISTS)))
    iam, renamed = clients(A, "iam"), f"{name}-renamed"
    iam.update_user(UserName=name, NewUserName=renamed)
    assert lists(clients, session)
    iam.delete_user_policy(UserName=renamed, PolicyName="p")
    assert not lists(clients, session)
