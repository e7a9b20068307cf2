"""What a decision reports, and rules that need more than a case file can say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.iam import (
    NamedPolicy,
    Outcome,
    PolicyError,
    PolicyKind,
    PolicySet,
    Principal,
    Request,
    StatementRef,
    decide,
    parse_policy,
)

ACCOUNT = "111111111111"
OTHER = "222222222222"
SESSION = Principal.from_arn(f"arn:aws:sts::{ACCOUNT}:assumed-role/app/s1")
OBJECT = Request(SESSION, "s3:GetObject", "arn:aws:s3:::bkt/k", ACCOUNT)


def policy(kind: PolicyKind, name: str, **statement: Any) -> NamedPolicy:
    statement = {"Effect": "Allow", "Action": "*", **statement}
    if kind is not PolicyKind.TRUST:
        statement.setdefault("Resource", "*")
    return NamedPolicy(kind, name, parse_policy({"Version": "2012-10-17", "Statement": statement}))


ALLOW = policy(PolicyKind.IDENTITY, "reader", Sid="Read")


def test_allowed_names_the_statement_of_each_layer() -> None:
    boundary = policy(PolicyKind.BOUNDARY, "limit", Action="s3:*")
    scp = policy(PolicyKind.SCP, "p-full", Sid="Full")
    decision = decide(OBJECT, PolicySet(identity=(ALLOW,), boundary=boundary, scps=((scp,),)))
    assert decision.allowed
    assert set(decision.decided_by) == {
        StatementRef(PolicyKind.IDENTITY, "reader", "Read"),
        StatementRef(PolicyKind.BOUNDARY, "limit", "0"),
        StatementRef(PolicyKind.SCP, "p-full", "Full"),
    }
    assert decision.missing is None
    assert "statement Read of reader (identity-based policy)" in decision.why


def test_explicit_deny_names_every_firing_statement() -> None:
    scp = policy(PolicyKind.SCP, "p-guard", Effect="Deny", Action="s3:*", Sid="NoS3")
    own = policy(PolicyKind.IDENTITY, "guard", Effect="Deny", Action="s3:Get*")
    decision = decide(OBJECT, PolicySet(identity=(ALLOW, own), scps=((scp,),)))
    assert decision.outcome is Outcome.EXPLICITLY_DENIED
    assert decision.decided_by == (
        StatementRef(PolicyKind.SCP, "p-guard", "NoS3"),
        StatementRef(PolicyKind.IDENTITY, "guard", "0"),
    )
    assert "explicitly denied by statement NoS3 of p-guard (service control policy)" in decision.why


NOTHING = policy(PolicyKind.IDENTITY, "none", Action="ec2:*")


@pytest.mark.parametrize(
    ("policies", "missing"),
    [
        (PolicySet(), PolicyKind.IDENTITY),
        (PolicySet(identity=(NOTHING,)), PolicyKind.IDENTITY),
        (
            PolicySet(identity=(ALLOW,), boundary=policy(PolicyKind.BOUNDARY, "b", Action="ec2:*")),
            PolicyKind.BOUNDARY,
        ),
        (PolicySet(identity=(ALLOW,), session=()), PolicyKind.SESSION),
        (
            PolicySet(identity=(ALLOW,), scps=((policy(PolicyKind.SCP, "p", Action="ec2:*"),),)),
            PolicyKind.SCP,
        ),
    ],
)
def test_missing_names_the_layer_without_an_allow(policies: PolicySet, missing: PolicyKind) -> None:
    decision = decide(OBJECT, policies)
    assert decision.outcome is Outcome.IMPLICITLY_DENIED
    assert decision.missing is missing
    assert decision.decided_by == ()
    assert f"no {missing.phrase} allows the s3:GetObject action" in decision.why
    assert decide(OBJECT, PolicySet(identity=(ALLOW,))).allowed


def test_missing_of_another_accounts_resource_is_its_policy() -> None:
    request = replace(OBJECT, resource_account=OTHER)
    decision = decide(request, PolicySet(identity=(ALLOW,)))
    assert decision.missing is PolicyKind.RESOURCE
    granted = policy(PolicyKind.RESOURCE, "bucket", Principal={"AWS": ACCOUNT})
    assert decide(request, PolicySet(identity=(ALLOW,), resource=granted)).allowed


def test_every_gap_is_reported_with_the_identity_side_first() -> None:
    request = Request(SESSION, "sts:AssumeRole", f"arn:aws:iam::{OTHER}:role/fleet", OTHER)
    trust = policy(PolicyKind.TRUST, "fleet", Action="sts:AssumeRole", Principal={"AWS": OTHER})
    decision = decide(request, PolicySet(resource=trust, session=()))
    assert decision.gaps == (PolicyKind.IDENTITY, PolicyKind.TRUST, PolicyKind.SESSION)
    assert "trust policy does not allow sts:AssumeRole" in decision.why


def test_role_grant_is_weaker_than_a_session_grant_in_the_same_policy() -> None:
    """The closest of several grants counts, whatever their order."""
    names = [f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:role/app", SESSION.arn]
    boundary = policy(PolicyKind.BOUNDARY, "b", Action="ec2:*")
    for order in (names, names[::-1]):
        statements = [
            {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": {"AWS": name}}
            for name in order
        ]
        resource = NamedPolicy(PolicyKind.RESOURCE, "b", parse_policy({"Statement": statements}))
        assert decide(OBJECT, PolicySet(resource=resource, boundary=boundary)).allowed


def test_grant_to_a_federated_users_parent_is_limited_by_the_session_policy() -> None:
    bob = Principal.from_arn(f"arn:aws:sts::{ACCOUNT}:federated-user/bob")
    parent = f"arn:aws:iam::{ACCOUNT}:user/portal"
    request = Request(replace(bob, parent_arn=parent), "s3:GetObject", OBJECT.resource, ACCOUNT)
    bucket = policy(PolicyKind.RESOURCE, "bucket", Principal={"AWS": parent})
    reads = policy(PolicyKind.SESSION, "reads", Action="s3:Get*")
    lists = policy(PolicyKind.SESSION, "lists", Action="s3:List*")
    assert decide(request, PolicySet(resource=bucket, session=(reads,))).allowed
    decision = decide(request, PolicySet(resource=bucket, session=(lists,)))
    assert decision.missing is PolicyKind.SESSION
    assert decide(request, PolicySet(resource=bucket)).missing is PolicyKind.SESSION


def test_key_and_role_rules_hold_even_if_the_policy_is_given_as_another_kind() -> None:
    key = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1"
    request = Request(SESSION, "kms:Decrypt", key, ACCOUNT)
    mislabeled = policy(
        PolicyKind.RESOURCE, "key", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/x"}
    )
    assert decide(request, PolicySet(identity=(ALLOW,), resource=mislabeled)).missing is (
        PolicyKind.KEY
    )
    assert decide(request, PolicySet(identity=(ALLOW,))).missing is PolicyKind.KEY
    delegating = policy(PolicyKind.KEY, "key", Principal={"AWS": ACCOUNT})
    assert decide(request, PolicySet(identity=(ALLOW,), resource=delegating)).allowed


def test_what_aws_owns_has_no_account_and_no_resource_side() -> None:
    model = "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"
    request = Request(SESSION, "bedrock:InvokeModel", model, "")
    assert decide(request, PolicySet(identity=(ALLOW,))).allowed
    assert decide(request, PolicySet()).missing is PolicyKind.IDENTITY


def test_context_overrides_what_follows_from_the_principal() -> None:
    pinned = policy(
        PolicyKind.IDENTITY,
        "pinned",
        Condition={"StringEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/team/app"}},
    )
    policies = PolicySet(identity=(pinned,))
    assert not decide(OBJECT, policies).allowed
    context = {"AWS:principalarn": f"arn:aws:iam::{ACCOUNT}:role/team/app"}
    assert decide(replace(OBJECT, context=context), policies).allowed


@pytest.mark.parametrize("kind", list(PolicyKind))
def test_a_policy_of_the_wrong_shape_for_its_kind_is_an_error(kind: PolicyKind) -> None:
    plain = {"Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}}
    named = {"Statement": {**plain["Statement"], "Principal": "*"}}
    needs_principal = kind.is_resource_based or kind is PolicyKind.RCP
    right, wrong = (named, plain) if needs_principal else (plain, named)
    NamedPolicy(kind, "p", parse_policy(right))
    with pytest.raises(PolicyError, match="p: statement 0 must"):
        NamedPolicy(kind, "p", parse_policy(wrong))


@pytest.mark.parametrize("kind", list(PolicyKind))
def test_only_a_trust_policy_goes_without_resource(kind: PolicyKind) -> None:
    """Elsewhere a missing Resource would stand for all of them."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": "s3:*"}
    if kind.is_resource_based or kind is PolicyKind.RCP:
        statement["Principal"] = "*"
    bare = parse_policy({"Statement": statement})
    if kind is PolicyKind.TRUST:
        NamedPolicy(kind, "p", bare)
        return
    with pytest.raises(PolicyError, match="p: statement 0 must have a Resource"):
        NamedPolicy(kind, "p", bare)
    NamedPolicy(kind, "p", parse_policy({"Statement": {**statement, "Resource": "*"}}))
