"""The key that a decision was made on is the key that is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import A, B, Clients, allow, document, trust

ROOT_A = {"AWS": f"arn:aws:iam::{A}:root"}
MakeRole = Callable[..., str]


def error_of(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def _key(kms: Any, policy: str | None = None) -> str:
    more = {} if policy is None else {"Policy": policy}
    return str(kms.create_key(**more)["KeyMetadata"]["Arn"])


def test_a_ciphertext_is_read_with_its_own_key_only(clients: Clients) -> None:
    kms = clients(A, "kms")
    key, other = _key(kms), _key(kms)
    secret = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=secret, KeyId=key)["Plaintext"] == b"x"
    assert kms.decrypt(CiphertextBlob=secret)["KeyId"] == key
    for wrong in (other, other.rpartition("/")[2]):
        code, _ = error_of(lambda w=wrong: kms.decrypt(CiphertextBlob=secret, KeyId=w))
        assert code == "IncorrectKeyException"
    ask = {"CiphertextBlob": secret, "DestinationKeyId": other}
    assert kms.re_encrypt(**ask, SourceKeyId=key)["SourceKeyId"] == key
    assert error_of(lambda: kms.re_encrypt(**ask, SourceKeyId=other))[0] == "IncorrectKeyException"


def test_a_key_that_one_may_use_opens_no_other(clients: Clients, make_role: MakeRole) -> None:
    kms = clients(A, "kms")
    shut, own = _key(kms), _key(kms)
    secret = kms.encrypt(KeyId=shut, Plaintext=b"x")["CiphertextBlob"]
    mine = kms.encrypt(KeyId=own, Plaintext=b"x")["CiphertextBlob"]
    session = clients(clients.assume(A, make_role(A, trust(ROOT_A), allow("kms:*", own))), "kms")
    ask = {"SourceKeyId": own, "DestinationKeyId": own}
    assert session.re_encrypt(CiphertextBlob=mine, **ask)
    assert error_of(lambda: session.re_encrypt(CiphertextBlob=secret, **ask))[0] == (
        "IncorrectKeyException"
    )
    code, message = error_of(
        lambda: session.re_encrypt(CiphertextBlob=secret, DestinationKeyId=own)
    )
    assert (code, f"kms:ReEncryptFrom on resource: {shut}" in message) == (
        "AccessDeniedException",
        True,
    )


def test_an_alias_of_the_caller_is_not_taken_for_one_of_the_keys_owner(clients: Clients) -> None:
    everyone = document(
        {"Effect": "Allow", "Principal": {"AWS": [A, B]}, "Action": "kms:*", "Resource": "*"}
    )
    ours, theirs = clients(A, "kms"), clients(B, "kms")
    shared, name = _key(ours, everyone), "alias/same-name"
    ours.create_alias(AliasName=name, TargetKeyId=_key(ours))
    theirs.create_alias(AliasName=name, TargetKeyId=_key(theirs))
    secret = ours.encrypt(KeyId=shared, Plaintext=b"x")["CiphertextBlob"]
    ask = {"CiphertextBlob": secret, "SourceKeyId": shared}
    assert theirs.re_encrypt(**ask, DestinationKeyId=shared)["KeyId"] == shared
    assert error_of(lambda: theirs.re_encrypt(**ask, DestinationKeyId=name))[0] == (
        "AccessDeniedException"
    )


def test_the_aliases_of_a_key_are_known_however_it_is_named(
    clients: Clients, make_role: MakeRole, unique: Callable[[str], str]
) -> None:
    kms = clients(A, "kms")
    key, bare = _key(kms), _key(kms)
    names = [f"alias/{unique('mine')}", f"alias/{unique('other')}"]
    for name in names:
        kms.create_alias(AliasName=name, TargetKeyId=key)
    aliased = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": names[1]}}
    session = clients.assume(A, make_role(A, trust(ROOT_A), allow("kms:*", Condition=aliased)))
    user = clients(session, "kms")
    for named in (key, key.rpartition("/")[2], *names):
        assert user.encrypt(KeyId=named, Plaintext=b"x")
    assert error_of(lambda: user.encrypt(KeyId=bare, Plaintext=b"x"))[0] == "AccessDeniedException"
    # Without an alias the key is absent, so that a Deny on other aliases does not meet.
    none = {"Null": {"kms:ResourceAliases": "true"}}
    session = clients.assume(A, make_role(A, trust(ROOT_A), allow("kms:*", Condition=none)))
    user = clients(session, "kms")
    assert user.encrypt(KeyId=bare, Plaintext=b"x")
    assert error_of(lambda: user.encrypt(KeyId=key, Plaintext=b"x"))[0] == "AccessDeniedException"


def test_the_alias_of_a_request_is_the_one_that_it_named(
    clients: Clients, make_role: MakeRole, unique: Callable[[str], str]
) -> None:
    kms, name = clients(A, "kms"), f"alias/{unique('mine')}"
    key, target = _key(kms), _key(kms)
    kms.create_alias(AliasName=name, TargetKeyId=key)
    blob = kms.encrypt(KeyId=target, Plaintext=b"x")["CiphertextBlob"]
    rights = (
        allow("kms:*", key, Condition={"StringEquals": {"kms:RequestAlias": name}}),
        allow("kms:*", target),
    )
    user = clients(clients.assume(A, make_role(A, trust(ROOT_A), *rights)), "kms")
    arn = f"{key.rpartition(':')[0]}:{name}"
    for named in (name, arn):
        assert user.encrypt(KeyId=named, Plaintext=b"x")
        assert user.re_encrypt(CiphertextBlob=blob, DestinationKeyId=named)
    for call in (
        lambda: user.encrypt(KeyId=key, Plaintext=b"x"),
        lambda: user.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key),
    ):
        assert error_of(call)[0] == "AccessDeniedException"
