"""Who has every right in an account from the start: its root user and its administrator."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from harness.cloud.call import Caller
from harness.cloud.keyring import Credential, new_key_id, new_secret, new_token
from harness.cloud.learning import user_caller

_ALL = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
_POLICY = "administrator"
_SESSION = "administrator"


def root(account: str) -> Credential:
    """A key of the account's root user."""
    arn, key_id = f"arn:aws:iam::{account}:root", new_key_id("AKIA")
    return Credential(
        key_id, new_secret(), Caller("root", account, arn, arn, account, access_key_id=key_id)
    )


def administrator(
    account: str, backend: Any, name: str, store: Callable[[Any], None] = lambda _made: None
) -> Credential:
    """Makes the administrator `user/PATH/NAME` or `role/PATH/NAME` in moto's IAM of an account, and
    returns its key or a session of it. `store` is told of what was made before its id is used."""
    kind, _, rest = name.partition("/")
    path, _, name = rest.rpartition("/")
    path = f"/{path}/" if path else "/"
    return (_session if kind == "role" else _user)(account, backend, path, name, store)


def _user(
    account: str, backend: Any, path: str, name: str, store: Callable[[Any], None]
) -> Credential:
    user = backend.create_user("us-east-1", name, path)
    backend.put_user_policy(name, _POLICY, _ALL)
    store(user)
    key = backend.create_access_key(name)
    caller = user_caller(account, user, key.access_key_id)
    return Credential(key.access_key_id, key.secret_access_key, caller)


def _session(
    account: str, backend: Any, path: str, name: str, store: Callable[[Any], None]
) -> Credential:
    """One that does not end, as of somebody who signs in again in time."""
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "sts:AssumeRole",
    }
    role = backend.create_role(
        role_name=name,
        assume_role_policy_document=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        path=path,
        permissions_boundary=None,
        description="",
        tags=[],
        max_session_duration="3600",
    )
    backend.put_role_policy(name, _POLICY, _ALL)
    store(role)
    key_id = new_key_id("ASIA")
    caller = Caller(
        kind="role-session",
        account=account,
        arn=f"arn:aws:sts::{account}:assumed-role/{name}/{_SESSION}",
        principal_arn=role.arn,
        user_id=f"{role.id}:{_SESSION}",
        entity_id=role.id,
        access_key_id=key_id,
    )
    return Credential(key_id, new_secret(), caller, new_token())
