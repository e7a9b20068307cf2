"""The gateway decides from the policies that are really there, over HTTP, with AWS's words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from support.cloud import LONER, MANAGEMENT, OUTSIDER, A, B, Clients, allow, document, trust

from harness.cloud.process import CloudProcess

ROOT_A = {"AWS": f"arn:aws:iam::{A}:root"}
MakeRole = Callable[..., str]


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    return str(caught.value.response["Error"]["Message"])


def test_no_identity_policy_no_call(clients: Clients, make_role: MakeRole) -> None:
    role = make_role(A, trust(ROOT_A), allow("logs:DescribeLogGroups"))
    session = clients.assume(A, role)
    assert clients(session, "logs").describe_log_groups()
    message = refused(lambda: clients(session, "iam").list_roles())
    name = role.rsplit("/", 1)[1]
    assert message.startswith(
        f"User: arn:aws:sts::{A}:assumed-role/{name}/test is not authorized to perform: "
        f"iam:ListRoles on resource: arn:aws:iam::{A}:role/"
    )
    assert message.endswith("because no identity-based policy allows the iam:ListRoles action")


def test_an_explicit_deny_wins_and_is_named(clients: Clients, make_role: MakeRole) -> None:
    deny = {"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"}
    session = clients.assume(A, make_role(A, trust(ROOT_A), allow("*"), deny))
    assert clients(session, "iam").list_roles()
    message = refused(lambda: clients(session, "iam").list_users())
    assert message.endswith("with an explicit deny in an identity-based policy")


def test_a_boundary_limits_a_role(
    clients: Clients, make_role: MakeRole, unique: Callable[[str], str]
) -> None:
    boundary = clients(A, "iam").create_policy(
        PolicyName=unique("boundary"), PolicyDocument=document(allow("logs:*"))
    )["Policy"]["Arn"]
    session = clients.assume(
        A, make_role(A, trust(ROOT_A), allow("*"), PermissionsBoundary=boundary)
    )
    assert clients(session, "logs").describe_log_groups()
    message = refused(lambda: clients(session, "iam").list_roles())
    assert "no permissions boundary allows" in message


def test_a_boundary_limits_a_user(clients: Clients, unique: Callable[[str], str]) -> None:
    iam, name = clients(A, "iam"), unique("user")
    boundary = iam.create_policy(
        PolicyName=unique("boundary"), PolicyDocument=document(allow("logs:*"))
    )["Policy"]["Arn"]
    iam.create_user(UserName=name, PermissionsBoundary=boundary)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=document(allow("*")))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"])
    assert "permissions boundary" in refused(lambda: clients(session, "iam").list_roles())
    iam.delete_user_permissions_boundary(UserName=name)
    assert clients(session, "iam").list_roles()
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=boundary)
    assert "permissions boundary" in refused(lambda: clients(session, "iam").list_roles())


def test_a_session_policy_limits_a_session(clients: Clients, make_role: MakeRole) -> None:
    role = make_role(A, trust(ROOT_A), allow("*"))
    narrow = clients.assume(A, role, Policy=document(allow("logs:DescribeLogGroups")))
    assert clients(narrow, "logs").describe_log_groups()
    assert "no session policy allows" in refused(lambda: clients(narrow, "iam").list_roles())
    assert clients(clients.assume(A, role), "iam").list_roles()


def test_a_session_outlives_nothing_that_its_role_loses(
    clients: Clients, make_role: MakeRole
) -> None:
    role = make_role(A, trust(ROOT_A), allow("iam:ListRoles"))
    session = clients.assume(A, role)
    assert clients(session, "iam").list_roles()
    name = role.rsplit("/", 1)[1]
    clients(A, "iam").delete_role_policy(RoleName=name, PolicyName="inline")
    assert refused(lambda: clients(session, "iam").list_roles())
    clients(A, "iam").delete_role(RoleName=name)
    clients(A, "iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust(ROOT_A))
    clients(A, "iam").put_role_policy(
        RoleName=name, PolicyName="p", PolicyDocument=document(allow("iam:ListRoles"))
    )
    # Another role of the same name: the old session stays without rights.
    assert refused(lambda: clients(session, "iam").list_roles())
    assert clients(clients.assume(A, role), "iam").list_roles()


def test_across_accounts_both_sides_must_allow(
    clients: Clients, make_role: MakeRole, unique: Callable[[str], str]
) -> None:
    own = f"arn:aws:iam::{B}:root"
    trusting = make_role(A, trust({"AWS": own}), allow("*"))
    closed = make_role(A, trust(ROOT_A), allow("*"))
    idle = clients.assume(B, make_role(B, trust({"AWS": own})))
    able = clients.assume(B, make_role(B, trust({"AWS": own}), allow("sts:AssumeRole")))
    assert clients.assume(able, trusting)
    assert "no resource-based policy" in refused(lambda: clients.assume(able, closed))
    assert "no identity-based policy" in refused(lambda: clients.assume(idle, trusting))


def test_trust_conditions_see_the_real_caller(clients: Clients, make_role: MakeRole) -> None:
    caller = make_role(B, trust({"AWS": f"arn:aws:iam::{B}:root"}), allow("*"), Path="/app/")
    other = make_role(B, trust({"AWS": f"arn:aws:iam::{B}:root"}), allow("*"), Path="/app/")
    pinned = make_role(
        A,
        trust(
            {"AWS": f"arn:aws:iam::{B}:root"},
            Condition={
                "StringEquals": {"aws:PrincipalArn": caller, "sts:ExternalId": "right-one"},
                "StringLike": {"sts:RoleSessionName": "t-${aws:PrincipalAccount}-*"},
            },
        ),
    )
    right = {"ExternalId": "right-one", "RoleSessionName": f"t-{B}-app"}
    as_caller, as_other = clients.assume(B, caller), clients.assume(B, other)
    assert clients.assume(as_caller, pinned, **right)
    assert refused(lambda: clients.assume(as_other, pinned, **right))
    assert refused(lambda: clients.assume(as_caller, pinned, **{**right, "ExternalId": "wrong"}))
    assert refused(lambda: clients.assume(as_caller, pinned, RoleSessionName=f"t-{B}-app"))
    assert refused(
        lambda: clients.assume(as_caller, pinned, **{**right, "RoleSessionName": f"t-{A}-app"})
    )
    tagged = {**right, "Tags": [{"Key": "tenant", "Value": "x"}]}
    assert "sts:TagSession" in refused(lambda: clients.assume(as_caller, pinned, **tagged))
    named = {**right, "SourceIdentity": "someone"}
    assert "sts:SetSourceIdentity" in refused(lambda: clients.assume(as_caller, pinned, **named))


def test_session_tags_reach_conditions(clients: Clients, make_role: MakeRole) -> None:
    role = make_role(
        A,
        trust(ROOT_A, ["sts:AssumeRole", "sts:TagSession"]),
        allow("iam:ListRoles", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}}),
    )
    blue = clients.assume(A, role, Tags=[{"Key": "team", "Value": "blue"}])
    red = clients.assume(A, role, Tags=[{"Key": "team", "Value": "red"}])
    assert clients(blue, "iam").list_roles()
    assert refused(lambda: clients(red, "iam").list_roles())
    assert refused(lambda: clients(clients.assume(A, role), "iam").list_roles())


def test_transitive_tags_and_source_identity_are_checked_on_every_hop(
    clients: Clients, make_role: MakeRole
) -> None:
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    first = make_role(A, trust(ROOT_A, actions), allow("sts:*"))
    plain = make_role(A, trust(ROOT_A))
    open_ = make_role(A, trust(ROOT_A, actions))
    tagged = clients.assume(
        A, first, Tags=[{"Key": "team", "Value": "blue"}], TransitiveTagKeys=["team"]
    )
    assert clients.assume(tagged, open_)
    assert "sts:TagSession" in refused(lambda: clients.assume(tagged, plain))
    identified = clients.assume(A, first, SourceIdentity="someone")
    assert clients.assume(identified, open_)
    assert "sts:SetSourceIdentity" in refused(lambda: clients.assume(identified, plain))
    assert refused(lambda: clients.assume(identified, open_, SourceIdentity="else"))


def test_session_tags_have_a_form(clients: Clients, make_role: MakeRole) -> None:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html"""
    open_to_tags = trust(ROOT_A, ["sts:AssumeRole", "sts:TagSession"])
    role = make_role(A, open_to_tags)

    def tagged(*pairs: tuple[str, str], **more: Any) -> None:
        clients.assume(A, role, Tags=[{"Key": k, "Value": v} for k, v in pairs], **more)

    tagged(("Straße", "a b/c:d=e+f-g@h_1"), ("k" * 128, "v" * 256), TransitiveTagKeys=["straße"])
    for bad in (
        [("team", "<red>")],
        [("team*", "red")],
        [("aws:team", "red")],
        [("team", "red"), ("TEAM", "blue")],
        [("k" * 129, "v")],
        [("k", "v" * 257)],
        [(f"k{i}", "v") for i in range(51)],
    ):
        with pytest.raises((ClientError, ParamValidationError)):
            tagged(*bad)
    with pytest.raises(ClientError, match="among the session's tags"):
        tagged(("team", "red"), TransitiveTagKeys=["other"])


