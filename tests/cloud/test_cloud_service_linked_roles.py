"""Roles that AWS makes: SCPs do not bind their sessions, so nobody may change or take them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.cloud import A, Clients, allow, document, error_code, trust

OPEN = trust({"AWS": f"arn:aws:iam::{A}:root"})
POLICY = f"arn:aws:iam::{A}:policy/for-linked-roles"
CHANGES: dict[str, Callable[[Any, str], Any]] = {
    "UpdateAssumeRolePolicy": lambda c, n: c.update_assume_role_policy(
        RoleName=n, PolicyDocument=OPEN
    ),
    "PutRolePolicy": lambda c, n: c.put_role_policy(
        RoleName=n, PolicyName="p", PolicyDocument=document(allow("s3:*"))
    ),
    "AttachRolePolicy": lambda c, n: c.attach_role_policy(RoleName=n, PolicyArn=POLICY),
    "PutRolePermissionsBoundary": lambda c, n: c.put_role_permissions_boundary(
        RoleName=n, PermissionsBoundary=POLICY
    ),
    "UpdateRole": lambda c, n: c.update_role(RoleName=n, MaxSessionDuration=7200),
}


@pytest.fixture
def linked(clients: Clients) -> Iterator[str]:
    iam = clients(A, "iam")
    role = iam.create_service_linked_role(AWSServiceName="ops.apigateway.amazonaws.com")["Role"]
    iam.create_policy(PolicyName="for-linked-roles", PolicyDocument=document(allow("s3:*")))
    yield role["RoleName"]
    iam.delete_service_linked_role(RoleName=role["RoleName"])
    iam.delete_policy(PolicyArn=POLICY)


@pytest.mark.parametrize("operation", CHANGES)
def test_only_aws_changes_a_service_linked_role(
    clients: Clients, linked: str, make_role: Callable[..., str], operation: str
) -> None:
    iam, change = clients(A, "iam"), CHANGES[operation]
    assert error_code(change, iam, linked) == "UnmodifiableEntity"
    own = make_role(A, OPEN).rsplit("/", 1)[1]
    change(iam, own)
    for policy in iam.list_attached_role_policies(RoleName=own)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=own, PolicyArn=policy["PolicyArn"])


def test_only_its_service_becomes_it(clients: Clients, linked: str) -> None:
    arn = clients(A, "iam").get_role(RoleName=linked)["Role"]["Arn"]
    assume = clients(A, "sts").assume_role
    assert error_code(assume, RoleArn=arn, RoleSessionName="test") == "AccessDenied"
    lambda_ = clients(f"lambda.amazonaws.com@{A}", "sts").assume_role
    assert error_code(lambda_, RoleArn=arn, RoleSessionName="test") == "AccessDenied"


def test_what_applications_run_in_has_no_linked_role(clients: Clients) -> None:
    """One could take it by starting an application, and SCPs would not bind that."""
    create = clients(A, "iam").create_service_linked_role
    for service in ("lambda.amazonaws.com", "ec2.amazonaws.com", "ecs-tasks.amazonaws.com"):
        assert error_code(create, AWSServiceName=service) == "InvalidInput"


def test_a_boundary_exists(clients: Clients, unique: Callable[[str], str]) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePermissionsBoundary.html"""
    iam, name = clients(A, "iam"), unique("bounded")
    none = f"arn:aws:iam::{A}:policy/none"
    create = {"RoleName": name, "AssumeRolePolicyDocument": OPEN}
    assert error_code(iam.create_role, **create, PermissionsBoundary=none) == "NoSuchEntity"
    user = {"UserName": name, "PermissionsBoundary": none}
    assert error_code(iam.create_user, **user) == "NoSuchEntity"
    some = iam.create_policy(PolicyName=name, PolicyDocument=document(allow("s3:*")))["Policy"]
    iam.create_role(**create, PermissionsBoundary=some["Arn"])
    put = iam.put_role_permissions_boundary
    assert error_code(put, RoleName=name, PermissionsBoundary=none) == "NoSuchEntity"
    put(RoleName=name, PermissionsBoundary=some["Arn"])
