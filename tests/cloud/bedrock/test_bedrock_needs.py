"""Which permissions Bedrock calls need, on which resources, with which keys."""

from __future__ import annotations

import pytest

from harness.cloud import catalogue
from harness.cloud.bedrock import BedrockSettings, InferenceProfileKey, needs_bedrock
from harness.cloud.call import Need

OPS, OTHER, REGION = "111111111111", "222222222222", "eu-central-1"
NOVA = f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0"
SYSTEM = f"arn:aws:bedrock:{REGION}:{OPS}:inference-profile/eu.amazon.nova-lite-v1:0"
INVOKE, STREAM = "bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"
KEY = "bedrock:InferenceProfileArn"
DESTINATIONS = ["eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"]


class World:
    """Only what Bedrock looks up."""

    def __init__(self, bedrock):
        self.inference_profile = bedrock.profile
        self.enforced_guardrail = bedrock.enforced_guardrail


@pytest.fixture
def needs(play):
    def ask(operation, settings=None, region=REGION, account=OPS, **params):
        call = play.make(operation, params, account, region)
        more = () if settings is None else (settings,)
        return needs_bedrock(call, World(play.bedrock), *more)

    return ask


def in_region(region, **context):
    return context if region == REGION else {**context, "aws:RequestedRegion": region}


@pytest.mark.parametrize(
    ("operation", "action"),
    [("Converse", INVOKE), ("ConverseStream", STREAM), ("InvokeModel", INVOKE)],
)
@pytest.mark.parametrize("model", ["amazon.nova-lite-v1:0", NOVA])
def test_a_model_called_directly_carries_no_profile_key(needs, operation, action, model):
    assert needs(operation, modelId=model) == (Need(action, NOVA, "", {}),)


def test_an_asynchronous_call_needs_its_model_and_its_place(needs):
    place = f"arn:aws:bedrock:{REGION}:{OPS}:async-invoke/*"
    assert needs("StartAsyncInvoke", modelId=NOVA) == (
        Need(INVOKE, NOVA, "", {}),
        Need(INVOKE, place, OPS, {}),
    )


def test_a_batch_job_needs_its_model_itself_and_to_pass_its_role(needs, play):
    aip, role, action = (
        play.aip(),
        f"arn:aws:iam::{OPS}:role/batch",
        "bedrock:CreateModelInvocationJob",
    )
    tags = {"aws:RequestTag/a": "b", "aws:TagKeys": ("a",)}
    job = f"arn:aws:bedrock:{REGION}:{OPS}:model-invocation-job/*"
    asked = {"modelId": aip, "roleArn": role, "tags": [{"key": "a", "value": "b"}]}
    assert needs("CreateModelInvocationJob", **asked) == (
        Need(action, aip, OPS, tags),
        Need(action, NOVA, "", {**tags, KEY: aip}),
        Need(action, job, OPS, tags),
        Need("bedrock:TagResource", job, OPS, tags),
        Need("iam:PassRole", role, OPS, {"iam:PassedToService": "bedrock.amazonaws.com"}),
    )


def test_count_tokens_is_its_own_action(needs):
    assert needs("CountTokens", modelId=NOVA) == (Need("bedrock:CountTokens", NOVA, "", {}),)


@pytest.mark.parametrize(
    ("operation", "action"), [("Converse", INVOKE), ("ConverseStream", STREAM)]
)
def test_an_application_profile_needs_itself_and_its_model(needs, play, operation, action):
    aip = play.aip()
    assert needs(operation, modelId=aip) == (
        Need(action, aip, OPS, {}),
        Need(action, NOVA, "", {KEY: aip}),
    )


def test_the_key_can_be_put_on_the_profile_too(needs, play):
    aip = play.aip()
    first, _ = needs("Converse", BedrockSettings(key_on_profile=True), modelId=aip)
    assert first == Need(INVOKE, aip, OPS, {KEY: aip})


def test_a_copied_system_profile_needs_the_model_in_every_region(needs, play):
    aip = play.aip(source=SYSTEM)
    assert needs("Converse", modelId=aip) == (
        Need(INVOKE, aip, OPS, {}),
        *(
            Need(INVOKE, NOVA.replace(REGION, region), "", in_region(region, **{KEY: aip}))
            for region in DESTINATIONS
        ),
    )


def test_the_other_reading_needs_the_system_profile_too(needs, play):
    other = BedrockSettings(InferenceProfileKey.SYSTEM_TOO)
    aip = play.aip(source=SYSTEM)
    plain = needs("Converse", modelId=aip)
    assert needs("Converse", other, modelId=aip) == (
        *plain,
        Need(INVOKE, SYSTEM, OPS, {KEY: aip}),
        *(
            Need(INVOKE, NOVA.replace(REGION, region), "", in_region(region, **{KEY: SYSTEM}))
            for region in DESTINATIONS
        ),
    )
    of_model = play.aip("of a model")
    assert needs("Converse", other, modelId=of_model) == needs("Converse", modelId=of_model)


