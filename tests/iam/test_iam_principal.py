"""Principals read from their ARNs, and the keys that follow from them."""

from __future__ import annotations

import pytest

from harness.iam import PolicyError, Principal

ACCOUNT = "111111111111"


@pytest.mark.parametrize(
    ("arn", "kind", "account", "principal_arn"),
    [
        (f"arn:aws:iam::{ACCOUNT}:root", "root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"),
        (f"arn:aws:iam::{ACCOUNT}:user/a/b", "user", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/a/b"),
        (
            f"arn:aws:sts::{ACCOUNT}:assumed-role/app/s1",
            "role-session",
            ACCOUNT,
            f"arn:aws:iam::{ACCOUNT}:role/app",
        ),
        (
            f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/app/s1",
            "role-session",
            ACCOUNT,
            f"arn:aws-cn:iam::{ACCOUNT}:role/app",
        ),
        (f"arn:aws:iam::{ACCOUNT}:role/app", "role-session", ACCOUNT, None),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/bob", "federated", ACCOUNT, None),
        (f"arn:aws:iam::{ACCOUNT}:oidc-provider/x.com/id/1", "federated", "", None),
        ("accounts.google.com", "federated", "", None),
        ("lambda.amazonaws.com", "service", "", None),
        ("*", "anonymous", "", None),
    ],
)
def test_principal_from_arn(arn: str, kind: str, account: str, principal_arn: str | None) -> None:
    principal = Principal.from_arn(arn)
    assert (principal.kind, principal.account) == (kind, account)
    assert principal.principal_arn == (principal_arn or arn)


@pytest.mark.parametrize(
    "arn",
    ["", "alice", "arn:aws:s3:::bkt", f"arn:aws:sts::{ACCOUNT}:assumed-role/app", "arn:aws:iam"],
)
def test_what_cannot_ask_is_no_principal(arn: str) -> None:
    with pytest.raises(PolicyError):
        Principal.from_arn(arn)


def test_role_path_goes_into_the_role_arn_only() -> None:
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/s1"
    principal = Principal.from_arn(arn, role_path="/bulkhead/fleet/")
    assert principal.arn == arn
    assert principal.principal_arn == f"arn:aws:iam::{ACCOUNT}:role/bulkhead/fleet/app"


@pytest.mark.parametrize(
    ("arn", "key", "value"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/a/b", "aws:username", "b"),
        (f"arn:aws:iam::{ACCOUNT}:user/a/b", "aws:principaltype", "User"),
        (f"arn:aws:iam::{ACCOUNT}:root", "aws:principaltype", "Account"),
        (f"arn:aws:iam::{ACCOUNT}:root", "aws:userid", ACCOUNT),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/app/s1", "aws:principalaccount", ACCOUNT),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/app/s1", "aws:principalisawsservice", "false"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/app/s1", "aws:username", None),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/app/s1", "aws:userid", None),
        ("lambda.amazonaws.com", "aws:principalisawsservice", "true"),
        ("lambda.amazonaws.com", "aws:principalservicename", "lambda.amazonaws.com"),
        ("lambda.amazonaws.com", "aws:principalaccount", None),
        ("lambda.amazonaws.com", "aws:principalarn", None),
        ("*", "aws:principaltype", "Anonymous"),
        ("*", "aws:principalarn", None),
        ("*", "aws:principalaccount", "anonymous"),
        ("*", "aws:userid", "anonymous"),
        ("*", "aws:principalisawsservice", None),
        ("accounts.google.com", "aws:principalisawsservice", None),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/bob", "aws:userid", f"{ACCOUNT}:bob"),
    ],
)
def test_keys_that_follow_from_the_principal(arn: str, key: str, value: str | None) -> None:
    values = Principal.from_arn(arn).context.get(key)
    assert values == (None if value is None else (value,))
