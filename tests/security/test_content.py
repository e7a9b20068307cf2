"""The group for prompts and answers: written by the application, masked, and read by few.

Where the client is not told to write content there is no such group, and nothing to probe.
"""

from __future__ import annotations

import json

import pytest

from harness.probes.cast import Cast
from harness.probes.records import changes, names_of, reads, strangers, write
from harness.probes.result import Recorder, Subject
from harness.probes.stage import Group, Home

PROBED = (
    *("FilterLogEvents", "GetLogEvents", "StartQuery"),
    *("DeleteLogStream", "PutDataProtectionPolicy", "PutRetentionPolicy"),
)


@pytest.fixture
def home(cast: Cast, with_content: str) -> Home:
    return cast.stage.homes[with_content]


@pytest.fixture
def content(home: Home) -> Group:
    assert home.content is not None, f"{home} has no group for content"
    return home.content


@pytest.mark.changing("tries changes in logs")
def test_caller_writes_content_and_no_more(
    probe: Recorder, cast: Cast, home: Home, content: Group
) -> None:
    caller, stream = cast.caller(home.account), cast.helper_name("content")

    def put() -> None:
        write(cast, caller, home, content, stream, "{}", new=False)

    probe.allowed(
        Subject(
            "caller-writes",
            ("L02", "K04"),
            "a caller role can write content to its own group",
            caller,
            "logs:PutLogEvents",
            content.name,
            names_of(content),
        ),
        lambda: write(cast, caller, home, content, stream, "{}"),
    )
    kms = cast.client(caller, "kms", home.region)
    # The others are denied by the same statement, and judged among the effective rights.
    calls = {**reads(cast, caller, home, content, stream), **changes(cast, caller, home, content)}
    for operation in PROBED:
        call = calls[operation]
        probe.denied(
            Subject(
                "caller-content",
                ("L21",) if operation in ("FilterLogEvents", "GetLogEvents") else ("L20", "L21"),
                "a caller role can neither read, change nor send on content",
                caller,
                f"logs:{operation}",
                content.name,
                names_of(content, stream, cast.helper_name("none")),
            ),
            call,
            twin=put,
        )
    probe.denied(
        Subject(
            "caller-content",
            ("K07",),
            "a caller role cannot decrypt with the key of content",
            caller,
            "kms:Decrypt",
            f"key of {content.name}",
            (content.key_arn,),
        ),
        lambda: kms.decrypt(KeyId=content.key_arn, CiphertextBlob=b"probe"),
        twin=put,
    )


@pytest.mark.changing("makes helper roles")
def test_nobody_outside_reads_content(
    probe: Recorder, cast: Cast, home: Home, content: Group
) -> None:
    for actor in strangers(cast, home.account):
        logs = cast.client(actor, "logs", home.region)
        probe.denied(
            Subject(
                "foreign-records",
                ("L21", "L23", "O01"),
                "nobody outside of a customer's account can read its content",
                actor,
                "logs:FilterLogEvents",
                content.name,
                names_of(content),
            ),
            lambda logs=logs: logs.filter_log_events(logGroupIdentifier=content.arn),  # type: ignore[misc]
            twin=lambda actor=actor: cast.assume_control(actor),  # type: ignore[misc]
        )


def test_groups_are_masked(probe: Recorder, cast: Cast, home: Home) -> None:
    """Records too, should anything ever slip into one; findings go to no other place."""
    reader = cast.administrator(home.account)
    logs = cast.client(reader, "logs", home.region)
    for group in home.groups:
        answer = logs.get_data_protection_policy(logGroupIdentifier=group.name)
        statements = json.loads(answer.get("policyDocument") or '{"Statement": []}')["Statement"]
        operations = [statement["Operation"] for statement in statements]
        masks = [o for o in operations if "Deidentify" in o]
        findings = [o["Audit"]["FindingsDestination"] for o in operations if "Audit" in o]
        probe.state(
            Subject(
                "data-protection",
                ("L16",),
                "every log group of Bulkhead masks what it knows, and reports it to nobody",
                reader,
                "logs:GetDataProtectionPolicy",
                group.name,
                (group.arn,),
            ),
            expected="masked",
            observed="masked" if masks else "not masked",
            holds=bool(masks) and not any(findings),
            why=f"{len(masks)} statements mask, {sum(map(bool, findings))} send findings",
        )
