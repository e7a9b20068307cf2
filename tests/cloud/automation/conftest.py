"""A chain from an alarm to a policy on a role, link by link, so that tests can break one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from support.cloud import REGION, A, Clients, allow, document, trust, trust_service

NAMESPACE = "Test/Spend"


@dataclass
class Chain:
    """Names and clients of one chain: an alarm over `metric`, a rule, a machine, a target role."""

    clients: Clients
    name: str
    metric: str
    target_role: str
    policy: str

    @property
    def alarm(self) -> str:
        return f"{self.name}.{self.target_role}.1m"

    @property
    def alarm_arn(self) -> str:
        return f"arn:aws:cloudwatch:{REGION}:{A}:alarm:{self.alarm}"

    @property
    def rule_arn(self) -> str:
        return f"arn:aws:events:{REGION}:{A}:rule/{self.name}"

    @property
    def machine_arn(self) -> str:
        return f"arn:aws:states:{REGION}:{A}:stateMachine:{self.name}"

    @property
    def cloudwatch(self) -> Any:
        return self.clients(A, "cloudwatch")

    def put(self, value: float, metric: str = "") -> None:
        """One datapoint of now."""
        self.cloudwatch.put_metric_data(
            Namespace=NAMESPACE, MetricData=[{"MetricName": metric or self.metric, "Value": value}]
        )

    def state(self) -> str:
        (alarm,) = self.cloudwatch.describe_alarms(AlarmNames=[self.alarm])["MetricAlarms"]
        return str(alarm["StateValue"])

    def attached(self) -> bool:
        """Whether the policy is on the target role."""
        iam = self.clients(A, "iam")
        found = iam.list_attached_role_policies(RoleName=self.target_role)["AttachedPolicies"]
        return self.policy in [each["PolicyArn"] for each in found]

    def executions(self) -> list[dict[str, Any]]:
        """What the machine was asked to do, as DescribeExecution tells it."""
        states = self.clients(A, "stepfunctions")
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=self.machine_arn)
        return [
            states.describe_execution(executionArn=each["executionArn"])
            for page in pages
            for each in page["executions"]
        ]


def definition(policy: str) -> str:
    """A machine that attaches `policy` to the role that an alarm's name tells."""
    attach = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:iam:attachRolePolicy",
        "Parameters": {
            "PolicyArn": policy,
            "RoleName.$": "States.ArrayGetItem(States.StringSplit($.alarmName, '.'), 1)",
        },
        "ResultPath": None,
        "End": True,
    }
    return json.dumps({"StartAt": "Attach", "States": {"Attach": attach}})


@pytest.fixture
def make_chain(
    clients: Clients, unique: Callable[[str], str], make_role: Callable[..., str]
) -> Callable[..., Chain]:
    """Make a chain that works; what is given takes the place of what is right."""

    def make(
        *,
        alarm: dict[str, Any] | None = None,
        pattern: dict[str, Any] | None = None,
        start_trust: str = "",
        start_grant: dict[str, Any] | None = None,
        stop_trust: str = "",
        stop_grant: dict[str, Any] | None = None,
    ) -> Chain:
        iam, name = clients(A, "iam"), unique("chain")
        target = make_role(A, trust({"AWS": f"arn:aws:iam::{A}:root"})).rsplit("/", 1)[1]
        policy = iam.create_policy(
            PolicyName=name, PolicyDocument=document({**allow("bedrock:*"), "Effect": "Deny"})
        )["Policy"]["Arn"]
        chain = Chain(clients, name, unique("Tokens"), target, policy)
        only = {"ArnEquals": {"iam:PolicyARN": policy}}
        stop = make_role(
            A,
            stop_trust or _trusting("states.amazonaws.com", chain.machine_arn),
            stop_grant or allow("iam:AttachRolePolicy", f"arn:aws:iam::{A}:role/*", Condition=only),
        )
        clients(A, "stepfunctions").create_state_machine(
            name=name, definition=definition(policy), roleArn=stop
        )
        start = make_role(
            A,
            start_trust or _trusting("events.amazonaws.com", chain.rule_arn),
            start_grant or allow("states:StartExecution", chain.machine_arn),
        )
        events = clients(A, "events")
        events.put_rule(
            Name=name,
            EventPattern=json.dumps(
                pattern
                or {
                    "source": ["aws.cloudwatch"],
                    "detail-type": ["CloudWatch Alarm State Change"],
                    "resources": [{"prefix": f"arn:aws:cloudwatch:{REGION}:{A}:alarm:{name}."}],
                    "detail": {"state": {"value": ["ALARM"]}},
                }
            ),
        )
        target_of = {"Id": "stop", "Arn": chain.machine_arn, "RoleArn": start}
        events.put_targets(Rule=name, Targets=[{**target_of, "InputPath": "$.detail"}])
        chain.cloudwatch.put_metric_alarm(
            **{
                "AlarmName": chain.alarm,
                "Namespace": NAMESPACE,
                "MetricName": chain.metric,
                "Statistic": "Sum",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 100,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
                **(alarm or {}),
            }
        )
        return chain

    return make


def _trusting(service: str, source: str) -> str:
    same = {"ArnEquals": {"aws:SourceArn": source}, "StringEquals": {"aws:SourceAccount": A}}
    return trust_service(service, same)
