"""What guardrails find, and what they make of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cloud.bedrock.assess import PII, assess, refuse_unplayable
from harness.cloud.call import ApiError


def sensitive(action="ANONYMIZE", *types, **more):
    entities = [{"type": kind, "action": action, **more} for kind in types or PII]
    return {"sensitiveInformationPolicyConfig": {"piiEntitiesConfig": entities}}


WORDS = {"wordPolicyConfig": {"wordsConfig": [{"text": "merger plan"}, {"text": "ox"}]}}
TOPICS = {
    "topicPolicyConfig": {
        "topicsConfig": [
            {"name": "Taxes", "definition": "Tax advice", "examples": ["lower my taxes"]},
            {"name": "Weather", "definition": "Weather"},
        ]
    }
}


@pytest.mark.parametrize(
    ("kind", "found", "left"),
    [
        ("EMAIL", "jo.doe+x@mail.example.com", "jo.doe@"),
        ("PHONE", "+49 30 1234 5678", "1234"),
        ("PHONE", "(030) 555-0199", "2026-11-24T10"),
        ("CREDIT_DEBIT_CARD_NUMBER", "4111 1111 1111 1111", "4111 1111 1111"),
        ("CREDIT_DEBIT_CARD_NUMBER", "4111111111111111", "41111111111111112"),
        ("US_SOCIAL_SECURITY_NUMBER", "078-05-1120", "078-05-11201"),
        ("AWS_ACCESS_KEY", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7"),
        ("IP_ADDRESS", "192.0.2.7", "192.0.2"),
        ("MAC_ADDRESS", "00:1b:63:84:45:e6", "00:1b:63:84:45"),
        ("URL", "https://example.com/a?b=c", "example.com"),
    ],
)
def test_personal_information_is_replaced(kind, found, left):
    assessment = assess(sensitive("ANONYMIZE", kind), "INPUT", [f"it is {found} now", left])
    assert assessment.texts == (f"it is {{{kind}}} now", left)
    assert (assessment.anonymized, assessment.blocked) == (True, False)
    (entity,) = assessment.members()["sensitiveInformationPolicy"]["piiEntities"]
    assert entity == {"match": found, "type": kind, "action": "ANONYMIZED", "detected": True}


def test_a_card_number_is_no_phone_number():
    assessment = assess(sensitive(), "INPUT", ["4111 1111 1111 1111"])
    assert assessment.texts == ("{CREDIT_DEBIT_CARD_NUMBER}",)


def test_what_is_blocked_is_told_and_stays():
    assessment = assess(sensitive("BLOCK", "EMAIL"), "OUTPUT", ["a@b.example"])
    assert (assessment.blocked, assessment.texts) == (True, ("a@b.example",))


def test_actions_differ_by_side():
    config = sensitive("BLOCK", "EMAIL", inputAction="NONE", outputEnabled=False)
    asked = assess(config, "INPUT", ["a@b.example"])
    assert not asked.intervened
    (entity,) = asked.members()["sensitiveInformationPolicy"]["piiEntities"]
    assert (entity["action"], entity["detected"]) == ("NONE", True)
    answered = assess(config, "OUTPUT", ["a@b.example"])
    assert not answered.findings
    assert assess(sensitive("BLOCK", "EMAIL"), "OUTPUT", ["a@b.example"]).blocked


def test_own_expressions():
    regex = {"name": "project", "pattern": r"P-\d+", "action": "ANONYMIZE"}
    config = {"sensitiveInformationPolicyConfig": {"regexesConfig": [regex]}}
    assessment = assess(config, "INPUT", ["see P-12 and P-x"])
    assert assessment.texts == ("see {project} and P-x",)
    (found,) = assessment.members()["sensitiveInformationPolicy"]["regexes"]
    assert (found["match"], found["regex"]) == ("P-12", r"P-\d+")


@pytest.mark.parametrize(
    ("text", "blocked"),
    [("the Merger  PLAN is", True), ("an ox", True), ("a box", False), ("merger of plans", False)],
)
def test_words_are_whole(text, blocked):
    assert assess(WORDS, "INPUT", [text]).blocked is blocked


@pytest.mark.parametrize(
    ("text", "topics"),
    [
        ("How do I lower my taxes?", ["Taxes"]),
        ("Nice weather, lower my taxes", ["Taxes", "Weather"]),
        ("Taxes are high", []),
    ],
)
def test_topics_are_known_by_their_examples(text, topics):
    assessment = assess(TOPICS, "INPUT", [text])
    assert [finding.described["name"] for finding in assessment.findings] == topics
    told = assessment.members(full=True)["topicPolicy"]["topics"]
    assert {one["name"]: one["detected"] for one in told} == {
        "Taxes": "Taxes" in topics,
        "Weather": "Weather" in topics,
    }


def test_usage_counts_what_the_guardrail_has():
    usage = assess({**WORDS, **sensitive()}, "INPUT", ["x" * 1001]).usage
    assert (usage["wordPolicyUnits"], usage["sensitiveInformationPolicyUnits"]) == (2, 2)
    assert usage["topicPolicyUnits"] == 0


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"contentPolicyConfig": {"filtersConfig": [{"type": "HATE"}]}, **WORDS},
        sensitive("BLOCK", "NAME"),
        {"wordPolicyConfig": {"managedWordListsConfig": [{"type": "PROFANITY"}]}},
        {"sensitiveInformationPolicyConfig": {"regexesConfig": [{"name": "a", "pattern": "("}]}},
    ],
)
def test_what_cannot_be_played_is_refused(config):
    refuse_unplayable({**WORDS, **TOPICS, **sensitive()})
    with pytest.raises(ApiError, match="ValidationException"):
        refuse_unplayable(config)


@given(st.lists(st.text()))
def test_any_text_can_be_assessed(texts):
    config = {**WORDS, **TOPICS, **sensitive()}
    first = assess(config, "INPUT", texts)
    assert len(first.texts) == len(texts)
    again = assess(config, "INPUT", first.texts)
    assert again.texts == first.texts
    assert first.anonymized == (first.texts != tuple(texts))
