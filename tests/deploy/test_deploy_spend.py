"""Spend controls where they are deployed: beside guardrails that let few change a fleet role."""

from __future__ import annotations

from harness.deploy.deployment import Deployment
from harness.targets.embedded import EmbeddedTarget


def test_the_guardrails_let_the_executor_stop_a_customer_and_none_besides(
    deployment: Deployment,
) -> None:
    environment = deployment.environment
    account, region = environment.operations_account, environment.region
    stop = f"arn:aws:iam::{account}:policy/bulkhead/fleet/bulkhead-spend-{region}-stop"
    with deployment.cloud().fork() as cloud:
        target = EmbeddedTarget(cloud)
        session = target.session(account)
        cloudwatch = target.client(session, "cloudwatch", region)
        iam = target.client(session, "iam", "us-east-1")

        def stopped() -> set[str]:
            return {
                customer
                for customer in environment.customers
                for page in iam.get_paginator("list_attached_role_policies").paginate(
                    RoleName=f"bulkhead-{customer}"
                )
                for policy in page["AttachedPolicies"]
                if policy["PolicyArn"] == stop
            }

        pages = cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix="bulkhead-spend."
        )
        alarms = [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]]
        assert alarms, "no customer of this environment is limited"
        limited = alarms[0].split(".")[1].removeprefix("bulkhead-")
        assert stopped() == set()
        cloudwatch.set_alarm_state(AlarmName=alarms[0], StateValue="ALARM", StateReason="test")
        assert stopped() == {limited}