@pytest.mark.parametrize("model", ["eu.amazon.nova-lite-v1:0", SYSTEM])
def test_a_system_profile_is_the_key_of_its_own_calls(needs, model):
    assert needs("Converse", modelId=model) == (
        Need(INVOKE, SYSTEM, OPS, {}),
        *(
            Need(INVOKE, NOVA.replace(REGION, region), "", in_region(region, **{KEY: SYSTEM}))
            for region in DESTINATIONS
        ),
    )


def test_a_global_profile_needs_its_model_here_and_without_a_region(needs, play):
    identifier = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
    profile = f"arn:aws:bedrock:{REGION}:{OPS}:inference-profile/{identifier}"
    model = NOVA.replace("amazon.nova-lite-v1:0", identifier.removeprefix("global."))
    anywhere = model.replace(REGION, "")

    def expected(key):
        unspecified = {KEY: key, "aws:RequestedRegion": "unspecified"}
        return (
            Need(INVOKE, key, OPS, {}),
            Need(INVOKE, model, "", {KEY: key}),
            Need(INVOKE, anywhere, "", unspecified),
        )

    assert needs("Converse", modelId=identifier) == expected(profile)
    aip = play.aip(source=profile)
    assert needs("Converse", modelId=aip) == expected(aip)
    both = needs("Converse", BedrockSettings(InferenceProfileKey.SYSTEM_TOO), modelId=aip)
    assert both == (
        *expected(aip),
        Need(INVOKE, profile, OPS, {KEY: aip}),
        *expected(profile)[1:],
    )


def test_another_accounts_profile_belongs_to_that_account(needs, play):
    aip = play.aip()
    assert needs("Converse", account=OTHER, modelId=aip) == (Need(INVOKE, aip, OPS, {}),)


@pytest.mark.parametrize(
    ("model", "resource", "owner"),
    [
        ("no.model-v1:0", f"arn:aws:bedrock:{REGION}::foundation-model/no.model-v1:0", ""),
        (
            f"arn:aws:bedrock:{REGION}:{OPS}:custom-model/mine/abcdefghijkl",
            f"arn:aws:bedrock:{REGION}:{OPS}:custom-model/mine/abcdefghijkl",
            OPS,
        ),
        (
            f"arn:aws:bedrock:{REGION}:{OPS}:application-inference-profile/gone00000000",
            f"arn:aws:bedrock:{REGION}:{OPS}:application-inference-profile/gone00000000",
            OPS,
        ),
    ],
)
def test_what_does_not_exist_is_still_authorized(needs, model, resource, owner):
    assert needs("Converse", modelId=model) == (Need(INVOKE, resource, owner, {}),)


def test_a_guardrail_must_be_allowed_and_is_a_key(needs):
    guardrail = f"arn:aws:bedrock:{REGION}:{OPS}:guardrail/abc123"
    for identifier, version, value in (
        ("abc123", "1", guardrail + ":1"),
        (guardrail, "DRAFT", guardrail),
    ):
        config = {"guardrailIdentifier": identifier, "guardrailVersion": version}
        assert needs("Converse", modelId=NOVA, guardrailConfig=config) == (
            Need(INVOKE, NOVA, "", {"bedrock:GuardrailIdentifier": value}),
            Need("bedrock:ApplyGuardrail", guardrail, OPS),
        )


def test_an_enforced_guardrail_must_be_allowed(needs, play):
    made = play(
        "CreateGuardrail",
        name="wall",
        blockedInputMessaging="no",
        blockedOutputsMessaging="no",
        wordPolicyConfig={"wordsConfig": [{"text": "x"}]},
    )
    version = play("CreateGuardrailVersion", guardrailIdentifier=made["guardrailId"])["version"]
    enforced = {"guardrailIdentifier": made["guardrailId"], "guardrailVersion": version}
    play("PutEnforcedGuardrailConfiguration", guardrailInferenceConfig=enforced)
    applied = Need("bedrock:ApplyGuardrail", made["guardrailArn"], OPS)
    for operation in ("Converse", "ConverseStream", "InvokeModel"):
        assert needs(operation, modelId=NOVA)[-1] == applied
    for operation in ("CountTokens", "StartAsyncInvoke", "CreateResponse"):
        assert applied not in needs(operation, modelId=NOVA, model=NOVA)
    named = needs("Converse", modelId=NOVA, guardrailConfig=enforced)
    assert named.count(applied) == 1
    assert applied not in needs("Converse", modelId=NOVA, region="eu-west-1")


