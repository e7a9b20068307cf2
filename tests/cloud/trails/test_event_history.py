"""CloudTrail event history: who did what, seen by the account, without content and secrets."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, A, B, Clients, allow, document, trust

MODEL = "eu.amazon.nova-lite-v1:0"


def events(clients: Clients, account: str, key: str, value: str, region: str = REGION) -> list[Any]:
    trail = clients(account, "cloudtrail", region)
    found = trail.lookup_events(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}])
    return [json.loads(each["CloudTrailEvent"]) for each in found["Events"]]


def test_an_assumed_role_in_another_account_is_seen_in_both(
    clients: Clients, make_role: Callable[..., str], unique: Callable[[str], str]
) -> None:
    name = unique("session")
    role = make_role(
        B, trust({"AWS": f"arn:aws:iam::{A}:root"}, ["sts:AssumeRole", "sts:TagSession"])
    )
    answer = clients(A, "sts").assume_role(
        RoleArn=role,
        RoleSessionName=name,
        ExternalId="agreed-upon",
        Tags=[{"Key": "Team", "Value": "red"}],
        TransitiveTagKeys=["Team"],
    )
    (mine,) = events(clients, A, "ResourceName", role)
    (theirs,) = events(clients, B, "ResourceName", role)
    assert mine["eventName"] == theirs["eventName"] == "AssumeRole"
    assert mine["sharedEventID"] == theirs["sharedEventID"]
    assert mine["eventID"] != theirs["eventID"]
    assert mine["userIdentity"]["type"] == "IAMUser"
    assert mine["userIdentity"]["userName"] == "administrator"
    assert theirs["userIdentity"] == {
        "type": "AWSAccount",
        "principalId": mine["userIdentity"]["principalId"],
        "accountId": A,
    }
    for event in (mine, theirs):
        assert event["requestParameters"] == {
            "roleArn": role,
            "roleSessionName": name,
            "externalId": "agreed-upon",
            "tags": [{"key": "Team", "value": "red"}],
            "transitiveTagKeys": ["Team"],
        }
        assert event["responseElements"]["assumedRoleUser"]["arn"].endswith(name)
        for secret in ("SecretAccessKey", "SessionToken"):
            assert answer["Credentials"][secret] not in json.dumps(event)


def test_a_session_is_named_in_its_calls(
    clients: Clients, make_role: Callable[..., str], unique: Callable[[str], str]
) -> None:
    role = make_role(A, trust({"AWS": f"arn:aws:iam::{A}:root"}), allow("iam:ListRoles"))
    name = unique("session")
    session = clients.assume(A, role, RoleSessionName=name)
    clients(session, "iam").list_roles()
    (event,) = events(clients, A, "Username", name, "us-east-1")
    identity = event["userIdentity"]
    assert identity["type"] == "AssumedRole"
    assert identity["arn"].endswith(f"/{name}")
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == role
    assert event["readOnly"] is True
    assert event["responseElements"] is None
    assert event["sourceIPAddress"] == "127.0.0.1"
    assert "Botocore" in event["userAgent"]
    # IAM has one endpoint: its events are nowhere else.
    assert events(clients, A, "Username", name, "eu-west-1") == []


def test_a_refused_call_is_an_event_of_the_callers_account_alone(
    clients: Clients, make_role: Callable[..., str], unique: Callable[[str], str]
) -> None:
    role = make_role(B, trust({"AWS": f"arn:aws:iam::{B}:root"}))
    with pytest.raises(ClientError):
        clients.assume(A, role)
    (event,) = events(clients, A, "ResourceName", role)
    assert event["errorCode"] == "AccessDenied"
    assert "sts:AssumeRole" in event["errorMessage"]
    assert event["responseElements"] is None
    assert "sharedEventID" not in event
    assert events(clients, B, "ResourceName", role) == []


def test_looking_up_is_decided(clients: Clients, make_role: Callable[..., str]) -> None:
    trusting = trust({"AWS": f"arn:aws:iam::{A}:root"})
    allowed = clients.assume(A, make_role(A, trusting, allow("cloudtrail:LookupEvents")))
    refused = clients.assume(A, make_role(A, trusting, allow("cloudtrail:DescribeTrails")))
    assert clients(allowed, "cloudtrail").lookup_events()["Events"]
    with pytest.raises(ClientError, match="AccessDenied"):
        clients(refused, "cloudtrail").lookup_events()


def test_pages_are_newest_first_and_complete(
    clients: Clients, unique: Callable[[str], str]
) -> None:
    logs, name = clients(A, "logs"), unique("group")
    logs.create_log_group(logGroupName=name)
    for days in (1, 3, 5, 7, 14):
        logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    trail = clients(A, "cloudtrail")
    pages = trail.get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": name}],
        PaginationConfig={"PageSize": 2},
    )
    found = [[each["EventName"] for each in page["Events"]] for page in pages]
    assert [len(page) for page in found] == [2, 2, 2]
    assert found[-1] == ["PutRetentionPolicy", "CreateLogGroup"]
    with pytest.raises(ClientError, match="InvalidNextToken"):
        trail.lookup_events(NextToken="no such")
    with pytest.raises(ClientError, match="InvalidMaxResults"):
        trail.lookup_events(MaxResults=51)


def test_data_events_are_not_in_the_history(clients: Clients, unique: Callable[[str], str]) -> None:
    logs, s3, name = clients(A, "logs"), clients(A, "s3"), unique("data")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    logs.put_log_events(
        logGroupName=name, logStreamName="s", logEvents=[{"timestamp": 1, "message": "m"}]
    )
    logs.filter_log_events(logGroupName=name)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert {e["eventName"] for e in events(clients, A, "ResourceName", name)} == {
        "CreateLogGroup",
        "CreateLogStream",
        "CreateBucket",
    }


def test_secrets_of_other_services_are_hidden(
    clients: Clients, unique: Callable[[str], str]
) -> None:
    name, canary = unique("secret"), unique("canary")
    iam = clients(A, "iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    clients(A, "secretsmanager").create_secret(Name=name, SecretString=canary)
    kms = clients(A, "kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.encrypt(KeyId=key_id, Plaintext=canary.encode())
    seen = _everything(clients, A)
    assert key["AccessKeyId"] in seen  # the answer is there
    assert key["SecretAccessKey"] not in seen
    assert canary not in seen
    assert '"CreateSecret"' in seen
    assert '"Encrypt"' in seen


def _everything(clients: Clients, account: str) -> str:
    return "\n".join(
        each["CloudTrailEvent"]
        for region in (REGION, "us-east-1")
        for page in clients(account, "cloudtrail", region).get_paginator("lookup_events").paginate()
        for each in page["Events"]
    )


def _bedrock_calls(canary: str) -> list[tuple[str, dict[str, Any]]]:
    body = json.dumps(
        {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 9,
            "messages": [{"role": "user", "content": canary}],
        }
    )
    messages = [{"role": "user", "content": [{"text": canary}]}]
    spoken: dict[str, Any] = {
        "modelId": MODEL,
        "messages": messages,
        "system": [{"text": canary}],
        "requestMetadata": {"who": canary},
        "promptVariables": {"v": {"text": canary}},
        "additionalModelRequestFields": {"k": canary},
    }
    wrong = {**spoken, "messages": [{"role": "user", "content": [{"text": canary}]}] * 2}
    return [
        ("converse", spoken),
        ("converse", wrong),
        ("converse", {**spoken, "modelId": "amazon.no-such-model"}),
        ("converse_stream", spoken),
        ("invoke_model", {"modelId": MODEL, "body": body}),
        ("invoke_model_with_response_stream", {"modelId": MODEL, "body": body}),
        ("count_tokens", {"modelId": MODEL, "input": {"converse": {"messages": messages}}}),
        (
            "apply_guardrail",
            {
                "guardrailIdentifier": "g",
                "guardrailVersion": "1",
                "source": "INPUT",
                "content": [{"text": {"text": canary}}],
            },
        ),
        (
            "start_async_invoke",
            {
                "modelId": MODEL,
                "modelInput": {"prompt": canary},
                "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bucket"}},
            },
        ),
    ]


@pytest.mark.parametrize("allowed", [True, False])
def test_no_prompt_and_no_credential_of_any_bedrock_call_is_in_an_event(
    clients: Clients,
    make_role: Callable[..., str],
    unique: Callable[[str], str],
    allowed: bool,
) -> None:
    canary, name = f"canary{unique('')}text", unique("session")
    statements = [allow("bedrock:*")] if allowed else [allow("bedrock:ListFoundationModels")]
    role = make_role(A, trust({"AWS": f"arn:aws:iam::{A}:root"}), *statements)
    session = clients.assume(A, role, RoleSessionName=name)
    bedrock = clients(session, "bedrock-runtime")
    for operation, params in _bedrock_calls(canary):
        try:
            answer = getattr(bedrock, operation)(**params)
            for stream in (answer.get("stream"), answer.get("body")):
                assert stream is None or list(stream)
        except ClientError:
            pass
    seen = _everything(clients, A)
    credentials = session.get_credentials()
    assert canary not in seen
    assert credentials.secret_key not in seen
    assert credentials.token not in seen
    mine = [json.loads(line) for line in seen.splitlines() if f"/{name}" in line]
    by_session = [e for e in mine if e["userIdentity"].get("arn", "").endswith(name)]
    assert {e["eventName"] for e in by_session} == {
        "Converse",
        "ConverseStream",
        "CountTokens",
        "InvokeModel",
        "InvokeModelWithResponseStream",
    }
    assert all(set(e["requestParameters"]) == {"modelId"} for e in by_session)
    assert all(e["responseElements"] is None for e in by_session)
    assert all(e["eventSource"] == "bedrock.amazonaws.com" for e in by_session)
    refused = [e for e in by_session if e.get("errorCode") == "AccessDeniedException"]
    assert bool(refused) is not allowed


def test_the_region_that_inference_ran_in_is_told(
    clients: Clients, make_role: Callable[..., str], unique: Callable[[str], str]
) -> None:
    name = unique("session")
    role = make_role(A, trust({"AWS": f"arn:aws:iam::{A}:root"}), allow("bedrock:*"))
    bedrock = clients(clients.assume(A, role, RoleSessionName=name), "bedrock-runtime")
    for _ in range(24):
        bedrock.converse(modelId=MODEL, messages=[{"role": "user", "content": [{"text": "x"}]}])
    found = events(clients, A, "Username", name)
    regions = {e.get("additionalEventData", {}).get("inferenceRegion") for e in found}
    assert regions - {None}
    assert all(region is None or region.startswith("eu-") for region in regions)


def test_a_role_session_hands_on_its_tags(clients: Clients, make_role: Callable[..., str]) -> None:
    trusting = trust({"AWS": f"arn:aws:iam::{A}:root"}, ["sts:AssumeRole", "sts:TagSession"])
    first = make_role(A, trusting, allow(["sts:AssumeRole", "sts:TagSession"]))
    second = make_role(A, trusting)
    tags = [{"Key": "Team", "Value": "red"}]
    session = clients.assume(A, first, Tags=tags, TransitiveTagKeys=["Team"])
    clients.assume(session, second)
    (event,) = events(clients, A, "ResourceName", second)
    assert event["requestParameters"]["incomingTransitiveTags"] == {"Team": "red"}


def test_a_key_of_another_account_leaves_an_event_in_both(
    clients: Clients, make_role: Callable[..., str], unique: Callable[[str], str]
) -> None:
    name = unique("session")
    role = make_role(A, trust({"AWS": f"arn:aws:iam::{A}:root"}), allow("kms:*"))
    policy = document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": [A, B]},
            "Action": "kms:*",
            "Resource": "*",
        }
    )
    key = clients(B, "kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    session = clients.assume(A, role, RoleSessionName=name)
    clients(session, "kms").encrypt(KeyId=key, Plaintext=b"canary")
    (mine,) = events(clients, A, "Username", name)
    (theirs,) = events(clients, B, "ResourceName", key)
    assert mine["eventName"] == theirs["eventName"] == "Encrypt"
    assert mine["sharedEventID"] == theirs["sharedEventID"]
    assert theirs["userIdentity"]["accountId"] == A
    assert name not in json.dumps(theirs["userIdentity"].get("arn", ""))
    assert mine["requestParameters"]["plaintext"] == "HIDDEN_DUE_TO_SECURITY_REASONS"


def test_a_service_assumes_a_role_as_itself(
    clients: Clients, make_role: Callable[..., str], unique: Callable[[str], str]
) -> None:
    role = make_role(A, trust({"Service": "lambda.amazonaws.com"}))
    clients.assume(f"lambda.amazonaws.com@{A}", role, RoleSessionName=unique("app"))
    (event,) = events(clients, A, "ResourceName", role)
    assert event["userIdentity"] == {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}
    assert event["sourceIPAddress"] == "lambda.amazonaws.com"


@pytest.mark.parametrize(
    "attributes",
    [
        [{"AttributeKey": "EventName", "AttributeValue": "a"}] * 2,
        [{"AttributeKey": "NoSuch", "AttributeValue": "a"}],
    ],
)
def test_attributes_that_aws_does_not_take_are_refused(
    clients: Clients, attributes: list[dict[str, str]]
) -> None:
    with pytest.raises(ClientError, match="InvalidLookupAttributes"):
        clients(A, "cloudtrail").lookup_events(LookupAttributes=attributes)


def test_events_are_found_by_time_and_every_attribute(
    clients: Clients, unique: Callable[[str], str]
) -> None:
    name = unique("group")
    clients(A, "logs").create_log_group(logGroupName=name)
    trail = clients(A, "cloudtrail")

    def found(**rest: Any) -> list[Any]:
        pages = trail.get_paginator("lookup_events").paginate(**rest)
        return [each for page in pages for each in page["Events"]]

    by_name = [{"AttributeKey": "ResourceName", "AttributeValue": name}]
    (event,) = found(LookupAttributes=by_name)
    assert event["ReadOnly"] == "false"
    assert event["Resources"] == [{"ResourceType": "AWS::Logs::LogGroup", "ResourceName": name}]
    moment = event["EventTime"]
    assert found(LookupAttributes=by_name, StartTime=moment, EndTime=moment) == [event]
    later = moment + timedelta(seconds=5)
    assert found(LookupAttributes=by_name, StartTime=later) == []
    assert found(LookupAttributes=by_name, EndTime=moment - timedelta(seconds=5)) == []
    with pytest.raises(ClientError, match="InvalidTimeRange"):
        found(StartTime=later, EndTime=moment)
    for key, value in {
        "EventId": event["EventId"],
        "EventName": "CreateLogGroup",
        "ReadOnly": "false",
        "Username": "administrator",
        "ResourceType": "AWS::Logs::LogGroup",
        "EventSource": "logs.amazonaws.com",
        "AccessKeyId": event["AccessKeyId"],
    }.items():
        attribute = [{"AttributeKey": key, "AttributeValue": value}]
        assert event in found(LookupAttributes=attribute), key
        wrong = [{"AttributeKey": key, "AttributeValue": "true" if key == "ReadOnly" else "none"}]
        assert event not in found(LookupAttributes=wrong), key