def test_chained_sessions_last_an_hour_at_most(clients: Clients, make_role: MakeRole) -> None:
    role = make_role(A, trust(ROOT_A), allow("sts:AssumeRole"), MaxSessionDuration=7200)
    session = clients.assume(A, role, DurationSeconds=7200)
    assert clients.assume(session, role, DurationSeconds=3600)
    with pytest.raises(ClientError, match="role chaining"):
        clients.assume(session, role, DurationSeconds=3601)
    with pytest.raises(ClientError, match="MaxSessionDuration"):
        clients.assume(A, role, DurationSeconds=7201)


def test_a_service_becomes_only_roles_that_trust_it(clients: Clients, make_role: MakeRole) -> None:
    workload = f"lambda.amazonaws.com@{A}"
    trusting = make_role(A, trust({"Service": "lambda.amazonaws.com"}), allow("iam:ListRoles"))
    other = make_role(A, trust({"Service": "ecs-tasks.amazonaws.com"}))
    foreign = make_role(B, trust({"Service": "lambda.amazonaws.com"}))
    assert clients(clients.assume(workload, trusting), "iam").list_roles()
    assert refused(lambda: clients.assume(workload, other))
    assert refused(lambda: clients.assume(workload, foreign))
    assert refused(lambda: clients(workload, "iam").list_roles())


