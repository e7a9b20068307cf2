"""Cross-region profiles over HTTP: every permission that AWS documents is really needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, A, Clients, allow, trust

MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
KEY = "bedrock:InferenceProfileArn"
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}
ME = {"AWS": f"arn:aws:iam::{A}:user/administrator"}
INVOKE = "bedrock:InvokeModel"
EU = ("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3")


def system(area: str) -> str:
    return f"arn:aws:bedrock:{REGION}:{A}:inference-profile/{area}.{MODEL}"


def model(region: str) -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{MODEL}"


def in_region(region: str, profile: str) -> dict[str, Any]:
    keys = {KEY: profile, "aws:RequestedRegion": region}
    return {"Condition": {"StringEquals": keys}}


def global_statements(profile: str) -> list[dict[str, Any]]:
    """AWS's example: the profile, the model here, and the model anywhere."""
    here = {"Condition": {"StringEquals": {"aws:RequestedRegion": REGION}}}
    return [
        allow(INVOKE, profile, **here),
        allow(INVOKE, model(REGION), **in_region(REGION, profile)),
        allow(INVOKE, model(""), **in_region("unspecified", profile)),
    ]


def geographic_statements(profile: str) -> list[dict[str, Any]]:
    return [
        allow(INVOKE, profile),
        *(allow(INVOKE, model(region), **in_region(region, profile)) for region in EU),
    ]


def copied(clients: Clients, name: str, source: str) -> str:
    made = clients(A, "bedrock").create_inference_profile(
        inferenceProfileName=name, modelSource={"copyFrom": source}
    )
    return str(made["inferenceProfileArn"])


@pytest.mark.parametrize("area", ["eu", "global"])
@pytest.mark.parametrize("application", [False, True])
def test_each_permission_is_needed(
    clients: Clients,
    make_role: Callable[..., str],
    unique: Callable[[str], str],
    area: str,
    application: bool,
) -> None:
    profile = copied(clients, unique("copy"), system(area)) if application else system(area)
    statements = (geographic_statements if area == "eu" else global_statements)(profile)

    def converse(granted: list[dict[str, Any]]) -> Any:
        role = make_role(A, trust(ME), *granted)
        runtime = clients(clients.assume(A, role), "bedrock-runtime")
        return runtime.converse(modelId=profile, **ASK)

    assert converse(statements)["stopReason"] == "end_turn"
    for missing in statements:
        with pytest.raises(ClientError) as caught:
            converse([one for one in statements if one is not missing])
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
        assert missing["Resource"] in caught.value.response["Error"]["Message"]


def test_global_routing_is_closed_by_its_region(
    clients: Clients, make_role: Callable[..., str]
) -> None:
    closed = {
        "Effect": "Deny",
        "Action": "bedrock:*",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestedRegion": "unspecified"}},
    }
    role = make_role(A, trust(ME), allow("bedrock:*"), closed)
    runtime = clients(clients.assume(A, role), "bedrock-runtime")
    assert runtime.converse(modelId=f"eu.{MODEL}", **ASK)["stopReason"] == "end_turn"
    with pytest.raises(ClientError, match="explicit deny"):
        runtime.converse(modelId=f"global.{MODEL}", **ASK)


def test_profiles_are_listed_by_type_and_page(clients: Clients, unique: Any) -> None:
    bedrock = clients(A, "bedrock")
    copy = copied(clients, unique("copy"), system("global"))
    pages = bedrock.get_paginator("list_inference_profiles")
    found = [
        item
        for page in pages.paginate(typeEquals="SYSTEM_DEFINED", PaginationConfig={"PageSize": 3})
        for item in page["inferenceProfileSummaries"]
    ]
    arns = [item["inferenceProfileArn"] for item in found]
    assert len(set(arns)) == len(arns) > 3
    assert {system("eu"), system("global")} <= set(arns)
    assert copy not in arns
    own = bedrock.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"]
    (mine,) = [item for item in own if item["inferenceProfileArn"] == copy]
    assert [one["modelArn"] for one in mine["models"]] == [model(REGION), model("")]
