"""Policies that let services write to log groups: which are saved, and what they open."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, A, B, Clients, allow, document, error_code, trust_service

WRITERS = ["events.amazonaws.com", "delivery.logs.amazonaws.com"]
ACTIONS = ["logs:CreateLogStream", "logs:PutLogEvents"]


def letting_write(resource: str, *services: str, **rest: Any) -> dict[str, Any]:
    principal = {"Service": list(services or WRITERS)}
    return {**allow(ACTIONS, resource), "Principal": principal, **rest}


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "no JSON",
        document(),
        document(allow(ACTIONS)),
        document({"Effect": "Allow", "Principal": {"Service": WRITERS}, "Action": ACTIONS}),
        document({**letting_write("*"), "Principal": {"AWS": B}}),
        document({**letting_write("*"), "Principal": "*"}),
        document({**letting_write("*"), "Sid": "x" * 5200}),
    ],
)
def test_a_document_that_is_not_valid_or_not_enforced_is_refused(
    text: str, clients: Clients, unique: Callable[[str], str]
) -> None:
    logs, name = clients(A, "logs"), unique("policy")
    put = logs.put_resource_policy
    code = error_code(put, policyName=name, policyDocument=text)
    assert code == "InvalidParameterException"
    good = document(letting_write("arn:aws:logs:*:*:log-group:/none:*"))
    assert put(policyName=name, policyDocument=good)["resourcePolicy"]["policyName"] == name
    told = logs.describe_resource_policies()["resourcePolicies"]
    assert [p["policyDocument"] for p in told if p["policyName"] == name] == [good]
    logs.delete_resource_policy(policyName=name)
    gone = error_code(logs.delete_resource_policy, policyName=name)
    assert gone == "ResourceNotFoundException"


class Rule:
    """A rule of an account for events of one source."""

    def __init__(self, clients: Clients, account: str, name: str) -> None:
        self.events, self.name = clients(account, "events"), name
        self.source = f"test.{name}"
        pattern = json.dumps({"source": [self.source]})
        self.arn = self.events.put_rule(Name=name, EventPattern=pattern)["RuleArn"]

    def to(self, arn: str, **target: Any) -> None:
        self.events.put_targets(Rule=self.name, Targets=[{"Id": "1", "Arn": arn, **target}])

    def happen(self, **detail: Any) -> None:
        entry = {"Source": self.source, "DetailType": "test", "Detail": json.dumps(detail)}
        answer = self.events.put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0


@pytest.fixture
def rule(clients: Clients, unique: Callable[[str], str]) -> Callable[[str], Rule]:
    return lambda account: Rule(clients, account, unique("rule"))


def messages(group: Any) -> list[dict[str, Any]]:
    found = group.logs.filter_log_events(logGroupName=group.name)["events"]
    return [json.loads(each["message"]) for each in found]


@pytest.mark.parametrize("by", ["account", "group"])
def test_a_rule_writes_to_a_group_whose_policy_lets_it(
    by: str, group: Any, rule: Any, unique: Callable[[str], str]
) -> None:
    target, made, name = group(A), rule(A), unique("policy")
    made.to(target.arn)
    made.happen(number=1)
    assert messages(target) == []
    statement = letting_write(f"{target.arn}:*")
    logs = target.logs
    if by == "account":
        logs.put_resource_policy(policyName=name, policyDocument=document(statement))
    else:
        put = logs.put_resource_policy(resourceArn=target.arn, policyDocument=document(statement))
    made.happen(number=2)
    (event,) = messages(target)
    assert (event["detail"], event["source"]) == ({"number": 2}, made.source)
    assert (event["account"], event["region"]) == (A, REGION)
    if by == "account":
        logs.delete_resource_policy(policyName=name)
    else:
        shown = logs.describe_resource_policies(resourceArn=target.arn)["resourcePolicies"]
        assert [each["policyScope"] for each in shown] == ["RESOURCE"]
        wrong = {"resourceArn": target.arn, "expectedRevisionId": "wrong"}
        assert error_code(logs.delete_resource_policy, **wrong) == "OperationAbortedException"
        logs.delete_resource_policy(resourceArn=target.arn, expectedRevisionId=put["revisionId"])
    made.happen(number=3)
    assert len(messages(target)) == 1


def test_the_policy_says_which_service_on_whose_behalf(
    group: Any, rule: Any, unique: Callable[[str], str]
) -> None:
    target, made, name = group(A), rule(A), unique("policy")
    made.to(target.arn)
    everything, logs = f"{target.arn}:*", target.logs

    def let(**rest: Any) -> None:
        logs.put_resource_policy(
            policyName=name, policyDocument=document(letting_write(everything, **rest))
        )

    let(Condition={"ArnEquals": {"aws:SourceArn": f"{made.arn}-other"}})
    made.happen(number=1)
    logs.put_resource_policy(
        policyName=name, policyDocument=document(letting_write(everything, WRITERS[0]))
    )
    made.happen(number=2)
    assert messages(target) == []
    let(Condition={"ArnEquals": {"aws:SourceArn": made.arn}})
    made.happen(number=3)
    assert [each["detail"] for each in messages(target)] == [{"number": 3}]
    logs.delete_resource_policy(policyName=name)


def test_a_rule_sends_to_a_stream_by_its_role(
    rule: Any, clients: Clients, make_role: Callable[..., str], unique: Callable[[str], str]
) -> None:
    kinesis, name, made = clients(A, "kinesis"), unique("stream"), rule(A)
    kinesis.create_stream(StreamName=name, ShardCount=1)
    arn = f"arn:aws:kinesis:{REGION}:{A}:stream/{name}"

    def received() -> list[str]:
        iterator = kinesis.get_shard_iterator(
            StreamName=name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        return [r["Data"].decode() for r in kinesis.get_records(ShardIterator=iterator)["Records"]]

    trusting = trust_service("events.amazonaws.com")
    made.to(arn, RoleArn=make_role(A, trusting))
    made.happen(who="nobody")
    assert received() == []
    transformer = {"InputPathsMap": {"who": "$.detail.who"}, "InputTemplate": '"it was <who>"'}
    role = make_role(A, trusting, allow("kinesis:PutRecord", arn))
    made.to(arn, RoleArn=role, InputTransformer=transformer)
    made.happen(who="ann")
    assert received() == ['"it was ann"']
    made.events.disable_rule(Name=made.name)
    made.happen(who="bob")
    assert len(received()) == 1


def test_a_bus_of_another_account_takes_no_events_without_its_permission(
    rule: Any, group: Any, clients: Clients, make_role: Callable[..., str]
) -> None:
    """And buses of the own account do, by the role."""
    made = rule(A)
    may = allow("events:PutEvents")
    role = make_role(A, trust_service("events.amazonaws.com"), may)
    for account, arrives in ((B, False), (A, True)):
        bus = clients(account, "events").create_event_bus(Name=made.name)["EventBusArn"]
        target, there = group(account), clients(account, "events")
        there.put_rule(
            Name=made.name,
            EventBusName=made.name,
            EventPattern=made.events.describe_rule(Name=made.name)["EventPattern"],
        )
        there.put_targets(
            Rule=made.name, EventBusName=made.name, Targets=[{"Id": "1", "Arn": target.arn}]
        )
        statement = letting_write(f"{target.arn}:*")
        target.logs.put_resource_policy(policyName=made.name, policyDocument=document(statement))
        made.to(bus, RoleArn=role)
        made.happen(to=account)
        found = [each["detail"] for each in messages(target)]
        assert found == ([{"to": account}] if arrives else [])
        target.logs.delete_resource_policy(policyName=made.name)


def test_a_policy_of_a_group_takes_no_name(group: Any) -> None:
    target = group(A)
    text = document(letting_write(f"{target.arn}:*"))
    with pytest.raises(ClientError, match="takes no policyName"):
        target.logs.put_resource_policy(policyName="p", resourceArn=target.arn, policyDocument=text)
    missing = {"resourceArn": f"{target.arn}-none", "policyDocument": text}
    assert error_code(target.logs.put_resource_policy, **missing) == "ResourceNotFoundException"
    assert target.logs.put_resource_policy(resourceArn=target.arn, policyDocument=text)
