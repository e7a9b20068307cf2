"""From a datapoint to a policy on a role; and that each link needs its own right."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.cloud import REGION, A, B, Clients, allow, error_code, trust, trust_service

MakeChain = Callable[..., Any]


def test_a_datapoint_over_the_limit_attaches_the_policy(
    make_chain: MakeChain, clients: Clients
) -> None:
    chain, other = make_chain(), make_chain()
    chain.put(60)
    chain.put(40)  # the limit itself is not over it
    assert (chain.state(), chain.attached()) == ("OK", False)
    chain.put(1)
    assert (chain.state(), chain.attached()) == ("ALARM", True)
    assert (other.state(), other.attached()) == ("OK", False)

    (execution,) = chain.executions()
    assert execution["status"] == "SUCCEEDED"
    told = json.loads(execution["input"])
    assert told["alarmName"] == chain.alarm
    assert told["state"]["value"] == "ALARM"
    assert told["previousState"]["value"] == "OK"
    assert "101.0" in told["state"]["reason"]
    (metric,) = told["configuration"]["metrics"]
    assert metric["metricStat"]["metric"]["name"] == chain.metric
    assert json.loads(execution["output"]) == told

    chain.put(1)  # still over it: no change, no event
    assert len(chain.executions()) == 1

    trail = clients(A, "cloudtrail", "us-east-1")
    found = trail.lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "AttachRolePolicy"}]
    )
    calls = [json.loads(each["CloudTrailEvent"]) for each in found["Events"]]
    (mine,) = [c for c in calls if c["requestParameters"]["roleName"] == chain.target_role]
    assert mine["userIdentity"]["sessionContext"]["sessionIssuer"]["type"] == "Role"


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"start_grant": allow("states:DescribeExecution")}, id="may-not-start"),
        pytest.param({"start_trust": trust_service("states.amazonaws.com")}, id="not-for-events"),
        pytest.param(
            {
                "start_trust": trust_service(
                    "events.amazonaws.com",
                    {"ArnEquals": {"aws:SourceArn": f"arn:aws:events:{REGION}:{A}:rule/another"}},
                )
            },
            id="for-another-rule",
        ),
        pytest.param({"pattern": {"source": ["aws.health"]}}, id="another-source"),
        pytest.param(
            {
                "pattern": {
                    "source": ["aws.cloudwatch"],
                    "detail": {"state": {"value": ["INSUFFICIENT_DATA"]}},
                }
            },
            id="another-state",
        ),
    ],
)
def test_without_the_right_to_start_nothing_is_started(
    make_chain: MakeChain, broken: dict[str, Any]
) -> None:
    chain = make_chain(**broken)
    chain.put(101)
    assert chain.state() == "ALARM"
    assert chain.executions() == []
    assert not chain.attached()


def _limited(to: str, resource: str = f"arn:aws:iam::{A}:role/*") -> dict[str, Any]:
    only = {"ArnEquals": {"iam:PolicyARN": to}}
    return {"stop_grant": allow("iam:AttachRolePolicy", resource, Condition=only)}


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(_limited("arn:aws:iam::aws:policy/ReadOnlyAccess"), id="another-policy"),
        pytest.param({"stop_grant": allow("iam:PutRolePolicy")}, id="another-action"),
        pytest.param(
            {"stop_grant": allow("iam:AttachRolePolicy", f"arn:aws:iam::{A}:role/x/*")},
            id="other-roles",
        ),
        pytest.param({"stop_trust": trust_service("events.amazonaws.com")}, id="not-for-states"),
        pytest.param(
            {
                "stop_trust": trust_service(
                    "states.amazonaws.com", {"StringEquals": {"aws:SourceAccount": B}}
                )
            },
            id="for-another-account",
        ),
    ],
)
def test_without_the_right_to_attach_the_execution_fails(
    make_chain: MakeChain, broken: dict[str, Any]
) -> None:
    chain = make_chain(**broken)
    chain.put(101)
    (execution,) = chain.executions()
    assert execution["status"] == "FAILED"
    assert execution["error"] == "Iam.IamException"
    assert "is not authorized to perform" in execution["cause"]
    assert not chain.attached()


def test_a_disabled_rule_sends_nothing(make_chain: MakeChain, clients: Clients) -> None:
    chain = make_chain()
    clients(A, "events").disable_rule(Name=chain.name)
    chain.put(101)
    assert (chain.state(), chain.executions()) == ("ALARM", [])


def test_a_state_set_by_hand_is_an_event_too_and_holds_until_it_is_looked_at(
    make_chain: MakeChain, clients: Clients
) -> None:
    chain = make_chain()
    asked = {"AlarmName": chain.alarm, "StateReason": "test"}
    chain.cloudwatch.set_alarm_state(StateValue="ALARM", **asked)
    assert len(chain.executions()) == 1
    chain.cloudwatch.set_alarm_state(StateValue="ALARM", **asked)
    assert len(chain.executions()) == 1
    assert chain.state() == "OK"  # nothing was over the limit

    chain.put(101)
    assert len(chain.executions()) == 2
    clients(A, "iam").detach_role_policy(RoleName=chain.target_role, PolicyArn=chain.policy)
    chain.cloudwatch.set_alarm_state(StateValue="OK", **asked)
    assert not chain.attached()
    assert chain.state() == "ALARM"  # it still is
    assert chain.attached()


def test_only_who_may_starts_a_machine_by_hand(
    make_chain: MakeChain, clients: Clients, make_role: Callable[..., str]
) -> None:
    chain = make_chain()
    trusting = trust({"AWS": f"arn:aws:iam::{A}:root"})
    able = clients.assume(A, make_role(A, trusting, allow("states:StartExecution")))
    unable = clients.assume(A, make_role(A, trusting, allow("states:DescribeExecution")))
    asked = {
        "stateMachineArn": chain.machine_arn,
        "input": json.dumps({"alarmName": f"x.{chain.target_role}"}),
    }
    refused = clients(unable, "stepfunctions").start_execution
    assert error_code(refused, **asked) == "AccessDeniedException"
    assert not chain.attached()
    # The machine acts with its own role's rights, and not with its caller's.
    clients(able, "stepfunctions").start_execution(**asked)
    assert chain.attached()
