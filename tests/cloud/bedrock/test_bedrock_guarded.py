"""Guardrails and the invocation log: what the caller may not see is written all the same."""

from __future__ import annotations

MAIL = "jo@secret.example"


def test_the_invocation_log_holds_what_a_guardrail_took_away(play, role, ask):
    role.groups.add("/bedrock")
    logged = {"logGroupName": "/bedrock", "roleArn": "arn:aws:iam::111111111111:role/logs"}
    play("PutModelInvocationLoggingConfiguration", loggingConfig={"cloudWatchConfig": logged})
    made = play(
        "CreateGuardrail",
        name="wall",
        blockedInputMessaging="no",
        blockedOutputsMessaging="no",
        sensitiveInformationPolicyConfig={
            "piiEntitiesConfig": [{"type": "EMAIL", "action": "ANONYMIZE"}]
        },
    )
    config = {"guardrailIdentifier": made["guardrailId"], "guardrailVersion": "DRAFT"}
    answer = play("Converse", **ask(f"write to {MAIL}"), guardrailConfig=config)
    assert MAIL not in str(answer)
    (record,) = role.records
    assert MAIL in str(record["input"]["inputBodyJson"]["messages"])
    assert MAIL not in str(record["output"])
