"""What the catalogue says decides over HTTP: each refusal has a twin that is granted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import MANAGEMENT, REGION, A, B, Clients, allow, document, trust

ROOT_A = {"AWS": f"arn:aws:iam::{A}:root"}
MakeRole = Callable[..., str]
Unique = Callable[[str], str]


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    return str(caught.value.response["Error"]["Message"])


def test_a_boundary_can_be_demanded_of_roles_that_one_changes(
    clients: Clients, make_role: MakeRole, unique: Unique
) -> None:
    boundary = clients(A, "iam").create_policy(
        PolicyName=unique("edge"), PolicyDocument=document(allow("*"))
    )["Policy"]["Arn"]
    bounded = make_role(A, trust(ROOT_A), PermissionsBoundary=boundary).rsplit("/", 1)[1]
    free = make_role(A, trust(ROOT_A)).rsplit("/", 1)[1]
    condition = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    deployer = make_role(
        A, trust(ROOT_A), allow(["iam:PutRolePolicy", "iam:CreateRole"], Condition=condition)
    )
    iam = clients(clients.assume(A, deployer), "iam")
    policy = {"PolicyName": "p", "PolicyDocument": document(allow("s3:*"))}
    iam.put_role_policy(RoleName=bounded, **policy)
    assert "iam:PutRolePolicy" in refused(lambda: iam.put_role_policy(RoleName=free, **policy))
    make = {"AssumeRolePolicyDocument": trust(ROOT_A)}
    iam.create_role(RoleName=unique("made"), PermissionsBoundary=boundary, **make)
    assert "iam:CreateRole" in refused(lambda: iam.create_role(RoleName=unique("made"), **make))


def test_passing_a_role_is_decided_on_the_role_that_bears_the_name(
    clients: Clients, make_role: MakeRole, unique: Unique
) -> None:
    stream = unique("stream")
    clients(A, "kinesis").create_stream(StreamName=stream, ShardCount=1)
    target = make_role(
        A,
        trust({"Service": "logs.amazonaws.com"}),
        allow("kinesis:PutRecord", f"arn:aws:kinesis:{REGION}:{A}:stream/{stream}"),
        Path="/kept/",
    )
    name = target.rsplit("/", 1)[1]
    written = f"arn:aws:iam::{A}:role/{name}"
    passer = make_role(
        A,
        trust(ROOT_A),
        allow("logs:*"),
        allow(
            "iam:PassRole",
            written,
            Condition={"StringEquals": {"iam:PassedToService": "logs.amazonaws.com"}},
        ),
    )
    logs = clients(clients.assume(A, passer), "logs")
    destination = {
        "destinationName": unique("d"),
        "targetArn": f"arn:aws:kinesis:{REGION}:{A}:stream/{stream}",
    }
    message = refused(lambda: logs.put_destination(roleArn=written, **destination))
    assert f"iam:PassRole on resource: {target}" in message
    granted = make_role(A, trust(ROOT_A), allow("logs:*"), allow("iam:PassRole", target))
    clients(clients.assume(A, granted), "logs").put_destination(roleArn=target, **destination)


def test_a_log_group_policy_needs_the_trailing_star(
    clients: Clients, make_role: MakeRole, unique: Unique
) -> None:
    group = f"/{unique('group')}"
    clients(A, "logs").create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:{REGION}:{A}:log-group:{group}"
    bare = make_role(A, trust(ROOT_A), allow("logs:*", arn))
    starred = make_role(A, trust(ROOT_A), allow("logs:*", f"{arn}:*"))
    retention = {"logGroupName": group, "retentionInDays": 1}
    message = refused(
        lambda: clients(clients.assume(A, bare), "logs").put_retention_policy(**retention)
    )
    assert f"{arn}:log-stream:" in message
    clients(clients.assume(A, starred), "logs").put_retention_policy(**retention)
    clients(clients.assume(A, bare), "logs").list_tags_for_resource(resourceArn=arn)


def test_unmasking_is_a_permission_of_its_own(
    clients: Clients, make_role: MakeRole, unique: Unique
) -> None:
    group = f"/{unique('group')}"
    clients(A, "logs").create_log_group(logGroupName=group)
    reader = make_role(A, trust(ROOT_A), allow("logs:FilterLogEvents"))
    logs = clients(clients.assume(A, reader), "logs")
    assert logs.filter_log_events(logGroupName=group)["events"] == []
    assert "logs:Unmask" in refused(lambda: logs.filter_log_events(logGroupName=group, unmask=True))


def test_attaching_an_organization_policy_is_decided_on_policy_and_target(
    clients: Clients, make_role: MakeRole, unique: Unique
) -> None:
    organizations = clients(MANAGEMENT, "organizations")
    policy = organizations.create_policy(
        Name=unique("scp"),
        Description="",
        Type="SERVICE_CONTROL_POLICY",
        Content=document(allow("*")),
    )["Policy"]["PolicySummary"]
    own_root = {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}
    half = make_role(
        MANAGEMENT, trust(own_root), allow("organizations:AttachPolicy", policy["Arn"])
    )
    whole = make_role(
        MANAGEMENT,
        trust(own_root),
        allow(
            ["organizations:AttachPolicy", "organizations:DetachPolicy"],
            Condition={"StringEquals": {"organizations:PolicyType": "SERVICE_CONTROL_POLICY"}},
        ),
        allow(
            ["organizations:AttachPolicy", "organizations:DetachPolicy"],
            f"arn:aws:organizations::{MANAGEMENT}:account/*",
        ),
    )
    attach = {"PolicyId": policy["Id"], "TargetId": B}
    message = refused(
        lambda: clients(clients.assume(MANAGEMENT, half), "organizations").attach_policy(**attach)
    )
    assert f":account/o-{policy['Arn'].split('/')[1].removeprefix('o-')}/{B}" in message
    granted = clients(clients.assume(MANAGEMENT, whole), "organizations")
    granted.attach_policy(**attach)
    granted.detach_policy(**attach)
