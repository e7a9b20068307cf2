"""Paths and names in IAM that could hide another entity are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config
from support.cloud import REGION, A, Clients, allow, document, error_code, trust

Unique = Callable[[str], str]

ANYONE = trust({"AWS": f"arn:aws:iam::{A}:root"})
MAKE: dict[str, Callable[[Any, str, str], Any]] = {
    "role": lambda c, n, p: c.create_role(RoleName=n, Path=p, AssumeRolePolicyDocument=ANYONE),
    "user": lambda c, n, p: c.create_user(UserName=n, Path=p),
    "group": lambda c, n, p: c.create_group(GroupName=n, Path=p),
    "policy": lambda c, n, p: c.create_policy(
        PolicyName=n, Path=p, PolicyDocument=document(allow("s3:*"))
    ),
    "profile": lambda c, n, p: c.create_instance_profile(InstanceProfileName=n, Path=p),
}


@pytest.fixture
def unchecked(clients: Clients) -> Any:
    """A client of IAM that sends names and paths as they are."""
    return clients.session(A).client(
        "iam",
        region_name=REGION,
        endpoint_url=clients.cloud.endpoint,
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )


@pytest.mark.parametrize("kind", MAKE)
def test_a_path_begins_and_ends_with_a_slash(unchecked: Any, unique: Unique, kind: str) -> None:
    make, name = MAKE[kind], unique("name")
    for path in ("/x", "x/", "x", "/a b/", "/\u00e4/"):
        assert error_code(make, unchecked, name, path) == "ValidationError", path
    make(unchecked, name, "/x/y/")


@pytest.mark.parametrize("kind", MAKE)
def test_a_name_is_no_path(unchecked: Any, unique: Unique, kind: str) -> None:
    make, name = MAKE[kind], unique("name")
    for wrong in (f"x/{name}", f"{name}/", f"{name} ", f"{name}*", f"{name}:x", "\u0430bc"):
        assert error_code(make, unchecked, wrong, "/") == "ValidationError", wrong
    make(unchecked, f"{name}+=,.@_-", "/")
