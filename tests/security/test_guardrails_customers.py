"""The organization's guardrails of customers' accounts: what not even their administrators can do.

What could change something if it were allowed is tried in a copy of the cloud.
"""

from __future__ import annotations

import json

import pytest

from harness.probes.cast import Cast
from harness.probes.guardrail_attempts import Tried, make_bucket
from harness.probes.result import Recorder, Subject
from harness.probes.stage import Home


def make_sink(cast: Cast, home: Home) -> str:
    """A sink of an account that no guardrail binds, which would take a customer's links."""
    taker = cast.administrator(cast.stage.environment.probes.control)
    oam = cast.client(taker, "oam", home.region)
    sink: str = oam.create_sink(Name="bulkhead-probe")["Arn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": home.account},
        "Action": ["oam:CreateLink", "oam:UpdateLink"],
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    oam.put_sink_policy(SinkIdentifier=sink, Policy=json.dumps(policy))
    return sink


def make_destination(cast: Cast, home: Home) -> str:
    """A destination of an account that no guardrail binds, which would take a customer's logs."""
    taker = cast.administrator(cast.stage.environment.probes.control)
    name, account = "bulkhead-probe", taker.account
    stream = f"arn:aws:kinesis:{home.region}:{account}:stream/{name}"
    cast.client(taker, "kinesis", home.region).create_stream(StreamName=name, ShardCount=1)
    trust = {"Principal": {"Service": "logs.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = cast.create_role(
        account,
        cast.helper_name("destination"),
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **trust}]},
    )
    logs = cast.client(taker, "logs", home.region)
    made = logs.put_destination(destinationName=name, targetArn=stream, roleArn=role)
    arn = str(made["destination"]["arn"])
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": home.account},
        "Action": "logs:PutSubscriptionFilter",
        "Resource": arn,
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    logs.put_destination_policy(destinationName=name, accessPolicy=json.dumps(policy))
    return arn


CUSTOMERS = (
    *("PutAccountPolicy", "CreateExportTask", "PutBearerTokenAuthentication", "CreateLink"),
    *("UntagResource", "PutSubscriptionFilter", "CreateScheduledQuery", "CreateTelemetryPipeline"),
)


@pytest.mark.parametrize("operation", CUSTOMERS)
def test_customers_administrators_cannot(
    probe: Recorder, copied: Cast, account: str, operation: str
) -> None:
    """Ways for records to leave an account, which its own administrator could open."""
    home, who = copied.stage.homes[account], copied.administrator(account)
    logs, oam = (copied.client(who, service, home.region) for service in ("logs", "oam"))
    kms = copied.client(who, "kms", home.region)
    bucket = f"bulkhead-probe-{account}-{home.region}"
    if operation == "CreateExportTask":
        make_bucket(copied, who, home.region, f"logs.{home.region}.amazonaws.com")
    sink = make_sink(copied, home) if operation == "CreateLink" else ""
    elsewhere = make_destination(copied, home) if operation == "PutSubscriptionFilter" else ""
    groups = tuple(home.group_arn + end for end in ("", ":*", ":log-stream:", ":log-stream:*"))
    tried: dict[str, Tried] = {
        "PutAccountPolicy": (
            ("L10", "L18"),
            "logs:PutAccountPolicy",
            ("*", f"arn:aws:logs:{home.region}:{account}:log-group:*"),
            lambda: logs.put_account_policy(
                # No key tells the kinds apart; this one would be taken.
                policyName="probe",
                policyType="FIELD_INDEX_POLICY",
                policyDocument=json.dumps({"Fields": ["probe"]}),
            ),
        ),
        "CreateExportTask": (
            ("L13",),
            "logs:CreateExportTask",
            groups,
            lambda: logs.create_export_task(
                **{
                    "logGroupName": home.group,
                    "from": 0,
                    "to": 1,
                    "destination": bucket,
                }
            ),
        ),
        "PutBearerTokenAuthentication": (
            ("L26",),
            "logs:PutBearerTokenAuthentication",
            groups,
            lambda: logs.put_bearer_token_authentication(
                logGroupIdentifier=home.group, bearerTokenAuthenticationEnabled=True
            ),
        ),
        "PutSubscriptionFilter": (
            ("L09", "L11"),
            "logs:PutSubscriptionFilter",
            (elsewhere,),
            lambda: logs.put_subscription_filter(
                logGroupName=home.group,
                filterName="probe",
                filterPattern="",
                destinationArn=elsewhere,
            ),
        ),
        "CreateScheduledQuery": (
            ("L14",),
            "logs:CreateScheduledQuery",
            ("*", f"arn:aws:logs:{home.region}:{account}:scheduled-query:*"),
            lambda: logs.create_scheduled_query(
                name="probe",
                queryLanguage="CWLI",
                queryString="fields @message",
                logGroupIdentifiers=[home.group],
                scheduleExpression="cron(0 * * * ? *)",
                executionRoleArn=f"arn:aws:iam::{account}:role/bulkhead-probe-none",
            ),
        ),
        "CreateTelemetryPipeline": (
            ("L14",),
            "observabilityadmin:CreateTelemetryPipeline",
            ("*", f"arn:aws:observabilityadmin:{home.region}:{account}:telemetry-pipeline/*"),
            lambda: copied.client(who, "observabilityadmin", home.region).create_telemetry_pipeline(
                Name="probe", Configuration={"Body": "{}"}
            ),
        ),
        "UntagResource": (
            ("G11", "K01"),
            "kms:UntagResource",
            (home.key_arn,),
            lambda: kms.untag_resource(KeyId=home.key_arn, TagKeys=["bulkhead:customer"]),
        ),
        "CreateLink": (
            ("G15", "O01", "O02"),
            "oam:CreateLink",
            (sink, f"arn:aws:oam:{home.region}:{account}:link/*"),
            lambda: oam.create_link(
                LabelTemplate="probe", ResourceTypes=["AWS::Logs::LogGroup"], SinkIdentifier=sink
            ),
        ),
    }
    rows, action, arns, call = tried[operation]
    probe.denied(
        Subject(
            "guardrail-customers",
            rows,
            f"not even a customer's administrator can call {operation}",
            who,
            action,
            str(home),
            arns,
        ),
        call,
        twin=lambda: logs.describe_log_groups(logGroupNamePrefix=home.group),
    )


@pytest.mark.parametrize("name", ["OrganizationAccountAccessRole", "AWSControlTowerExecution"])
def test_ready_made_administrators_read_no_records(
    probe: Recorder, copied: Cast, customer: str, name: str
) -> None:
    """A role that an organization makes in its accounts, with every right there."""
    homes = copied.stage.homes.values()
    home = next(each for each in homes if each.customer == customer)
    who = copied.role_named(home.account, name)
    logs = copied.client(who, "logs", home.region)
    for action, arns, call in (
        (
            "logs:FilterLogEvents",
            tuple(home.group_arn + end for end in ("", ":*", ":log-stream:", ":log-stream:*")),
            lambda: logs.filter_log_events(logGroupName=home.group),
        ),
        ("sts:AssumeRole", (copied.control_role,), lambda: copied.assume_control(who)),
    ):
        probe.denied(
            Subject(
                "guardrail-administrators",
                ("L24", "L21"),
                "a role that the organization makes in a customer's account neither reads records"
                " nor becomes another",
                who,
                action,
                str(home),
                arns,
            ),
            call,
            twin=lambda: logs.describe_log_groups(logGroupNamePrefix=home.group),
        )