def test_organization_keys_are_absent_outside_an_organization(
    clients: Clients, make_role: MakeRole
) -> None:
    org = clients(MANAGEMENT, "organizations").describe_organization()["Organization"]["Id"]
    condition = {"StringEquals": {"aws:PrincipalOrgID": org}}
    own = make_role(A, trust({"AWS": "*"}, Condition=condition))
    assert clients.assume(B, own)
    for stranger in (OUTSIDER, LONER):
        assert refused(lambda s=stranger: clients.assume(s, own))
    # True where the key is absent: the account in no organization gets in, the other one does not.
    loose = make_role(
        A, trust({"AWS": "*"}, Condition={"ForAllValues:StringEquals": {"aws:PrincipalOrgID": org}})
    )
    assert clients.assume(LONER, loose)
    assert refused(lambda: clients.assume(OUTSIDER, loose))


def test_a_bucket_policy_decides_across_accounts(
    clients: Clients, unique: Callable[[str], str]
) -> None:
    s3, bucket = clients(A, "s3"), unique("bucket-of-a")
    s3.create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    s3.put_object(Bucket=bucket, Key="open/1", Body=b"1")
    s3.put_object(Bucket=bucket, Key="shut/1", Body=b"1")
    assert refused(lambda: clients(B, "s3").get_object(Bucket=bucket, Key="open/1"))
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=document(
            {
                "Effect": "Allow",
                "Principal": {"AWS": B},
                "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{bucket}/open/*",
            }
        ),
    )
    assert clients(B, "s3").get_object(Bucket=bucket, Key="open/1")["Body"].read() == b"1"
    assert refused(lambda: clients(B, "s3").get_object(Bucket=bucket, Key="shut/1"))


