"""Subscription filters: what they send where, and who may make them send."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import LONER, OUTSIDER, REGION, A, B, Clients, allow, error_code, trust_service


def subscribe(group: Any, target: str, role: str = "", pattern: str = "") -> None:
    group.logs.put_subscription_filter(
        logGroupName=group.name,
        filterName="out",
        filterPattern=pattern,
        destinationArn=target,
        **({"roleArn": role} if role else {}),
    )


@pytest.fixture
def destination(
    clients: Clients, unique: Callable[[str], str]
) -> Callable[[str, Any, dict[str, Any] | None], str]:
    """Makes a destination for a stream, with a policy; gives its ARN."""

    def make(account: str, stream: Any, policy: dict[str, Any] | None) -> str:
        logs, name = clients(account, "logs"), unique("destination")
        arn = logs.put_destination(destinationName=name, targetArn=stream.arn, roleArn=stream.role)[
            "destination"
        ]["arn"]
        if policy is not None:
            logs.put_destination_policy(
                destinationName=name, accessPolicy=json.dumps(policy).replace("THIS", arn)
            )
        return str(arn)

    return make


def letting_in(
    principal: Any, action: Any = "logs:PutSubscriptionFilter", **condition: Any
) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": action,
        "Resource": "THIS",
        **({"Condition": condition} if condition else {}),
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def test_matching_events_reach_a_stream_of_the_account(group: Any, stream: Any) -> None:
    source, target = group(A), stream(A)
    subscribe(source, target.arn, target.role, "leak")
    assert len(target.received("CONTROL_MESSAGE")) == 1
    source.put("a leak", "nothing", "another leak")
    (message,) = target.received()
    assert (message["owner"], message["logGroup"]) == (A, source.name)
    assert message["subscriptionFilters"] == ["out"]
    assert target.texts() == ["a leak", "another leak"]
    (found,) = source.logs.describe_subscription_filters(logGroupName=source.name)[
        "subscriptionFilters"
    ]
    assert (found["destinationArn"], found["filterPattern"]) == (target.arn, "leak")
    source.logs.delete_subscription_filter(logGroupName=source.name, filterName="out")
    source.put("a later leak")
    assert len(target.texts()) == 2


def test_what_the_role_may_no_longer_write_does_not_arrive(
    group: Any, stream: Any, clients: Clients
) -> None:
    source, target = group(A), stream(A)
    subscribe(source, target.arn, target.role)
    name = target.role.rsplit("/", 1)[1]
    clients(A, "iam").delete_role_policy(RoleName=name, PolicyName="inline")
    source.put("lost")
    assert target.texts() == []


@pytest.mark.parametrize("fault", ["no role", "untrusting", "powerless", "foreign"])
def test_a_filter_that_could_not_deliver_is_refused(
    fault: str, group: Any, stream: Any, make_role: Callable[..., str]
) -> None:
    source, target = group(A), stream(B if fault == "foreign" else A)
    role = {
        "no role": lambda: "",
        "untrusting": lambda: make_role(
            A, trust_service("ec2.amazonaws.com"), allow("kinesis:PutRecord", target.arn)
        ),
        "powerless": lambda: make_role(A, trust_service("logs.amazonaws.com")),
        "foreign": lambda: make_role(
            A, trust_service("logs.amazonaws.com"), allow("kinesis:PutRecord", target.arn)
        ),
    }[fault]()
    assert error_code(subscribe, source, target.arn, role) == "InvalidParameterException"
    assert target.received("CONTROL_MESSAGE") == []


def test_the_trust_policy_may_name_the_region_and_the_group(
    group: Any, stream: Any, make_role: Callable[..., str]
) -> None:
    source, target = group(A), stream(A)

    def role(source_arn: str) -> str:
        condition = {"ArnLike": {"aws:SourceArn": source_arn}}
        return make_role(
            A,
            trust_service(f"logs.{REGION}.amazonaws.com", condition),
            allow("kinesis:PutRecord", target.arn),
        )

    other = f"arn:aws:logs:{REGION}:{A}:log-group:other"
    assert error_code(subscribe, source, target.arn, role(other)) == "InvalidParameterException"
    subscribe(source, target.arn, role(source.arn))


@pytest.mark.parametrize("who", ["the account", "the organization", "everybody"])
def test_a_destination_takes_events_of_another_account(
    who: str, group: Any, stream: Any, destination: Any, clients: Clients
) -> None:
    source, target = group(A), stream(B)
    organization = clients(A, "organizations").describe_organization()["Organization"]["Id"]
    policy = {
        "the account": letting_in({"AWS": A}),
        "the organization": letting_in("*", StringEquals={"aws:PrincipalOrgID": organization}),
        "everybody": letting_in("*"),
    }[who]
    subscribe(source, destination(B, target, policy))
    source.put("content")
    (message,) = target.received()
    assert (message["owner"], target.texts()) == (A, ["content"])


def test_a_destination_refuses_whom_its_policy_does_not_name(
    group: Any, stream: Any, destination: Any
) -> None:
    target = stream(B)
    named = destination(B, target, letting_in({"AWS": A}))
    silent = destination(B, target, None)
    for account, arn in ((OUTSIDER, named), (LONER, named), (A, silent)):
        assert error_code(subscribe, group(account), arn) == "AccessDeniedException"


def test_a_destination_whose_policy_is_withdrawn_takes_no_more(
    group: Any, stream: Any, destination: Any, clients: Clients
) -> None:
    source, target = group(A), stream(B)
    arn = destination(B, target, letting_in({"AWS": A}))
    subscribe(source, arn)
    source.put("before")
    nobody = json.dumps(letting_in({"AWS": LONER})).replace("THIS", arn)
    clients(B, "logs").put_destination_policy(
        destinationName=arn.rsplit(":", 1)[1], accessPolicy=nobody
    )
    source.put("after")
    assert target.texts() == ["before"]


def test_a_destination_needs_a_role_that_can_write(
    stream: Any, clients: Clients, make_role: Callable[..., str]
) -> None:
    target = stream(B)
    powerless = make_role(B, trust_service("logs.amazonaws.com"))
    with pytest.raises(ClientError, match="InvalidParameterException"):
        clients(B, "logs").put_destination(
            destinationName="powerless", targetArn=target.arn, roleArn=powerless
        )


def test_a_delivery_stream_writes_events_to_its_bucket(
    group: Any, clients: Clients, unique: Callable[[str], str], make_role: Callable[..., str]
) -> None:
    bucket, name, source = unique("subscribed"), unique("delivery"), group(A)
    s3 = clients(A, "s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    writer = make_role(A, trust_service("firehose.amazonaws.com"))
    arn = clients(A, "firehose").create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration={
            "RoleARN": writer,
            "BucketARN": f"arn:aws:s3:::{bucket}",
        },
    )["DeliveryStreamARN"]
    role = make_role(A, trust_service("logs.amazonaws.com"), allow("firehose:PutRecord", arn))
    subscribe(source, arn, role)
    source.put("to a bucket")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    bodies = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]
    assert any(b"to a bucket" in _unpacked(body) for body in bodies)


def _unpacked(body: bytes) -> bytes:
    return gzip.decompress(body)


def test_a_group_has_two_filters_at_most(group: Any, stream: Any) -> None:
    source, target = group(A), stream(A)

    def put(name: str) -> None:
        source.logs.put_subscription_filter(
            logGroupName=source.name,
            filterName=name,
            filterPattern="",
            destinationArn=target.arn,
            roleArn=target.role,
        )

    put("one")
    put("two")
    put("one")  # an update
    assert error_code(put, "three") == "LimitExceededException"


def test_functions_are_refused_in_words(group: Any) -> None:
    source = group(A)
    arn = f"arn:aws:lambda:{REGION}:{A}:function:reader"
    with pytest.raises(ClientError, match="does not run functions"):
        subscribe(source, arn)
    with pytest.raises(ClientError, match="not a destination"):
        subscribe(source, source.arn)


# -- for all groups of an account -------------------------------------------------------

FOR_ACCOUNTS = ["logs:PutSubscriptionFilter", "logs:PutAccountPolicy"]


def account_policy(logs: Any, document: dict[str, Any], **kwargs: Any) -> None:
    logs.put_account_policy(
        policyName="all",
        policyType="SUBSCRIPTION_FILTER_POLICY",
        policyDocument=json.dumps(document),
        scope="ALL",
        **kwargs,
    )


def test_a_policy_of_the_account_subscribes_every_group(
    group: Any, stream: Any, destination: Any, clients: Clients
) -> None:
    before, spared, target = group(LONER), group(LONER), stream(B)
    arn = destination(B, target, letting_in({"AWS": LONER}, FOR_ACCOUNTS))
    logs = clients(LONER, "logs")
    account_policy(
        logs,
        {"DestinationArn": arn, "FilterPattern": "-noise"},
        selectionCriteria=f'LogGroupName NOT IN ["{spared.name}"]',
    )
    after = group(LONER)
    for each in (before, spared, after):
        each.put(f"from {each.name}", "noise")
    assert target.texts() == [f"from {before.name}", f"from {after.name}"]
    shown = before.logs.describe_subscription_filters(logGroupName=before.name)
    assert shown["subscriptionFilters"] == []  # the group does not tell
    (told,) = logs.describe_account_policies(policyType="SUBSCRIPTION_FILTER_POLICY")[
        "accountPolicies"
    ]
    assert (told["policyName"], told["accountId"]) == ("all", LONER)
    logs.delete_account_policy(policyName="all", policyType="SUBSCRIPTION_FILTER_POLICY")
    before.put("late")
    assert "late" not in target.texts()


@pytest.mark.parametrize("action", FOR_ACCOUNTS)
def test_a_destination_must_take_policies_of_accounts(
    action: str, stream: Any, destination: Any, clients: Clients
) -> None:
    """Its policy for one group's subscription is not enough; the twin is the test before."""
    logs = clients(LONER, "logs")
    arn = destination(B, stream(B), letting_in({"AWS": LONER}, action))
    asked = {"DestinationArn": arn, "FilterPattern": ""}
    assert error_code(account_policy, logs, asked) == "AccessDeniedException"
    found = logs.describe_account_policies(policyType="SUBSCRIPTION_FILTER_POLICY")
    assert found["accountPolicies"] == []


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"DestinationArn": f"arn:aws:logs:{REGION}:{B}:destination:none"},
        {"DestinationArn": "stream", "FilterPattern": "["},
    ],
)
def test_an_account_policy_that_cannot_deliver_is_refused(
    document: dict[str, Any], clients: Clients
) -> None:
    logs = clients(A, "logs")
    assert error_code(account_policy, logs, document) in (
        "InvalidParameterException",
        "AccessDeniedException",
    )
    found = logs.describe_account_policies(policyType="SUBSCRIPTION_FILTER_POLICY")
    assert found["accountPolicies"] == []


def test_kinds_of_account_policies_that_are_not_played_are_refused(clients: Clients) -> None:
    with pytest.raises(ClientError, match="does not provide policies of the type"):
        clients(A, "logs").put_account_policy(
            policyName="all", policyType="TRANSFORMER_POLICY", policyDocument="[]", scope="ALL"
        )
