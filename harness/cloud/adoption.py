"""Gives what moto holds the ids under which another store made the same.

Ids are in answers, in ARNs of keys, in `aws:userid` and in the trust of deleted roles: what the
gateway decides on must bear those that callers have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from moto.iam.models import iam_backends
from moto.kms.models import kms_backends

Members = Mapping[str, Any]


def adopt(account: str, region: str, operation: str, given: Members, made: Members) -> None:
    """Rename what an operation has made in moto.

    `given` are the members of the other store's answer, `made` those of moto's. Raises KeyError for
    an operation that is not in `ADOPTED`.
    """
    ADOPTED[operation](account, region, given, made)


def _role(account: str, _region: str, given: Members, _made: Members) -> None:
    roles: Any = iam_backends[account]["aws"].roles
    name, new = given["Role"]["RoleName"], given["Role"]["RoleId"]
    role = next(r for r in tuple(roles.values()) if r.name == name)
    del roles[role.id]
    role.id = new
    roles[new] = role


def _user(account: str, _region: str, given: Members, _made: Members) -> None:
    user: Any = iam_backends[account]["aws"].users[given["User"]["UserName"]]
    user.id = given["User"]["UserId"]


def _group(account: str, _region: str, given: Members, _made: Members) -> None:
    group: Any = iam_backends[account]["aws"].groups[given["Group"]["GroupName"]]
    group.id = given["Group"]["GroupId"]


def _policy(account: str, _region: str, given: Members, _made: Members) -> None:
    policy: Any = iam_backends[account]["aws"].managed_policies[given["Policy"]["Arn"]]
    policy.id = given["Policy"]["PolicyId"]


def _access_key(account: str, _region: str, given: Members, made: Members) -> None:
    backend: Any = iam_backends[account]["aws"]
    old, new = made["AccessKey"]["AccessKeyId"], given["AccessKey"]["AccessKeyId"]
    key = next(
        k
        for k in backend.users[given["AccessKey"]["UserName"]].access_keys
        if k.access_key_id == old
    )
    key.access_key_id, key.secret_access_key = new, given["AccessKey"]["SecretAccessKey"]
    if old in backend.access_keys:
        backend.access_keys[new] = backend.access_keys.pop(old)


def _key(account: str, region: str, given: Members, made: Members) -> None:
    backend: Any = kms_backends[account][region]
    old, new = made["KeyMetadata"]["KeyId"], given["KeyMetadata"]["KeyId"]
    key = backend.keys.pop(old)
    tags = backend.tagger.list_tags_for_resource(old)["Tags"]
    backend.tagger.delete_all_tags_for_resource(old)
    key.id, key.arn = new, given["KeyMetadata"]["Arn"]
    backend.keys[new] = key
    backend.tagger.tag_resource(new, tags)


ADOPTED: Mapping[str, Callable[[str, str, Members, Members], None]] = {
    "CreateAccessKey": _access_key,
    "CreateGroup": _group,
    "CreateKey": _key,
    "CreatePolicy": _policy,
    "CreateRole": _role,
    "CreateServiceLinkedRole": _role,
    "CreateUser": _user,
}
"""By operation: what takes over the ids of what it made."""
