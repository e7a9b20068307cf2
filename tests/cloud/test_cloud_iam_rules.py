"""IAM's own rules: unique names, sizes, renamed users, and principals that come again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from support.cloud import A, B, Clients, allow, document, trust

from harness.cloud.moto_estate import RoleTable

ROOT_A = {"AWS": f"arn:aws:iam::{A}:root"}
MakeRole = Callable[..., str]
Unique = Callable[[str], str]


def error_of(call: Callable[[], Any]) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


MAKE: dict[str, Callable[[Any, str], Any]] = {
    "role": lambda c, n: c.create_role(RoleName=n, AssumeRolePolicyDocument=trust(ROOT_A)),
    "user": lambda c, n: c.create_user(UserName=n),
    "group": lambda c, n: c.create_group(GroupName=n),
    "policy": lambda c, n: c.create_policy(PolicyName=n, PolicyDocument=document(allow("s3:*"))),
    "policy with path": lambda c, n: c.create_policy(
        PolicyName=n, PolicyDocument=document(allow("s3:*")), Path=f"/{n}/"
    ),
    "profile": lambda c, n: c.create_instance_profile(InstanceProfileName=n),
}


@pytest.mark.parametrize("kind", MAKE)
def test_names_are_unique_whatever_their_case(clients: Clients, unique: Unique, kind: str) -> None:
    make, name = MAKE[kind], unique("name")
    make(clients(A, "iam"), name)
    assert error_of(lambda: make(clients(A, "iam"), name.upper())) == ("EntityAlreadyExists", 409)
    make(clients(A, "iam"), f"{name}-2")
    make(clients(B, "iam"), name.upper())


def test_a_deleted_roles_name_is_free(clients: Clients, unique: Unique) -> None:
    iam, name = clients(A, "iam"), unique("role")
    MAKE["role"](iam, name)
    iam.delete_role(RoleName=name.upper())
    MAKE["role"](iam, name.upper())
    assert iam.get_role(RoleName=name)["Role"]["RoleName"] == name.upper()


def test_a_user_cannot_take_a_name_that_is_taken(clients: Clients, unique: Unique) -> None:
    iam, ann, bob = clients(A, "iam"), unique("ann"), unique("bob")
    for name in (ann, bob):
        iam.create_user(UserName=name)
    taken = ("EntityAlreadyExists", 409)
    assert error_of(lambda: iam.update_user(UserName=ann, NewUserName=bob.upper())) == taken
    iam.update_user(UserName=ann, NewUserName=ann.upper())
    assert iam.get_user(UserName=ann.upper())


class _Role:
    def __init__(self, name: str) -> None:
        self.name = name


def test_the_index_keeps_the_role_that_is_left() -> None:
    table = RoleTable({})
    table["AROA1"], table["AROA2"] = _Role("App"), (left := _Role("app"))
    del table["AROA1"]
    assert table.named("APP") is left
    del table["AROA2"]
    assert (table.named("app"), list(table)) == (None, [])


def _long(length: int, spaces: int = 0, **principal: Any) -> str:
    """A policy of `length` characters, white space not counted."""
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*", **principal}
    if principal:
        del statement["Resource"]
        statement["Action"] = "sts:AssumeRole"
    policy = {"Version": "2012-10-17", "Statement": [{"Sid": "x", **statement}]}
    bare = len(json.dumps(policy, separators=(",", ":")))
    policy["Statement"][0]["Sid"] = "x" * (length - bare + 1)  # type: ignore[index]
    return json.dumps(policy, separators=(",", ":")) + " " * spaces


TOO_LONG = ("LimitExceeded", 409)


@pytest.mark.parametrize(("kind", "limit"), [("role", 10_240), ("user", 2048), ("group", 5120)])
def test_inline_policies_have_a_size_together(
    clients: Clients, unique: Unique, kind: str, limit: int
) -> None:
    iam, name = clients(A, "iam"), unique(kind)
    MAKE[kind](iam, name)
    put = getattr(iam, f"put_{kind}_policy")
    entity = {f"{kind.capitalize()}Name": name}
    put(**entity, PolicyName="a", PolicyDocument=_long(limit - 300, spaces=200))
    over = {**entity, "PolicyName": "b", "PolicyDocument": _long(301)}
    assert error_of(lambda: put(**over)) == TOO_LONG
    put(**over | {"PolicyDocument": _long(300)})
    put(**entity, PolicyName="a", PolicyDocument=_long(limit - 300))


def test_managed_and_trust_policies_have_a_size(clients: Clients, unique: Unique) -> None:
    iam, name = clients(A, "iam"), unique("sized")
    policy = {"PolicyName": name}
    assert error_of(lambda: iam.create_policy(**policy, PolicyDocument=_long(6145))) == TOO_LONG
    arn = iam.create_policy(**policy, PolicyDocument=_long(6144, spaces=99))["Policy"]["Arn"]
    version = {"PolicyArn": arn}
    assert (
        error_of(lambda: iam.create_policy_version(**version, PolicyDocument=_long(6145)))
        == TOO_LONG
    )
    long, fitting = (_long(n, Principal=ROOT_A) for n in (2049, 2048))
    role = {"RoleName": name}
    assert error_of(lambda: iam.create_role(**role, AssumeRolePolicyDocument=long)) == TOO_LONG
    iam.create_role(**role, AssumeRolePolicyDocument=fitting)
    assert error_of(lambda: iam.update_assume_role_policy(**role, PolicyDocument=long)) == TOO_LONG


def test_a_renamed_user_keeps_key_tags_rights_and_boundary(
    clients: Clients, unique: Unique
) -> None:
    iam, old, new = clients(A, "iam"), unique("old"), unique("new")
    boundary = iam.create_policy(
        PolicyName=unique("edge"), PolicyDocument=document(allow(["iam:Get*", "sts:*"]))
    )["Policy"]["Arn"]
    iam.create_user(
        UserName=old, PermissionsBoundary=boundary, Tags=[{"Key": "team", "Value": "red"}]
    )
    red = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    iam.put_user_policy(
        UserName=old, PolicyName="p", PolicyDocument=document(allow("*", Condition=red))
    )
    key = iam.create_access_key(UserName=old)["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"])
    own = clients(session, "iam")
    assert own.get_user()["User"]["UserName"] == old
    iam.update_user(UserName=old, NewUserName=new, NewPath="/moved/")
    user = own.get_user()["User"]
    assert (user["UserName"], user["Path"]) == (new, "/moved/")
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    assert clients(session, "sts").get_caller_identity()["Arn"].endswith(f":user/moved/{new}")
    assert error_of(own.list_users)[0] == "AccessDenied"
    # Another user of the old name has nothing to do with the key.
    iam.create_user(UserName=old)
    assert "PermissionsBoundary" not in iam.get_user(UserName=old)["User"]
    assert own.get_user()["User"]["UserName"] == new


def _principal(clients: Clients, role: str) -> Any:
    name = role.rsplit("/", 1)[1]
    saved = clients(A, "iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    return saved["Statement"][0]["Principal"]["AWS"]


def test_a_trust_means_the_role_that_was_there_when_it_was_saved(
    clients: Clients, make_role: MakeRole
) -> None:
    own = trust({"AWS": f"arn:aws:iam::{B}:root"})
    caller = make_role(B, own, allow("sts:*"))
    name, iam = caller.rsplit("/", 1)[1], clients(B, "iam")
    unique_id = iam.get_role(RoleName=name)["Role"]["RoleId"]
    target = make_role(A, trust({"AWS": [caller, f"arn:aws:iam::{A}:root"]}))
    assert clients.assume(clients.assume(B, caller), target)
    assert caller in _principal(clients, target)

    iam.delete_role_policy(RoleName=name, PolicyName="inline")
    iam.delete_role(RoleName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=own)
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document(allow("sts:*")))
    assert _principal(clients, target) == [unique_id, f"arn:aws:iam::{A}:root"]
    again = clients.assume(B, caller)
    assert error_of(lambda: clients.assume(again, target))[0] == "AccessDenied"
    clients(A, "iam").update_assume_role_policy(
        RoleName=target.rsplit("/", 1)[1], PolicyDocument=trust({"AWS": caller})
    )
    assert clients.assume(again, target)


def test_a_trust_follows_a_renamed_user_and_not_a_recreated_one(
    clients: Clients, make_role: MakeRole, unique: Unique
) -> None:
    iam, name, new = clients(B, "iam"), unique("user"), unique("renamed")
    user = iam.create_user(UserName=name)["User"]
    target = make_role(A, trust({"AWS": user["Arn"]}))
    iam.update_user(UserName=name, NewUserName=new)
    assert _principal(clients, target) == f"arn:aws:iam::{B}:user/{new}"
    iam.delete_user(UserName=new)
    iam.create_user(UserName=new)
    assert _principal(clients, target) == user["UserId"]


def test_a_key_policy_means_the_user_that_was_there(clients: Clients, unique: Unique) -> None:
    iam, name = clients(B, "iam"), unique("user")
    user = iam.create_user(UserName=name)["User"]
    kms = clients(A, "kms")
    everything = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    policy = document(
        {**everything, "Principal": ROOT_A}, {**everything, "Principal": {"AWS": user["Arn"]}}
    )
    key = kms.create_key(Policy=policy)["KeyMetadata"]["KeyId"]
    assert user["Arn"] in kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    iam.delete_user(UserName=name)
    saved = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    assert (user["Arn"] in saved, user["UserId"] in saved) == (False, True)


def test_a_policy_that_is_attached_is_not_deleted(
    clients: Clients, unique: Unique, make_role: MakeRole
) -> None:
    iam, name = clients(A, "iam"), unique("policy")
    role = make_role(A, trust(ROOT_A)).rsplit("/", 1)[1]
    arn = MAKE["policy"](iam, name)["Policy"]["Arn"]
    for _ in range(2):  # attaching again changes nothing
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    assert error_of(lambda: iam.delete_policy(PolicyArn=arn)) == ("DeleteConflict", 409)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["PolicyName"] == name
    iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