def test_a_response_needs_its_model_and_the_project(needs):
    project = f"arn:aws:bedrock:us-east-1:{OPS}:project/default"
    profile = f"arn:aws:bedrock:us-east-1:{OPS}:inference-profile/us.openai.gpt-5.6-sol"
    asked = {"model": "us.openai.gpt-5.6-sol", "region": "us-east-1"}
    found = needs("CreateResponse", **asked)
    context = {"bedrock:ProjectArn": project}
    assert found[0] == Need(INVOKE, profile, OPS, context)
    assert [need.resource.split(":")[3] for need in found[1:4]] == [
        "us-east-1",
        "us-east-2",
        "us-west-2",
    ]
    assert found[1].context == {**context, KEY: profile}
    assert found[4:] == (Need(INVOKE, project, OPS, {"bedrock:ModelArn": profile}),)
    streamed = needs("CreateResponse", **asked, stream=True)
    assert {need.action for need in streamed[:4]} == {STREAM}
    assert streamed[4].action == INVOKE
    for operation, action in (
        ("GetResponse", "GetInvoke"),
        ("ListResponseInputItems", "GetInvoke"),
        ("CancelResponse", "CancelInvoke"),
        ("DeleteResponse", "DeleteInvoke"),
    ):
        expected = Need(f"bedrock:{action}", project, OPS)
        assert needs(operation, response_id="resp_1", region="us-east-1") == (expected,)


def test_a_service_tier_is_a_key(needs, play):
    aip = play.aip()
    tier = {"bedrock:ServiceTier": "priority"}
    assert needs("Converse", modelId=aip, serviceTier={"type": "priority"}) == (
        Need(INVOKE, aip, OPS, tier),
        Need(INVOKE, NOVA, "", {**tier, KEY: aip}),
    )


def test_a_system_tool_must_be_allowed(needs):
    config = {"tools": [{"systemTool": {"name": "nova_grounding"}}]}
    assert needs("Converse", modelId=NOVA, toolConfig=config)[1:] == (
        Need(
            "bedrock:InvokeTool",
            f"arn:aws:bedrock::{OPS}:system-tool/amazon.nova_grounding",
            OPS,
            {"aws:RequestedRegion": "unspecified"},
        ),
    )


@pytest.mark.parametrize(
    ("source", "resource", "owner"),
    [(NOVA, NOVA, ""), (SYSTEM, SYSTEM, OPS), (SYSTEM.replace(OPS, ""), SYSTEM, OPS)],
)
def test_creating_a_profile_needs_the_new_one_and_its_source(needs, source, resource, owner):
    new = f"arn:aws:bedrock:{REGION}:{OPS}:application-inference-profile/*"
    params = {"inferenceProfileName": "acme", "modelSource": {"copyFrom": source}}
    create = "bedrock:CreateInferenceProfile"
    assert needs("CreateInferenceProfile", **params) == (
        Need(create, new, OPS, {}),
        Need(create, resource, owner, {}),
    )
    keys = {"aws:RequestTag/customer": "acme", "aws:TagKeys": ("customer",)}
    tags = [{"key": "customer", "value": "acme"}]
    assert needs("CreateInferenceProfile", **params, tags=tags) == (
        Need(create, new, OPS, keys),
        Need(create, resource, owner, keys),
        Need("bedrock:TagResource", new, OPS, keys),
    )


@pytest.mark.parametrize("operation", ["GetInferenceProfile", "DeleteInferenceProfile"])
def test_profiles_are_named_by_their_arn(needs, play, operation):
    aip = play.aip()
    for identifier in (aip, aip.rsplit("/", 1)[1]):
        assert needs(operation, inferenceProfileIdentifier=identifier) == (
            Need(f"bedrock:{operation}", aip, OPS),
        )
    assert needs(operation, inferenceProfileIdentifier=aip, account=OTHER) == (
        Need(f"bedrock:{operation}", aip, OPS),
    )
    for unknown, kind in (
        ("gone00000000", "application-inference-profile"),
        ("eu.x", "inference-profile"),
    ):
        (need,) = needs(operation, inferenceProfileIdentifier=unknown)
        assert need.resource == f"arn:aws:bedrock:{REGION}:{OPS}:{kind}/{unknown}"


def test_every_operation_that_is_played_has_needs(play):
    played = play.bedrock.operations
    examples = {
        "modelSource": {"copyFrom": NOVA},
        "inferenceProfileIdentifier": "x",
        "resourceARN": SYSTEM,
        "modelIdentifier": "x",
        "guardrailIdentifier": "x",
        "configId": "x",
        "jobIdentifier": "x",
        "roleArn": f"arn:aws:iam::{OPS}:role/batch",
        "invocationArn": f"arn:aws:bedrock:{REGION}:{OPS}:async-invoke/x",
        "mode": "none",
        "model": NOVA,
        "resourceArn": f"arn:aws:bedrock:{REGION}:{OPS}:guardrail/x",
    }
    for operation in (*played, "Converse", "ConverseStream"):
        call = play.make(operation, {**examples, "modelId": NOVA}, OPS, REGION)
        assert catalogue.needs(call, World(play.bedrock)), operation


def test_other_calls_are_left_to_the_catalogue(needs, play):
    assert needs("CreateGuardrail") is None
    call = play.make("PutLogEvents", {}, OPS, REGION)
    assert needs_bedrock(type(call)("logs", "PutLogEvents", REGION, {}, call.caller), None) is None


def test_the_bare_id_of_an_application_profile_counts_as_a_model_id(needs, play):
    identifier = play.aip().rsplit("/", 1)[1]
    model = f"arn:aws:bedrock:{REGION}::foundation-model/{identifier}"
    assert needs("Converse", modelId=identifier) == (Need(INVOKE, model, "", {}),)
