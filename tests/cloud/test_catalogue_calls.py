"""Concrete calls and the permissions AWS decides them on."""

from __future__ import annotations

from typing import Any

import pytest
from support.catalogue import REGION, SESSION, USER, A, B, Names, Organized, call
from support.catalogue_cases import data, identity, rest
from support.catalogue_cases.words import ANN, POLICY, ROLE, THEIR_ROLE, Case, Expected

from harness.cloud.bedrock import BedrockSettings
from harness.cloud.call import Caller, Need
from harness.cloud.catalogue import needs

CASES = [*identity.CASES, *data.CASES, *rest.CASES]


def _name(case: Case) -> str:
    return f"{case[0]}({','.join(case[1])})"


@pytest.mark.parametrize(("name", "params", "expected"), CASES, ids=[_name(c) for c in CASES])
def test_a_call_needs(name: str, params: dict[str, Any], expected: list[Expected]) -> None:
    service, operation = name.split(".")
    found = needs(call(service, operation, params), Names())
    assert [(n.action, n.resource, n.resource_account, dict(n.context)) for n in found] == expected


def test_enough_cases_and_services() -> None:
    assert len(CASES) >= 60
    assert len({name.split(".")[0] for name, _, _ in CASES}) >= 20


def test_a_chained_session_needs_what_it_inherits() -> None:
    chained = Caller(
        kind="role-session",
        account=A,
        arn=SESSION.arn,
        principal_arn=SESSION.principal_arn,
        user_id=SESSION.user_id,
        session_tags={"team": "red"},
        transitive_tags=frozenset({"team"}),
        source_identity="ann",
    )
    params = {"RoleArn": THEIR_ROLE, "RoleSessionName": "s"}
    actions = [n.action for n in needs(call("sts", "AssumeRole", params, caller=chained), Names())]
    assert actions == ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    plain = needs(call("sts", "AssumeRole", params, caller=SESSION), Names())
    assert [n.action for n in plain] == ["sts:AssumeRole"]


def test_a_role_keeps_its_case_and_path_in_the_arn() -> None:
    (found,) = needs(call("iam", "GetRole", {"RoleName": "APP"}), Names())
    assert found.resource == ROLE


def test_changing_a_bounded_role_is_decided_with_its_boundary() -> None:
    attach = {"RoleName": "app", "PolicyArn": POLICY}
    (found,) = needs(call("iam", "AttachRolePolicy", attach), Organized())
    assert found.context["iam:PermissionsBoundary"] == f"arn:aws:iam::{A}:policy/edge"
    (free,) = needs(call("iam", "AttachRolePolicy", {**attach, "RoleName": "x"}), Organized())
    assert "iam:PermissionsBoundary" not in free.context


def test_organization_policies_are_named_with_their_type() -> None:
    found = needs(
        call("organizations", "AttachPolicy", {"PolicyId": "p-1", "TargetId": "ou-1"}), Organized()
    )
    assert [n.resource.split("::", 1)[1] for n in found] == [
        f"{A}:policy/o-1/service_control_policy/p-1",
        f"{A}:ou/o-1/ou-1",
    ]
    assert found[0].context["organizations:PolicyType"] == "SERVICE_CONTROL_POLICY"


def test_a_member_account_is_managed_under_the_organization() -> None:
    params = {"AccountId": B, "RegionName": REGION}
    (found,) = needs(call("account", "GetRegionOptStatus", params), Organized())
    assert found.resource == f"arn:aws:account::{A}:account/o-1/{B}"
    assert found.resource_account == A


def test_root_acts_on_root() -> None:
    root = Caller(
        kind="root",
        account=A,
        arn=f"arn:aws:iam::{A}:root",
        principal_arn=f"arn:aws:iam::{A}:root",
        user_id=A,
    )
    (found,) = needs(call("iam", "GetUser", caller=root), Names())
    assert found.resource == root.arn
    assert needs(call("iam", "GetUser", caller=USER), Names())[0].resource == ANN


PROFILE = f"arn:aws:bedrock:{REGION}:{A}:application-inference-profile/abcdefghijkl"


def test_a_model_is_reached_through_a_profile() -> None:
    found = needs(call("bedrock-runtime", "ConverseStream", {"modelId": PROFILE}), Names())
    assert {n.action for n in found} == {"bedrock:InvokeModelWithResponseStream"}
    assert [n.resource for n in found] == [
        PROFILE,
        f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0",
    ]
    assert found[1].context["bedrock:InferenceProfileArn"] == PROFILE


def test_a_world_chooses_how_bedrock_is_played() -> None:
    class Chosen(Names):
        bedrock_settings = BedrockSettings(key_on_profile=True)

    converse = call("bedrock-runtime", "Converse", {"modelId": PROFILE})
    assert "bedrock:InferenceProfileArn" in needs(converse, Chosen())[0].context
    assert "bedrock:InferenceProfileArn" not in needs(converse, Names())[0].context


MODEL = f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0"
RED = {"aws:RequestTag/team": "red", "aws:TagKeys": ("team",)}


@pytest.mark.parametrize(
    ("operation", "params", "on", "context"),
    [
        ("ListInferenceProfiles", {}, "*", {}),
        ("ListFoundationModels", {}, "*", {}),
        ("GetModelInvocationLoggingConfiguration", {}, "*", {}),
        ("DeleteModelInvocationLoggingConfiguration", {}, "*", {}),
        ("GetFoundationModel", {"modelIdentifier": "amazon.nova-lite-v1:0"}, MODEL, {}),
        ("ListTagsForResource", {"resourceARN": PROFILE}, PROFILE, {}),
        (
            "TagResource",
            {"resourceARN": PROFILE, "tags": [{"key": "team", "value": "red"}]},
            PROFILE,
            RED,
        ),
        (
            "UntagResource",
            {"resourceARN": PROFILE, "tagKeys": ["team"]},
            PROFILE,
            {"aws:TagKeys": ("team",)},
        ),
    ],
)
def test_bedrock_calls_without_a_model(
    operation: str, params: dict[str, Any], on: str, context: dict[str, Any]
) -> None:
    owner = A if on == PROFILE else ""
    assert needs(call("bedrock", operation, params), Names()) == (
        Need(f"bedrock:{operation}", on, owner, context),
    )


def test_switching_logging_on_passes_a_role() -> None:
    config = {"cloudWatchConfig": {"logGroupName": "/x", "roleArn": ROLE}}
    operation = "PutModelInvocationLoggingConfiguration"
    assert needs(call("bedrock", operation, {"loggingConfig": config}), Names()) == (
        Need(f"bedrock:{operation}", "*", ""),
        Need("iam:PassRole", ROLE, A, {"iam:PassedToService": "bedrock.amazonaws.com"}),
    )