def test_a_key_policy_is_the_root_of_a_keys_permissions(clients: Clients) -> None:
    everything = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    kms = clients(A, "kms")
    delegated = kms.create_key(Policy=document({**everything, "Principal": ROOT_A}))
    key_id = delegated["KeyMetadata"]["Arn"]
    assert kms.encrypt(KeyId=key_id, Plaintext=b"x")
    assert refused(lambda: clients(B, "kms").encrypt(KeyId=key_id, Plaintext=b"x"))
    user = {"AWS": f"arn:aws:iam::{B}:user/administrator"}
    given_away = kms.create_key(
        Policy=document({**everything, "Principal": user}), BypassPolicyLockoutSafetyCheck=True
    )["KeyMetadata"]["Arn"]
    assert "no resource-based policy" in refused(
        lambda: kms.encrypt(KeyId=given_away, Plaintext=b"x")
    )
    assert clients(B, "kms").encrypt(KeyId=given_away, Plaintext=b"x")


@pytest.fixture
def governed(cloud: CloudProcess) -> Iterator[Clients]:
    """A copy of the cloud whose organization may be changed."""
    copy = cloud.fork()
    yield Clients(copy)
    copy.stop()


def test_service_control_policies_bind_members_only(governed: Clients) -> None:
    organizations = governed(MANAGEMENT, "organizations")
    assert governed(A, "iam").list_users()
    root = organizations.list_roots()["Roots"][0]["Id"]
    content = document({"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"})
    policy = organizations.create_policy(
        Name="deny", Description="d", Type="SERVICE_CONTROL_POLICY", Content=content
    )["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=policy, TargetId=root)
    message = refused(lambda: governed(A, "iam").list_users())
    assert message.endswith("with an explicit deny in a service control policy")
    assert governed(A, "iam").list_roles()
    assert governed(MANAGEMENT, "iam").list_users()
    assert governed(OUTSIDER, "iam").list_users()
    organizations.detach_policy(PolicyId=policy, TargetId=root)
    assert governed(A, "iam").list_users()
    organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=B)
    assert "no service control policy allows" in refused(lambda: governed(B, "iam").list_users())


def test_what_cannot_be_mapped_is_refused_at_once(clients: Clients) -> None:
    assert "does not know" in refused(lambda: clients(A, "athena").list_work_groups())


def test_what_the_inner_app_lacks_is_a_4xx_at_once(clients: Clients) -> None:
    with pytest.raises(ClientError) as caught:
        clients(A, "iam").generate_organizations_access_report(EntityPath="o-a1b2c3d4e5/r-a1b2")
    assert 400 <= caught.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("{", "This policy contains invalid Json"),
        (
            document(
                {"Effect": "Allow", "Principal": ROOT_A, "NotAction": "x:y", "Action": "sts:*"}
            ),
            ".",
        ),
        (trust({"AWS": f"arn:aws:iam::{A}:role/nobody-{'x' * 8}"}), "Invalid principal"),
        (trust({"AWS": "123456789012"}), "Invalid principal"),
        (trust({"AWS": f"arn:aws:iam::{A}:role/*"}), "."),
        (json.dumps({"Version": "2020-01-01", "Statement": []}), "."),
        (trust(ROOT_A, Condition={"StringSounds": {"aws:userid": "x"}}), "."),
    ],
)
def test_malformed_trust_policies_are_not_saved(
    clients: Clients, unique: Callable[[str], str], policy: str, words: str
) -> None:
    with pytest.raises(ClientError, match=words) as caught:
        clients(A, "iam").create_role(RoleName=unique("r"), AssumeRolePolicyDocument=policy)
    assert caught.value.response["Error"]["Code"] == "MalformedPolicyDocument"


def test_a_client_cannot_choose_its_account(clients: Clients) -> None:
    sts = clients(A, "logs")

    def pretend(request: Any, **_: Any) -> None:
        request.headers["x-moto-account-id"] = B

    group = "/only/in/b"
    clients(B, "logs").create_log_group(logGroupName=group)
    sts.meta.events.register("before-sign.*", pretend)
    names = [g["logGroupName"] for g in sts.describe_log_groups()["logGroups"]]
    assert group not in names
