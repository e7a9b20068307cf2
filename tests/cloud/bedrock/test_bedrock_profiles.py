"""Inference profiles, their tags, the model list: the control plane that Terraform talks to."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.cloud.bedrock.models import SYSTEM_PROFILES, system_profile_behind

MODEL = "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"
SYSTEM = "arn:aws:bedrock:eu-central-1:111111111111:inference-profile/eu.amazon.nova-lite-v1:0"


def test_a_profile_of_a_model(play):
    arn = play.aip("Claude Sonnet for Project 123", description="cost: acme")
    assert re.fullmatch(
        r"arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/[a-z0-9]{12}", arn
    )
    by_arn = play("GetInferenceProfile", inferenceProfileIdentifier=arn)
    by_id = play("GetInferenceProfile", inferenceProfileIdentifier=arn.rsplit("/", 1)[1])
    assert by_arn == by_id
    assert by_arn["inferenceProfileName"] == "Claude Sonnet for Project 123"
    assert by_arn["description"] == "cost: acme"
    assert by_arn["models"] == [{"modelArn": MODEL}]
    assert (by_arn["status"], by_arn["type"]) == ("ACTIVE", "APPLICATION")
    assert by_arn["createdAt"].tzinfo is not None


@pytest.mark.parametrize("source", [SYSTEM, SYSTEM.replace("111111111111", "")])
def test_a_profile_of_a_system_profile_has_all_its_models(play, source):
    arn = play.aip(source=source)
    got = play("GetInferenceProfile", inferenceProfileIdentifier=arn)
    regions = [model["modelArn"].split(":")[3] for model in got["models"]]
    assert regions == ["eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"]
    assert play.bedrock.profile("111111111111", "eu-central-1", arn) == (
        arn,
        tuple(model["modelArn"] for model in got["models"]),
    )


def test_a_call_through_a_profile_answers_until_it_is_deleted(play, ask):
    arn = play.aip()
    answer = play("Converse", **ask() | {"modelId": arn})
    assert answer == play("Converse", **ask())
    play("DeleteInferenceProfile", inferenceProfileIdentifier=arn)
    error = play.fails("Converse", **ask() | {"modelId": arn})
    assert (error.code, error.status) == ("ResourceNotFoundException", 404)


def test_the_bare_id_of_a_profile_names_no_model(play, ask):
    identifier = play.aip().rsplit("/", 1)[1]
    error = play.fails("Converse", **ask() | {"modelId": identifier})
    assert error.message == "The provided model identifier is invalid."


def test_profiles_are_seen_only_in_their_account_and_region(play):
    arn = play.aip()
    assert play.bedrock.profile("111111111111", "eu-central-1", arn) is not None
    for account, region in (("222222222222", "eu-central-1"), ("111111111111", "eu-west-1")):
        assert play.bedrock.profile(account, region, arn) is None
        error = play.fails(
            "GetInferenceProfile", inferenceProfileIdentifier=arn, account=account, region=region
        )
        assert (error.code, error.status) == ("ResourceNotFoundException", 404)
        listed = play(
            "ListInferenceProfiles", typeEquals="APPLICATION", account=account, region=region
        )
        assert listed["inferenceProfileSummaries"] == []


def test_an_arn_of_another_place_does_not_find_an_own_profile_with_that_id(play):
    arn = play.aip()
    here = ("111111111111", "eu-central-1")
    assert play.bedrock.profile(*here, arn) is not None
    assert play.bedrock.profile(*here, arn.replace("111111111111", "222222222222")) is None
    assert play.bedrock.profile(*here, arn.replace("eu-central-1", "eu-west-1")) is None


def test_names_are_taken_once(play):
    first = play.aip("acme")
    error = play.fails(
        "CreateInferenceProfile", inferenceProfileName="acme", modelSource={"copyFrom": MODEL}
    )
    assert (error.code, error.status) == ("ConflictException", 400)
    play("DeleteInferenceProfile", inferenceProfileIdentifier=first)
    assert play.aip("acme") != first


def test_a_client_request_token_makes_one_profile(play):
    first = play.aip("acme", clientRequestToken="token-1")
    assert play.aip("acme", clientRequestToken="token-1") == first
    error = play.fails(
        "CreateInferenceProfile",
        inferenceProfileName="other",
        modelSource={"copyFrom": MODEL},
        clientRequestToken="token-1",
    )
    assert error.code == "ConflictException"
    play("DeleteInferenceProfile", inferenceProfileIdentifier=first)
    assert play.aip("acme", clientRequestToken="token-1") != first


def test_threads_that_take_one_name_make_one_profile(play):
    def attempt(_):
        try:
            return play.aip("acme")
        except Exception as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(attempt, range(40)))
    assert results.count("ConflictException") == 39


@pytest.mark.parametrize(
    "params",
    [
        {"inferenceProfileName": "acme/nova"},
        {"inferenceProfileName": "a  b"},
        {"inferenceProfileName": "a" * 65},
        {"inferenceProfileName": ""},
        {"description": "no\nlines"},
        {"modelSource": {}},
        {"modelSource": {"copyFrom": "amazon.nova-lite-v1:0"}},
        {"modelSource": {"copyFrom": MODEL.replace("eu-central-1", "us-east-1")}},
        {"modelSource": {"copyFrom": MODEL.replace("nova-lite", "nova-none")}},
        {"modelSource": {"copyFrom": SYSTEM.replace("111111111111", "222222222222")}},
        {"modelSource": {"copyFrom": SYSTEM.replace("eu.", "us.")}},
        {
            "modelSource": {
                "copyFrom": "arn:aws:bedrock:eu-central-1::foundation-model/"
                "anthropic.claude-sonnet-4-20250514-v1:0"
            }
        },
        {"tags": [{"key": "aws:x", "value": "1"}]},
        {"tags": [{"key": "x", "value": "1"}, {"key": "x", "value": "2"}]},
        {"tags": [{"key": "x", "value": "a|b"}]},
        {"tags": [{"key": "x"}]},
    ],
)
def test_malformed_profiles_are_refused(play, params):
    good = {"inferenceProfileName": "acme", "modelSource": {"copyFrom": MODEL}}
    error = play.fails("CreateInferenceProfile", **{**good, **params})
    assert (error.code, error.status) == ("ValidationException", 400)
    assert play("CreateInferenceProfile", **good)["status"] == "ACTIVE"


def test_a_profile_cannot_be_copied_from_a_profile_of_an_account(play):
    own = play.aip()
    error = play.fails(
        "CreateInferenceProfile", inferenceProfileName="b", modelSource={"copyFrom": own}
    )
    assert error.code == "ValidationException"


def test_lists_come_in_pages(play):
    made = [play.aip(f"profile {number}") for number in range(5)]
    seen, token = [], None
    for _ in range(3):
        page = play(
            "ListInferenceProfiles",
            typeEquals="APPLICATION",
            maxResults=2,
            **({"nextToken": token} if token else {}),
        )
        seen += [item["inferenceProfileArn"] for item in page["inferenceProfileSummaries"]]
        token = page.get("nextToken")
    assert token is None
    assert seen == made
    assert play.fails("ListInferenceProfiles", nextToken="??").code == "ValidationException"


def test_without_a_type_only_system_profiles_are_listed(play):
    play.aip()
    default = play("ListInferenceProfiles")["inferenceProfileSummaries"]
    assert {item["type"] for item in default} == {"SYSTEM_DEFINED"}
    assert {item["inferenceProfileId"].partition(".")[0] for item in default} == {"eu", "global"}
    own = play("ListInferenceProfiles", typeEquals="APPLICATION")["inferenceProfileSummaries"]
    assert [item["type"] for item in own] == ["APPLICATION"]


def test_system_profiles_can_be_read_and_not_changed(play):
    got = play("GetInferenceProfile", inferenceProfileIdentifier="eu.amazon.nova-lite-v1:0")
    assert got["inferenceProfileArn"] == SYSTEM
    error = play.fails(
        "DeleteInferenceProfile", inferenceProfileIdentifier="eu.amazon.nova-lite-v1:0"
    )
    assert error.code == "ValidationException"
    error = play.fails("TagResource", resourceARN=SYSTEM, tags=[{"key": "a", "value": "b"}])
    assert error.code == "ValidationException"


def test_the_models_behind_a_copy_tell_which_system_profile_it_was():
    profiles = SYSTEM_PROFILES.values()
    behind = [(profile, profile.model_arns(profile.regions[0])) for profile in profiles]
    assert len({arns for _, arns in behind}) == len(behind)
    for profile, arns in behind:
        assert len(arns) > 1
        assert system_profile_behind(arns) is profile


def test_a_global_profile_names_its_model_here_and_anywhere(play):
    identifier = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
    model = identifier.removeprefix("global.")
    for region in ("eu-central-1", "us-east-1"):
        got = play("GetInferenceProfile", inferenceProfileIdentifier=identifier, region=region)
        assert got["models"] == [
            {"modelArn": f"arn:aws:bedrock:{region}::foundation-model/{model}"},
            {"modelArn": f"arn:aws:bedrock:::foundation-model/{model}"},
        ]


def test_a_copy_of_a_global_profile_answers_from_anywhere(play, ask):
    identifier = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
    source = f"arn:aws:bedrock:eu-central-1:111111111111:inference-profile/{identifier}"
    arn = play.aip(source=source)
    assert play("Converse", **ask() | {"modelId": arn}) == play(
        "Converse", **ask() | {"modelId": identifier}
    )
    anywhere = f"arn:aws:bedrock:::foundation-model/{identifier.removeprefix('global.')}"
    assert play.fails("Converse", **ask() | {"modelId": anywhere}).code == "ValidationException"


@pytest.mark.parametrize(
    ("filters", "some", "none"),
    [
        ({"byProvider": "anthropic"}, "anthropic.claude-3-haiku-20240307-v1:0", "amazon."),
        ({"byOutputModality": "EMBEDDING"}, "amazon.titan-embed-text-v2:0", "anthropic."),
        ({"byInferenceType": "ON_DEMAND"}, "amazon.nova-lite-v1:0", "amazon.nova-2"),
        ({"byInferenceType": "PROVISIONED"}, "amazon.nova-lite-v1:0:300k", "anthropic."),
        ({"byCustomizationType": "FINE_TUNING"}, "amazon.nova-lite-v1:0:300k", "anthropic."),
    ],
)
def test_models_are_filtered(play, filters, some, none):
    everything = [item["modelId"] for item in play("ListFoundationModels")["modelSummaries"]]
    found = [item["modelId"] for item in play("ListFoundationModels", **filters)["modelSummaries"]]
    assert some in found
    assert not any(identifier.startswith(none) for identifier in found)
    assert any(identifier.startswith(none) for identifier in everything)


def test_deleting_what_is_not_there(play):
    arn = play.aip()
    play("DeleteInferenceProfile", inferenceProfileIdentifier=arn)
    for identifier in (arn, arn.rsplit("/", 1)[1]):
        error = play.fails("DeleteInferenceProfile", inferenceProfileIdentifier=identifier)
        assert (error.code, error.status) == ("ResourceNotFoundException", 404)


def test_tags_change(play):
    arn = play.aip(tags=[{"key": "customer", "value": "acme"}])
    play("TagResource", resourceARN=arn, tags=[{"key": "team", "value": "blue"}])
    play("TagResource", resourceARN=arn, tags=[{"key": "customer", "value": "globex"}])
    assert play("ListTagsForResource", resourceARN=arn)["tags"] == [
        {"key": "customer", "value": "globex"},
        {"key": "team", "value": "blue"},
    ]
    play("UntagResource", resourceARN=arn, tagKeys=["team", "absent"])
    assert play.bedrock.resource_tags(arn) == {"customer": "globex"}
    play("DeleteInferenceProfile", inferenceProfileIdentifier=arn)
    assert play.bedrock.resource_tags(arn) is None
    assert play.fails("ListTagsForResource", resourceARN=arn).code == "ResourceNotFoundException"


def test_too_many_tags(play):
    arn = play.aip(tags=[{"key": f"k{n}", "value": ""} for n in range(200)])
    error = play.fails("TagResource", resourceARN=arn, tags=[{"key": "one-more", "value": ""}])
    assert error.code == "TooManyTagsException"
    play("TagResource", resourceARN=arn, tags=[{"key": "k1", "value": "new"}])


def test_foundation_models(play):
    models = play("ListFoundationModels")["modelSummaries"]
    assert len(models) > 5
    anthropic = play("ListFoundationModels", byProvider="anthropic")["modelSummaries"]
    assert {model["providerName"] for model in anthropic} == {"Anthropic"}
    embeddings = play("ListFoundationModels", byOutputModality="EMBEDDING")["modelSummaries"]
    assert {model["modelId"] for model in embeddings} == {
        "amazon.titan-embed-text-v2:0",
        "cohere.embed-english-v3",
        "cohere.embed-multilingual-v3",
    }
    for identifier in (MODEL, "amazon.nova-lite-v1:0"):
        assert (
            play("GetFoundationModel", modelIdentifier=identifier)["modelDetails"]["modelArn"]
            == MODEL
        )
    error = play.fails("GetFoundationModel", modelIdentifier="no.model-v1:0")
    assert (error.code, error.status) == ("ResourceNotFoundException", 404)
