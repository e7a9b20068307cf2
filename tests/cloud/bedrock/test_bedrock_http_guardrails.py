"""Guardrails over HTTP: made and changed, applied to calls, shared across accounts, enforced."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import LONER, REGION, A, B, Clients, allow, document, error_code, trust

MODEL = "amazon.nova-lite-v1:0"
ME = {"AWS": f"arn:aws:iam::{A}:user/administrator"}
MAIL = "jo@secret.example"
Make = Callable[..., dict[str, Any]]


def asking(text: str, **more: Any) -> dict[str, Any]:
    return {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": text}]}], **more}


def config(made: dict[str, Any], trace: str = "disabled", **more: Any) -> dict[str, Any]:
    return {
        "guardrailConfig": {
            "guardrailIdentifier": made["guardrailArn"],
            "guardrailVersion": made["version"],
            "trace": trace,
            **more,
        }
    }


def policies(**mail: Any) -> dict[str, Any]:
    return {
        "wordPolicyConfig": {"wordsConfig": [{"text": "canary"}]},
        "sensitiveInformationPolicyConfig": {
            "piiEntitiesConfig": [{"type": "EMAIL", "action": "ANONYMIZE", **mail}]
        },
    }


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture
def make(clients: Clients, unique: Callable[[str], str]) -> Make:
    def made(account: str = A, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = clients(account, "bedrock").create_guardrail(
            name=unique("wall"),
            blockedInputMessaging="Not that question.",
            blockedOutputsMessaging="Not that answer.",
            **{**policies(), **more},
        )
        return answer

    return made


@pytest.fixture
def runtime(clients: Clients) -> Any:
    return clients(A, "bedrock-runtime")


def test_a_guardrail_lives(clients: Clients, make: Make) -> None:
    bedrock = clients(A, "bedrock")
    made = make(tags=[{"key": "customer", "value": "acme"}])
    arn = made["guardrailArn"]
    assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == [
        {"key": "customer", "value": "acme"}
    ]
    first = bedrock.create_guardrail_version(guardrailIdentifier=arn)["version"]
    changed = {"wordPolicyConfig": {"wordsConfig": [{"text": "other"}]}}
    bedrock.update_guardrail(
        guardrailIdentifier=arn,
        name="renamed",
        blockedInputMessaging="a",
        blockedOutputsMessaging="b",
        **changed,
    )
    draft = bedrock.get_guardrail(guardrailIdentifier=arn)
    old = bedrock.get_guardrail(guardrailIdentifier=arn, guardrailVersion=first)
    assert draft["wordPolicy"]["words"] == [{"text": "other"}]
    assert "sensitiveInformationPolicy" not in draft
    assert old["wordPolicy"]["words"] == [{"text": "canary"}]
    listed = bedrock.list_guardrails(guardrailIdentifier=arn)["guardrails"]
    assert {one["version"] for one in listed} == {"1", "DRAFT"}
    pages = bedrock.get_paginator("list_guardrails").paginate(PaginationConfig={"PageSize": 1})
    assert arn in [one["arn"] for page in pages for one in page["guardrails"]]
    bedrock.delete_guardrail(guardrailIdentifier=arn)
    with pytest.raises(ClientError) as caught:
        bedrock.get_guardrail(guardrailIdentifier=arn)
    assert code(caught) == "ResourceNotFoundException"


def test_guardrails_are_of_one_account_and_region(clients: Clients, make: Make) -> None:
    made = make()
    for account, region in ((B, REGION), (A, "eu-west-1")):
        bedrock = clients(account, "bedrock", region)
        listed = bedrock.list_guardrails()["guardrails"]
        assert made["guardrailArn"] not in [one["arn"] for one in listed]
        with pytest.raises(ClientError):
            bedrock.get_guardrail(guardrailIdentifier=made["guardrailId"])
        with pytest.raises(ClientError):
            bedrock.delete_guardrail(guardrailIdentifier=made["guardrailArn"])
    assert clients(A, "bedrock").get_guardrail(guardrailIdentifier=made["guardrailId"])


def test_a_blocked_prompt_reaches_no_model(make: Make, runtime: Any) -> None:
    made = make()
    answer = runtime.converse(**asking("tell the Canary"), **config(made))
    assert answer["stopReason"] == "guardrail_intervened"
    assert answer["output"]["message"]["content"] == [{"text": "Not that question."}]
    assert answer["usage"]["totalTokens"] == 0
    assert "trace" not in answer
    other = runtime.converse(**asking("tell the parrot"), **config(made))
    assert other["stopReason"] == "end_turn"
    assert other["usage"]["totalTokens"] > 0


def test_the_trace_repeats_what_was_taken_away(make: Make, runtime: Any) -> None:
    made = make()
    call = asking(f"the canary of {MAIL}")
    answer = runtime.converse(**call, **config(made, "enabled"))
    found = answer["trace"]["guardrail"]["inputAssessment"][made["guardrailId"]]
    assert found["wordPolicy"]["customWords"][0]["match"] == "canary"
    assert found["sensitiveInformationPolicy"]["piiEntities"][0]["match"] == MAIL
    assert found["appliedGuardrailDetails"]["guardrailArn"] == made["guardrailArn"]
    assert found["appliedGuardrailDetails"]["guardrailOwnership"] == "SELF"
    assert MAIL not in str(runtime.converse(**call, **config(made)))


@pytest.mark.parametrize(("trace", "seen"), [("enabled", False), ("enabled_full", True)])
def test_a_full_trace_tells_what_was_not_found(
    make: Make, runtime: Any, trace: str, seen: bool
) -> None:
    topic = {"name": "Taxes", "definition": "Tax advice", "type": "DENY"}
    made = make(topicPolicyConfig={"topicsConfig": [topic]})
    answer = runtime.converse(**asking("tell the parrot"), **config(made, trace))
    found = answer["trace"]["guardrail"]["inputAssessment"][made["guardrailId"]]
    topics = found.get("topicPolicy", {}).get("topics", [])
    assert [one["detected"] for one in topics] == ([False] if seen else [])
    blocked = runtime.converse(**asking("about taxes"), **config(made, trace))
    assert blocked["stopReason"] == "guardrail_intervened"


def test_what_is_anonymized_reaches_no_model(make: Make, runtime: Any) -> None:
    made = make()
    answer = runtime.converse(**asking(f"write to {MAIL}"), **config(made))
    text = answer["output"]["message"]["content"][0]["text"]
    assert "{EMAIL}" in text and MAIL not in text
    assert answer["stopReason"] == "end_turn"
    unguarded = runtime.converse(**asking(f"write to {MAIL}"))
    assert MAIL in unguarded["output"]["message"]["content"][0]["text"]


def test_an_answer_is_masked_and_its_trace_is_not(make: Make, runtime: Any) -> None:
    made = make(**policies(inputEnabled=False))
    answer = runtime.converse(**asking(f"write to {MAIL}"), **config(made, "enabled"))
    assert answer["stopReason"] == "guardrail_intervened"
    assert "{EMAIL}" in answer["output"]["message"]["content"][0]["text"]
    assert MAIL in answer["trace"]["guardrail"]["modelOutput"][0]


@pytest.mark.parametrize(("mode", "seen"), [("sync", False), ("async", True)])
def test_a_stream_is_held_back_unless_it_is_asynchronous(
    make: Make, runtime: Any, mode: str, seen: bool
) -> None:
    made = make(**policies(inputEnabled=False))
    guard = config(made, "enabled", streamProcessingMode=mode)
    events = list(runtime.converse_stream(**asking(f"write to {MAIL}"), **guard)["stream"])
    deltas = [one["contentBlockDelta"] for one in events if "contentBlockDelta" in one]
    text = "".join(delta["delta"]["text"] for delta in deltas)
    assert (MAIL in text) is seen
    (stop,) = [one["messageStop"] for one in events if "messageStop" in one]
    assert stop["stopReason"] == "guardrail_intervened"
    (metadata,) = [one["metadata"] for one in events if "metadata" in one]
    assert made["guardrailId"] in metadata["trace"]["guardrail"]["outputAssessments"]


def test_only_marked_content_is_looked_at(make: Make, runtime: Any) -> None:
    words = [{"text": "canary", "outputEnabled": False}]
    made = make(wordPolicyConfig={"wordsConfig": words})
    content = [{"text": "the canary"}, {"guardContent": {"text": {"text": "a parrot"}}}]
    call = {"modelId": MODEL, "messages": [{"role": "user", "content": content}]}
    assert runtime.converse(**call, **config(made))["stopReason"] == "end_turn"
    content[1]["guardContent"]["text"]["text"] = "canary"
    assert runtime.converse(**call, **config(made))["stopReason"] == "guardrail_intervened"


def test_a_guardrail_that_is_not_there_is_refused(runtime: Any, make: Make) -> None:
    made = make()
    with pytest.raises(ClientError) as caught:
        runtime.converse(**asking("hello"), **config({**made, "version": "7"}))
    assert code(caught) == "ValidationException"


def apply(runtime: Any, made: dict[str, Any], text: str, **more: Any) -> Any:
    return runtime.apply_guardrail(
        guardrailIdentifier=made["guardrailArn"],
        guardrailVersion=made["version"],
        source="OUTPUT",
        content=[{"text": {"text": text}}],
        **more,
    )


def test_a_guardrail_can_be_applied_alone(make: Make, runtime: Any) -> None:
    made = make()
    masked = apply(runtime, made, f"to {MAIL}")
    assert (masked["action"], masked["outputs"]) == (
        "GUARDRAIL_INTERVENED",
        [{"text": "to {EMAIL}"}],
    )
    assert apply(runtime, made, "a canary")["outputs"] == [{"text": "Not that answer."}]
    fine = apply(runtime, made, "a parrot")
    assert (fine["action"], fine["outputs"]) == ("NONE", [])
    with pytest.raises(ClientError) as caught:
        apply(runtime, {**made, "version": "9"}, "x")
    assert code(caught) == "ResourceNotFoundException"


def test_applying_needs_its_own_permission(
    clients: Clients, make_role: Callable[..., str], make: Make
) -> None:
    made = make()
    invoke = allow("bedrock:InvokeModel")
    use = allow("bedrock:ApplyGuardrail", made["guardrailArn"])
    for statements, allowed in (((invoke, use), True), ((invoke,), False)):
        role = make_role(A, trust(ME), *statements)
        runtime = clients(clients.assume(A, role), "bedrock-runtime")
        assert runtime.converse(**asking("hello"))["stopReason"] == "end_turn"
        if allowed:
            assert runtime.converse(**asking("hello"), **config(made))
            continue
        with pytest.raises(ClientError, match="bedrock:ApplyGuardrail"):
            runtime.converse(**asking("hello"), **config(made))


def test_a_policy_can_require_a_guardrail(
    clients: Clients, make_role: Callable[..., str], make: Make
) -> None:
    made, other = make(), make()
    required = {"StringEquals": {"bedrock:GuardrailIdentifier": made["guardrailArn"]}}
    role = make_role(
        A,
        trust(ME),
        allow("bedrock:InvokeModel", Condition=required),
        allow("bedrock:ApplyGuardrail"),
    )
    runtime = clients(clients.assume(A, role), "bedrock-runtime")
    assert runtime.converse(**asking("hello"), **config(made))
    for more in ({}, config(other)):
        with pytest.raises(ClientError) as caught:
            runtime.converse(**asking("hello"), **more)
        assert code(caught) == "AccessDeniedException"


def share(made: dict[str, Any], *actions: str, to: str = B, resource: str = "") -> str:
    return document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{to}:root"},
            "Action": list(actions),
            "Resource": resource or made["guardrailArn"],
        }
    )


def test_another_account_uses_a_guardrail_by_its_policy(clients: Clients, make: Make) -> None:
    made, own, theirs = make(), clients(A, "bedrock"), clients(B, "bedrock-runtime")
    with pytest.raises(ClientError) as caught:
        apply(theirs, made, "a parrot")
    assert code(caught) == "AccessDeniedException"
    arn = made["guardrailArn"]
    own.put_resource_policy(resourceArn=arn, resourcePolicy=share(made, "bedrock:ApplyGuardrail"))
    assert apply(theirs, made, "a canary")["action"] == "GUARDRAIL_INTERVENED"
    answer = theirs.converse(**asking("the canary"), **config(made, "enabled"))
    assert answer["stopReason"] == "guardrail_intervened"
    (found,) = answer["trace"]["guardrail"]["inputAssessment"].values()
    assert found["appliedGuardrailDetails"]["guardrailOwnership"] == "CROSS_ACCOUNT"
    with pytest.raises(ClientError) as caught:
        clients(B, "bedrock").get_guardrail(guardrailIdentifier=arn)
    assert code(caught) == "AccessDeniedException"
    policy = share(made, "bedrock:ApplyGuardrail", "bedrock:GetGuardrail")
    own.put_resource_policy(resourceArn=arn, resourcePolicy=policy)
    assert own.get_resource_policy(resourceArn=arn)["resourcePolicy"] == policy
    read = clients(B, "bedrock").get_guardrail(guardrailIdentifier=arn)
    assert read["wordPolicy"]["words"] == [{"text": "canary"}]
    own.delete_resource_policy(resourceArn=arn)
    with pytest.raises(ClientError) as caught:
        apply(theirs, made, "a canary")
    assert code(caught) == "AccessDeniedException"


def test_a_guardrail_can_be_shared_with_an_organization(clients: Clients, make: Make) -> None:
    made = make()
    organization = clients(A, "organizations").describe_organization()["Organization"]["Id"]
    policy = document(
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "bedrock:ApplyGuardrail",
            "Resource": made["guardrailArn"],
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": organization}},
        }
    )
    clients(A, "bedrock").put_resource_policy(
        resourceArn=made["guardrailArn"], resourcePolicy=policy
    )
    assert apply(clients(B, "bedrock-runtime"), made, "a parrot")["action"] == "NONE"
    with pytest.raises(ClientError) as caught:
        apply(clients(LONER, "bedrock-runtime"), made, "a parrot")
    assert code(caught) == "AccessDeniedException"


def test_a_copy_of_the_cloud_keeps_its_guardrails_apart(clients: Clients, make: Make) -> None:
    made = make()
    copy = clients.cloud.fork()
    try:
        copied = Clients(copy)(A, "bedrock")
        copied.delete_guardrail(guardrailIdentifier=made["guardrailId"])
        with pytest.raises(ClientError):
            copied.get_guardrail(guardrailIdentifier=made["guardrailId"])
    finally:
        copy.stop()
    assert clients(A, "bedrock").get_guardrail(guardrailIdentifier=made["guardrailId"])


def test_policies_that_say_more_are_refused(clients: Clients, make: Make) -> None:
    made, own = make(), clients(A, "bedrock")
    arn = made["guardrailArn"]
    for bad in (
        share(made, "bedrock:*"),
        share(made, "bedrock:DeleteGuardrail"),
        share(made, "bedrock:ApplyGuardrail", resource="*"),
        "not json",
    ):
        with pytest.raises(ClientError) as caught:
            own.put_resource_policy(resourceArn=arn, resourcePolicy=bad)
        assert code(caught) == "ValidationException"
    good = share(made, "bedrock:ApplyGuardrail")
    assert own.put_resource_policy(resourceArn=arn, resourcePolicy=good)["resourceArn"] == arn
    with pytest.raises(ClientError) as caught:
        clients(B, "bedrock").put_resource_policy(resourceArn=arn, resourcePolicy=good)
    assert code(caught) == "AccessDeniedException"


@pytest.fixture
def enforced(clients: Clients, make: Make) -> Iterator[dict[str, Any]]:
    """A guardrail that account A enforces in its Region for the time of a test."""
    bedrock, made = clients(A, "bedrock"), make()
    version = bedrock.create_guardrail_version(guardrailIdentifier=made["guardrailId"])["version"]
    put = bedrock.put_enforced_guardrail_configuration(
        guardrailInferenceConfig={
            "guardrailIdentifier": made["guardrailId"],
            "guardrailVersion": version,
            "modelEnforcement": {"includedModels": [MODEL], "excludedModels": []},
        }
    )
    yield {**made, "version": version}
    bedrock.delete_enforced_guardrail_configuration(configId=put["configId"])
    assert bedrock.list_enforced_guardrails_configuration()["guardrailsConfig"] == []


def test_an_enforced_guardrail_binds_every_caller(
    clients: Clients, make_role: Callable[..., str], enforced: dict[str, Any], runtime: Any
) -> None:
    (listed,) = clients(A, "bedrock").list_enforced_guardrails_configuration()["guardrailsConfig"]
    assert listed["guardrailArn"] == enforced["guardrailArn"]
    assert runtime.converse(**asking("a canary"))["stopReason"] == "guardrail_intervened"
    assert runtime.converse(**asking("a parrot"))["stopReason"] == "end_turn"
    other = {**asking("a canary"), "modelId": "amazon.nova-micro-v1:0"}
    assert runtime.converse(**other)["stopReason"] == "end_turn"
    elsewhere = clients(A, "bedrock-runtime", "eu-west-1")
    assert elsewhere.converse(**asking("a canary"))["stopReason"] == "end_turn"
    role = make_role(A, trust(ME), allow("bedrock:InvokeModel"))
    with pytest.raises(ClientError, match="bedrock:ApplyGuardrail"):
        clients(clients.assume(A, role), "bedrock-runtime").converse(**asking("a parrot"))
    with pytest.raises(ClientError) as caught:
        clients(A, "bedrock").delete_guardrail(guardrailIdentifier=enforced["guardrailId"])
    assert code(caught) == "ResourceInUseException"


def test_a_named_and_an_enforced_guardrail_both_act(
    make: Make, enforced: dict[str, Any], runtime: Any
) -> None:
    del enforced
    word = {"wordPolicyConfig": {"wordsConfig": [{"text": "parrot"}]}}
    made = make(**word)
    for text, blocked in (("a canary", True), ("a parrot", True), ("an owl", False)):
        answer = runtime.converse(**asking(text), **config(made, "enabled"))
        assert (answer["stopReason"] == "guardrail_intervened") is blocked
        assert len(answer["trace"]["guardrail"]["inputAssessment"]) == 2


# -- tagged parts of InvokeModel's bodies ----------------------------------------------------

TAG = "amazon-bedrock-guardrails-guardContent_x1"


def invoked(runtime: Any, text: str, tagging: Any, **guard: Any) -> dict[str, Any]:
    body = {
        "messages": [{"role": "user", "content": [{"text": text}]}],
        "amazon-bedrock-guardrailConfig": tagging,
    }
    answer = runtime.invoke_model(modelId=MODEL, body=json.dumps(body), **guard)
    read: dict[str, Any] = json.loads(answer["body"].read())
    return read


def test_only_the_tagged_part_of_a_body_is_guarded(make: Make, runtime: Any) -> None:
    made = make()
    guard = {"guardrailIdentifier": made["guardrailId"], "guardrailVersion": made["version"]}
    action = "amazon-bedrock-guardrailAction"
    outside = f"Is a canary yellow? <{TAG}>Tell me.</{TAG}>"
    # The answer repeats the question, and all of an answer is guarded.
    assert (
        invoked(runtime, outside, {"tagSuffix": "x1"}, **guard)["output"]["message"]
        != (invoked(runtime, outside, {}, **guard)["output"]["message"])
    )
    inside = f"Tell me: <{TAG}>Is a canary yellow?</{TAG}>"
    blocked = invoked(runtime, inside, {"tagSuffix": "x1"}, **guard)
    assert blocked[action] == "INTERVENED"
    assert blocked["output"]["message"]["content"] == [{"text": "Not that question."}]
    harmless = invoked(runtime, f"<{TAG}>Hello</{TAG}>", {"tagSuffix": "x1"}, **guard)
    assert harmless[action] == "NONE"
    assert TAG not in json.dumps(harmless)


@pytest.mark.parametrize(
    "tagging",
    [{"tagSuffix": "no spaces"}, {"tagSuffix": 1}, {"streamProcessingMode": "async"}, {"x": 1}, []],
)
def test_a_faulty_guardrail_configuration_in_a_body_is_refused(
    tagging: Any, make: Make, runtime: Any
) -> None:
    made = make()
    guard = {"guardrailIdentifier": made["guardrailId"], "guardrailVersion": made["version"]}
    assert error_code(invoked, runtime, "Hello", tagging, **guard) == "ValidationException"
    good = {"tagSuffix": "x1", "streamProcessingMode": "ASYNCHRONOUS"}
    assert invoked(runtime, "Hello", good, **guard)
    # Without a guardrail there is nothing to configure.
    assert error_code(invoked, runtime, "Hello", good) == "ValidationException"


def test_a_body_may_ask_for_a_stream_that_is_not_held_back(make: Make, runtime: Any) -> None:
    made = make(wordPolicyConfig={"wordsConfig": [{"text": "canary", "inputEnabled": False}]})
    guard = {"guardrailIdentifier": made["guardrailId"], "guardrailVersion": made["version"]}

    def streamed(mode: str) -> str:
        body = {
            "messages": [{"role": "user", "content": [{"text": "Is a canary yellow?"}]}],
            "amazon-bedrock-guardrailConfig": {"streamProcessingMode": mode},
        }
        answer = runtime.invoke_model_with_response_stream(
            modelId=MODEL, body=json.dumps(body), **guard
        )
        chunks = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
        deltas = [c["contentBlockDelta"]["delta"] for c in chunks if "contentBlockDelta" in c]
        return "".join(delta["text"] for delta in deltas)

    assert streamed("SYNCHRONOUS") == "Not that answer."
    assert "canary" in streamed("ASYNCHRONOUS")
