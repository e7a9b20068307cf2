"""Data protection: what comes in afterwards leaves masked, unless the reader may unmask it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from support.cloud import OUTSIDER, A, Clients, allow, trust

from harness.cloud.observability.data_identifiers import _MANAGED, managed, masked

_AWS = "arn:aws:dataprotection::aws:data-identifier/"
SECRET = "write to ann@example.com about EmployeeId-123456789"
HIDDEN = "write to *************** about ********************"


def policy(*identifiers: str, **changed: Any) -> str:
    named = list(identifiers or (f"{_AWS}EmailAddress", "EmployeeId"))
    return json.dumps(
        {
            "Name": "mask",
            "Version": "2021-06-01",
            "Configuration": {
                "CustomDataIdentifier": [{"Name": "EmployeeId", "Regex": r"EmployeeId-\d{9}"}]
            },
            "Statement": [
                {"DataIdentifier": named, "Operation": {"Audit": {"FindingsDestination": {}}}},
                {"DataIdentifier": named, "Operation": {"Deidentify": {"MaskConfig": {}}}},
            ],
            **changed,
        }
    )


def protect(group: Any, document: str) -> None:
    group.logs.put_data_protection_policy(logGroupIdentifier=group.name, policyDocument=document)


@pytest.mark.parametrize(
    ("partition", "known"), [("aws", True), ("aws-us-gov", True), ("aws-cn", False)]
)
def test_identifiers_are_of_the_partition(partition: str, known: bool) -> None:
    finder = managed(_AWS.replace("arn:aws:", f"arn:{partition}:") + "EmailAddress")
    assert (finder is not None) is known


def test_only_what_comes_in_later_is_masked_and_can_be_unmasked(group: Any) -> None:
    source = group(A)
    source.put(SECRET)
    protect(source, policy())
    source.put(SECRET)
    assert source.read() == [SECRET, HIDDEN]
    assert source.read(unmask=True) == [SECRET, SECRET]
    filtered = source.logs.filter_log_events
    texts = [e["message"] for e in filtered(logGroupName=source.name)["events"]]
    assert texts == [SECRET, HIDDEN]
    assert len(filtered(logGroupName=source.name, filterPattern="ann")["events"]) == 1
    found = filtered(logGroupName=source.name, filterPattern="ann", unmask=True)["events"]
    assert [e["message"] for e in found] == [SECRET, SECRET]
    source.logs.delete_data_protection_policy(logGroupIdentifier=source.name)
    assert source.read() == [SECRET, HIDDEN]
    source.put(SECRET)
    assert source.read()[2] == SECRET


def test_unmasking_needs_a_permission_of_its_own(
    group: Any, clients: Clients, make_role: Callable[..., str]
) -> None:
    source = group(A)
    protect(source, policy())
    source.put(SECRET)
    reads = allow("logs:GetLogEvents", f"{source.arn}:*")
    unmasks = allow("logs:Unmask", f"{source.arn}:*")
    reader = clients(clients.assume(A, make_role(A, trust({"AWS": A}), reads)), "logs")
    auditor = clients(clients.assume(A, make_role(A, trust({"AWS": A}), reads, unmasks)), "logs")
    assert source.read(reader) == [HIDDEN]
    with pytest.raises(ClientError, match="logs:Unmask"):
        source.read(reader, unmask=True)
    assert source.read(auditor, unmask=True) == [SECRET]


@pytest.mark.parametrize("by", ["logGroupNames", "logGroupIdentifiers"])
def test_queries_show_what_may_be_seen(by: str, group: Any) -> None:
    source = group(A)
    protect(source, policy())
    source.put(SECRET)

    def asked(query: str) -> dict[str, str]:
        now = int(time.time())
        name = source.name if by == "logGroupNames" else source.arn
        started = source.logs.start_query(
            **{by: [name]}, startTime=now - 60, endTime=now + 60, queryString=query
        )
        (row,) = source.logs.get_query_results(queryId=started["queryId"])["results"]
        return {cell["field"]: cell["value"] for cell in row if cell["field"] != "@ptr"}

    assert asked("fields @message") == {"@message": HIDDEN}
    shown = {"unmask(@message)": SECRET}
    assert asked("fields unmask(@message)") == shown
    assert asked("fields @timestamp, @message | display unmask( @message )") == shown
    # A field is unmasked, not the query.
    assert asked("fields @message, unmask(@message)") == {"@message": HIDDEN, **shown}
    assert asked("fields unmask(@message) as was | sort @timestamp desc") == {"was": SECRET}


def test_subscriptions_send_masked_events(group: Any, stream: Any) -> None:
    source, target = group(A), stream(A)
    protect(source, policy())
    source.logs.put_subscription_filter(
        logGroupName=source.name,
        filterName="out",
        filterPattern="",
        destinationArn=target.arn,
        roleArn=target.role,
    )
    source.put(SECRET)
    assert target.texts() == [HIDDEN]


def test_a_policy_of_the_account_masks_in_every_group(group: Any, clients: Clients) -> None:
    logs, source = clients(OUTSIDER, "logs"), group(OUTSIDER)
    kind = "DATA_PROTECTION_POLICY"
    logs.put_account_policy(
        policyName="all", policyType=kind, policyDocument=policy(f"{_AWS}EmailAddress")
    )
    source.put(SECRET)
    assert source.read() == [SECRET.replace("ann@example.com", "*" * 15)]
    (told,) = logs.describe_log_groups(logGroupNamePrefix=source.name)["logGroups"]
    assert told["inheritedProperties"] == ["ACCOUNT_DATA_PROTECTION"]
    logs.delete_account_policy(policyName="all", policyType=kind)
    source.put(SECRET)
    assert source.read()[1] == SECRET


def test_the_policy_and_its_status_are_told(group: Any) -> None:
    source = group(A)

    def status() -> str | None:
        (found,) = source.logs.describe_log_groups(logGroupNamePrefix=source.name)["logGroups"]
        return found.get("dataProtectionStatus")

    def document() -> str | None:
        answer = source.logs.get_data_protection_policy(logGroupIdentifier=source.name)
        return answer.get("policyDocument")

    assert (status(), document()) == (None, None)
    protect(source, policy())
    assert (status(), document()) == ("ACTIVATED", policy())
    source.logs.delete_data_protection_policy(logGroupIdentifier=source.name)
    assert (status(), document()) == ("DELETED", None)


_AUDIT = {"DataIdentifier": [f"{_AWS}EmailAddress"], "Operation": {"Audit": {}}}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "Version"),
        (policy(Version="2012-10-17"), "Version"),
        (policy(Statement=[]), "one Audit and one Deidentify"),
        (policy(Statement=[{"DataIdentifier": []}]), "DataIdentifier and Operation"),
        (policy(Statement=[_AUDIT]), "FindingsDestination"),
        (policy(f"{_AWS}Name"), "does not provide the data identifier"),
        (policy("Unknown"), "does not provide the data identifier"),
        (
            policy(Configuration={"CustomDataIdentifier": [{"Name": "EmployeeId", "Regex": "("}]}),
            "valid Regex",
        ),
    ],
)
def test_a_faulty_policy_is_refused(document: str, message: str, group: Any) -> None:
    source = group(A)
    with pytest.raises(ClientError, match=message):
        protect(source, document)
    answer = source.logs.get_data_protection_policy(logGroupIdentifier=source.name)
    assert "policyDocument" not in answer


@pytest.mark.parametrize(
    ("identifier", "found", "left"),
    [
        ("EmailAddress", "a.b+c@mail.example.org", "a.b at example.org"),
        ("IpAddress", "192.0.2.17", "1.2.3.4.5"),
        ("Ssn-US", "219-09-9999", "000-12-3456"),
        ("CreditCardNumber", "4111 1111 1111 1111", "4111 1111 1111 1112"),
        ("PhoneNumber-US", "(206) 555-0100", "206555"),
        ("AwsSecretKey", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "EXAMPLEKEY"),
        (
            "PkcsPrivateKey",
            "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
            "PRIVATE KEY",
        ),
        (
            "OpenSshPrivateKey",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nabc",
            "BEGIN OPENSSH PRIVATE KEY",
        ),
        ("PgpPrivateKey", "-----BEGIN PGP PRIVATE KEY BLOCK-----x", "PGP"),
    ],
)
def test_identifiers_find_what_they_are_for(identifier: str, found: str, left: str) -> None:
    finder = managed(f"{_AWS}{identifier}")
    assert finder is not None
    assert masked(f"see {found}", (finder,)) == "see " + "*" * len(found)
    assert masked(f"see {left}", (finder,)) == f"see {left}"


@pytest.mark.parametrize("word", ["y", "a.", "a@", "1-"])
def test_an_event_that_is_one_word_is_masked_soon(word: str) -> None:
    """As encoded prompts are; while a pattern looks, the cloud answers nobody."""
    text = word * (100_000 // len(word))
    finders = tuple(filter(None, (managed(f"{_AWS}{name}") for name in _MANAGED)))
    assert len(finders) == len(_MANAGED)
    began = time.thread_time()
    masked(text, finders)
    assert time.thread_time() - began < 5


@given(st.text())
def test_masking_keeps_the_length_and_what_is_not_masked(text: str) -> None:
    finders = tuple(
        finder
        for name in ("EmailAddress", "IpAddress", "CreditCardNumber", "Ssn-US")
        if (finder := managed(f"{_AWS}{name}"))
    )
    hidden = masked(text, finders)
    assert len(hidden) == len(text)
    assert all(new in (old, "*") for new, old in zip(hidden, text, strict=True))
