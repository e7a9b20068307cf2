"""`aws:ResourceTag` of resources of many services; where tags are not known, nothing is decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, A, Clients, allow, document, trust

ROOT_A = {"AWS": f"arn:aws:iam::{A}:root"}
MakeRole = Callable[..., str]
Unique = Callable[[str], str]
SHUT = [{"Key": "shut", "Value": "yes"}]


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    return str(caught.value.response["Error"]["Message"])


@pytest.fixture
def kept_out(clients: Clients, make_role: MakeRole) -> boto3.Session:
    """A session that may do everything, but on resources tagged `shut`."""
    deny = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/shut": "yes"}},
    }
    return clients.assume(A, make_role(A, trust(ROOT_A), allow("*"), deny))


def _queue(client: Any, name: str, tagged: bool) -> Callable[[Any], Any]:
    url = client.create_queue(QueueName=name, tags={"shut": "yes"} if tagged else {})["QueueUrl"]
    return lambda c: c.get_queue_attributes(QueueUrl=url)


def _topic(client: Any, name: str, tagged: bool) -> Callable[[Any], Any]:
    arn = client.create_topic(Name=name, Tags=SHUT if tagged else [])["TopicArn"]
    return lambda c: c.get_topic_attributes(TopicArn=arn)


def _secret(client: Any, name: str, tagged: bool) -> Callable[[Any], Any]:
    client.create_secret(Name=name, SecretString="x", Tags=SHUT if tagged else [])
    return lambda c: c.get_secret_value(SecretId=name)


def _table(client: Any, name: str, tagged: bool) -> Callable[[Any], Any]:
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        Tags=SHUT if tagged else [],
    )
    return lambda c: c.describe_table(TableName=name)


def _stream(client: Any, name: str, tagged: bool) -> Callable[[Any], Any]:
    client.create_stream(StreamName=name, ShardCount=1)
    if tagged:
        client.add_tags_to_stream(StreamName=name, Tags={"shut": "yes"})
    return lambda c: c.describe_stream_summary(StreamName=name)


def _rule(client: Any, name: str, tagged: bool) -> Callable[[Any], Any]:
    tags = {"Tags": SHUT} if tagged else {}
    client.put_rule(Name=name, ScheduleExpression="rate(1 day)", **tags)
    return lambda c: c.describe_rule(Name=name)


def _policy(client: Any, name: str, tagged: bool) -> Callable[[Any], Any]:
    tags = {"Tags": SHUT} if tagged else {}
    made = client.create_policy(PolicyName=name, PolicyDocument=document(allow("s3:*")), **tags)
    return lambda c: c.get_policy(PolicyArn=made["Policy"]["Arn"])


def _profile(client: Any, name: str, tagged: bool) -> Callable[[Any], Any]:
    client.create_instance_profile(InstanceProfileName=name, Tags=SHUT if tagged else [])
    return lambda c: c.get_instance_profile(InstanceProfileName=name)


def _group(client: Any, name: str, tagged: bool) -> Callable[[Any], Any]:
    client.create_log_group(logGroupName=name, **({"tags": {"shut": "yes"}} if tagged else {}))
    return lambda c: c.put_retention_policy(logGroupName=name, retentionInDays=1)


MADE = {
    "sqs": _queue,
    "sns": _topic,
    "secretsmanager": _secret,
    "dynamodb": _table,
    "kinesis": _stream,
    "events": _rule,
    "iam": _policy,
    "iam profile": _profile,
    "logs": _group,
}


@pytest.mark.parametrize("kind", MADE)
def test_a_deny_by_tag_holds(
    clients: Clients, kept_out: boto3.Session, unique: Unique, kind: str
) -> None:
    service, make = kind.split(maxsplit=1)[0], MADE[kind]
    owner, session = clients(A, service), clients(kept_out, service)
    make(owner, unique("open"), False)(session)
    read = make(owner, unique("shut"), True)
    assert "explicit deny in an identity-based policy" in refused(lambda: read(session))


def test_unknown_tags_are_not_taken_for_none(
    clients: Clients, make_role: MakeRole, unique: Unique
) -> None:
    ssm, name = clients(A, "ssm"), unique("parameter")
    ssm.put_parameter(Name=name, Value="x", Type="String")
    by_tag = {"StringNotEquals": {"aws:ResourceTag/shut": "yes"}}
    asking = clients.assume(A, make_role(A, trust(ROOT_A), allow("ssm:*", Condition=by_tag)))
    arn = f"arn:aws:ssm:{REGION}:{A}:parameter/{name}"
    message = refused(lambda: clients(asking, "ssm").get_parameter(Name=name))
    assert f"ssm:GetParameter on resource: {arn} because the embedded cloud" in message
    assert f"does not know the tags of {arn}" in message
    # A statement about other actions asks for nothing here.
    elsewhere = {**allow("s3:*", Condition=by_tag), "Effect": "Deny"}
    free = clients.assume(A, make_role(A, trust(ROOT_A), allow("ssm:*"), elsewhere))
    assert clients(free, "ssm").get_parameter(Name=name)


def test_a_variable_asks_for_tags_too(
    clients: Clients, make_role: MakeRole, unique: Unique
) -> None:
    ssm, name = clients(A, "ssm"), unique("parameter")
    ssm.put_parameter(Name=name, Value="x", Type="String")
    resource = f"arn:aws:ssm:{REGION}:{A}:parameter/${{aws:ResourceTag/team}}"
    deny = {"Effect": "Deny", "Action": "ssm:*", "Resource": resource}
    asking = clients.assume(A, make_role(A, trust(ROOT_A), allow("ssm:*"), deny))
    assert "does not know the tags" in refused(
        lambda: clients(asking, "ssm").get_parameter(Name=name)
    )


def test_iam_has_a_key_of_its_own(clients: Clients, make_role: MakeRole, unique: Unique) -> None:
    iam = clients(A, "iam")
    condition = {"StringEquals": {"iam:ResourceTag/team": "red"}}
    session = clients.assume(
        A, make_role(A, trust(ROOT_A), allow("iam:GetUser", Condition=condition))
    )
    for name, team in ((red := unique("user"), "red"), (blue := unique("user"), "blue")):
        iam.create_user(UserName=name, Tags=[{"Key": "team", "Value": team}])
    assert clients(session, "iam").get_user(UserName=red)
    assert "iam:GetUser" in refused(lambda: clients(session, "iam").get_user(UserName=blue))


def test_a_secret_is_decided_on_its_arn_however_it_is_named(
    clients: Clients, make_role: MakeRole, unique: Unique
) -> None:
    owner, name = clients(A, "secretsmanager"), unique("secret")
    arn = owner.create_secret(Name=name, SecretString="x")["ARN"]
    assert owner.get_secret_value(SecretId=name)["ARN"] == arn
    deny = {"Effect": "Deny", "Action": "*", "Resource": arn}
    session = clients.assume(A, make_role(A, trust(ROOT_A), allow("*"), deny))
    shut = clients(session, "secretsmanager")
    for identifier in (name, arn):
        message = refused(lambda i=identifier: shut.get_secret_value(SecretId=i))
        assert f"secretsmanager:GetSecretValue on resource: {arn} with" in message
    for identifier in ("nothing", arn[:-6] + "AAAAAA"):
        with pytest.raises(ClientError, match="ResourceNotFound"):
            shut.get_secret_value(SecretId=identifier)
    narrow = clients.assume(A, make_role(A, trust(ROOT_A), allow("s3:*")))
    message = refused(
        lambda: clients(narrow, "secretsmanager").get_secret_value(SecretId="nothing")
    )
    assert f"arn:aws:secretsmanager:{REGION}:{A}:secret:nothing-??????" in message
