"""What a caller role can do in its own account: read its configuration, assume its fleet role and
write its records.

Every request here would do no harm if it were allowed: it touches helpers, or changes nothing.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable

import pytest

from harness.probes.cast import Cast
from harness.probes.evidence import Outcome
from harness.probes.result import Recorder, Subject
from harness.probes.stage import Home

STREAM_ENDS = ("", ":*", ":log-stream:")


def arns_of_group(home: Home, name: str, *streams: str) -> tuple[str, ...]:
    """How a service may name a group, or a stream in it."""
    base = f"arn:aws:logs:{home.region}:{home.account}:log-group:{name}"
    return (*(base + end for end in STREAM_ENDS), *(f"{base}:log-stream:{s}" for s in streams))


def write(cast: Cast, account: str, group: str, stream: str) -> None:
    """Make a stream and put one event into it, as the caller role."""
    logs = cast.client(cast.caller(account), "logs", cast.stage.homes[account].region)
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    put(cast, account, group, stream)


def put(cast: Cast, account: str, group: str, stream: str) -> None:
    logs = cast.client(cast.caller(account), "logs", cast.stage.homes[account].region)
    event = {"timestamp": int(time.time() * 1000), "message": '{"probe": true}'}
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])


@pytest.mark.changing("tries changes in logs")
def test_caller_writes_to_its_own_group(probe: Recorder, cast: Cast, account: str) -> None:
    home = cast.stage.homes[account]
    probe.allowed(
        Subject(
            "caller-writes",
            ("L02", "K04"),
            "a caller role can write records to its own log group",
            cast.caller(account),
            "logs:PutLogEvents",
            home.group,
            arns_of_group(home, home.group),
        ),
        lambda: write(cast, account, home.group, cast.helper_name("own")),
    )


@pytest.mark.changing("tries changes in logs")
def test_caller_cannot_write_to_another_group(probe: Recorder, cast: Cast, account: str) -> None:
    """Not even to one whose name starts like its own."""
    home, stream = cast.stage.homes[account], cast.helper_name("own")
    group = f"{home.group}-{cast.helper_name('group')}"
    logs = cast.client(cast.administrator(account), "logs", home.region)
    logs.create_log_group(logGroupName=group)
    try:
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        probe.denied(
            Subject(
                "caller-rights",
                ("L21", "L22"),
                "a caller role cannot write to another log group of its account",
                cast.caller(account),
                "logs:PutLogEvents",
                "another group",
                arns_of_group(home, group, stream),
            ),
            lambda: put(cast, account, group, stream),
            twin=lambda: write(cast, account, home.group, stream),
        )
    finally:
        logs.delete_log_group(logGroupName=group)


# Actions beside writing records, and the rows they answer.
RIGHTS = {
    "GetLogEvents": ("L21",),
    "FilterLogEvents": ("L21",),
    "DescribeLogStreams": ("L21",),
    "StartQuery": ("L21",),
    "StartLiveTail": ("L21",),
    "DeleteRetentionPolicy": ("L18", "L20"),
    "CreateExportTask": ("L13", "L21"),
    "CreateLogGroup": ("L28",),
    "DeleteLogGroup": ("L20",),
    "DeleteLogStream": ("L20",),
    "PutRetentionPolicy": ("L20",),
    "PutSubscriptionFilter": ("L09",),
    "DeleteSubscriptionFilter": ("L09", "L21"),
    "PutMetricFilter": ("L27",),
    "DeleteMetricFilter": ("L27", "L21"),
    "PutDataProtectionPolicy": ("L15",),
    "DeleteDataProtectionPolicy": ("L15",),
    "PutBearerTokenAuthentication": ("L26",),
    "AssociateKmsKey": ("K11",),
    "DisassociateKmsKey": ("K11",),
}

ELSEWHERE = ("DeleteLogGroup", "DeleteRetentionPolicy", "DisassociateKmsKey")


@pytest.mark.parametrize("operation", list(RIGHTS))
@pytest.mark.changing("tries changes in logs")
def test_caller_cannot(probe: Recorder, cast: Cast, account: str, operation: str) -> None:
    home = cast.stage.homes[account]
    logs = cast.client(cast.caller(account), "logs", home.region)
    stream, name = cast.helper_name("own"), cast.helper_name("none")
    now = int(time.time())
    calls: dict[str, Callable[[], object]] = {
        "GetLogEvents": lambda: logs.get_log_events(logGroupName=home.group, logStreamName=stream),
        "FilterLogEvents": lambda: logs.filter_log_events(logGroupName=home.group),
        "DescribeLogStreams": lambda: logs.describe_log_streams(logGroupName=home.group),
        "StartQuery": lambda: logs.start_query(
            logGroupName=home.group, startTime=now - 60, endTime=now, queryString="fields @message"
        ),
        # The bucket is not there.
        "CreateExportTask": lambda: logs.create_export_task(
            **{"logGroupName": home.group, "from": 0, "to": 1, "destination": name}
        ),
        "CreateLogGroup": lambda: logs.create_log_group(logGroupName=name),
        # Not its group, but one that its rights would reach by the start of its name.
        "DeleteLogGroup": lambda: logs.delete_log_group(logGroupName=f"{home.group}-{name}"),
        "DeleteLogStream": lambda: logs.delete_log_stream(
            logGroupName=home.group, logStreamName=stream
        ),
        "StartLiveTail": lambda: next(
            iter(logs.start_live_tail(logGroupIdentifiers=[home.group_arn])["responseStream"])
        ),
        "DeleteRetentionPolicy": lambda: logs.delete_retention_policy(
            logGroupName=f"{home.group}-{name}"
        ),
        "PutRetentionPolicy": lambda: logs.put_retention_policy(
            logGroupName=home.group, retentionInDays=retention(cast, home)
        ),
        # Neither destination is there, so nothing would be sent.
        "PutSubscriptionFilter": lambda: logs.put_subscription_filter(
            logGroupName=home.group,
            filterName=name,
            filterPattern="",
            destinationArn=f"arn:aws:lambda:{home.region}:{account}:function:{name}",
        ),
        "DeleteSubscriptionFilter": lambda: logs.delete_subscription_filter(
            logGroupName=home.group, filterName=name
        ),
        # Patterns that the service refuses after the authorization.
        "PutMetricFilter": lambda: logs.put_metric_filter(
            logGroupName=home.group,
            filterName=name,
            filterPattern="{",
            metricTransformations=[
                {"metricName": name, "metricNamespace": "probe", "metricValue": "1"}
            ],
        ),
        "PutDataProtectionPolicy": lambda: logs.put_data_protection_policy(
            logGroupIdentifier=home.group, policyDocument="{}"
        ),
        "DeleteDataProtectionPolicy": lambda: logs.delete_data_protection_policy(
            logGroupIdentifier=home.group
        ),
        "PutBearerTokenAuthentication": lambda: logs.put_bearer_token_authentication(
            logGroupIdentifier=home.group, bearerTokenAuthenticationEnabled=False
        ),
        "DeleteMetricFilter": lambda: logs.delete_metric_filter(
            logGroupName=home.group, filterName=name
        ),
        # The key that it has already.
        "AssociateKmsKey": lambda: logs.associate_kms_key(
            logGroupName=home.group, kmsKeyId=home.key_arn
        ),
        "DisassociateKmsKey": lambda: logs.disassociate_kms_key(
            logGroupName=f"{home.group}-{name}"
        ),
    }
    other = {"CreateLogGroup": name} | dict.fromkeys(ELSEWHERE, f"{home.group}-{name}")
    group = other.get(operation, home.group)
    answer = probe.denied(
        Subject(
            "caller-rights",
            RIGHTS[operation],
            f"a caller role cannot call {operation}",
            cast.caller(account),
            f"logs:{operation}",
            group,
            arns_of_group(home, group, stream),
        ),
        calls[operation],
        twin=lambda: write(cast, account, home.group, stream),
    )
    if operation == "CreateLogGroup" and answer.outcome is Outcome.ALLOWED:
        administrator = cast.client(cast.administrator(account), "logs", home.region)
        administrator.delete_log_group(logGroupName=name)


def retention(cast: Cast, home: Home) -> int:
    """The retention that the group has already."""
    logs = cast.client(cast.administrator(home.account), "logs", home.region)
    for group in logs.describe_log_groups(logGroupNamePrefix=home.group)["logGroups"]:
        if group["logGroupName"] == home.group:
            return int(group.get("retentionInDays", 1))
    raise AssertionError(f"{home}: the log group is gone")


@pytest.mark.changing("makes helper roles")
def test_caller_cannot_assume_another_role(probe: Recorder, cast: Cast, account: str) -> None:
    caller, fleet = cast.caller(account), cast.stage.fleet_of(account)
    probe.denied(
        Subject(
            "caller-rights",
            ("P16", "L25"),
            "a caller role cannot assume a role that trusts everybody",
            caller,
            "sts:AssumeRole",
            "control role",
            (cast.control_role,),
        ),
        lambda: cast.assume_control(caller),
        twin=lambda: cast.assume_fleet(caller, fleet),
    )


@pytest.mark.changing("tries changes in ssm")
def test_caller_reads_its_configuration(probe: Recorder, cast: Cast, account: str) -> None:
    """The external id, too, which it gives to STS; and no other parameter."""
    home, caller = cast.stage.homes[account], cast.caller(account)
    ssm = cast.client(caller, "ssm", home.region)
    own = sorted(home.parameter_arns)
    probe.allowed(
        Subject(
            "caller-reads",
            ("T21",),
            "a caller role can read its configuration and its external id",
            caller,
            "ssm:GetParameter",
            ", ".join(arn.partition(":parameter")[2] for arn in own),
            tuple(own),
        ),
        lambda: [ssm.get_parameter(Name=arn, WithDecryption=True) for arn in own],
    )
    administrator = cast.client(cast.administrator(account), "ssm", home.region)
    # Beside its own, and elsewhere.
    names = [
        f"{own[0].partition(':parameter')[2]}-{cast.helper_name('other')}",
        f"/{cast.helper_name('other')}",
    ]
    try:
        for name in names:
            administrator.put_parameter(Name=name, Value="nothing", Type="SecureString")
            probe.denied(
                Subject(
                    "caller-rights",
                    ("T21",),
                    "a caller role cannot read another parameter of its account",
                    caller,
                    "ssm:GetParameter",
                    name,
                    (f"arn:aws:ssm:{home.region}:{account}:parameter{name}",),
                ),
                functools.partial(ssm.get_parameter, Name=name),
                twin=lambda: ssm.get_parameter(Name=own[0]),
            )
    finally:
        administrator.delete_parameters(Names=names)


def test_another_accounts_group_cannot_be_named(probe: Recorder, cast: Cast, account: str) -> None:
    """PutLogEvents takes the name of a group, never an ARN: there is nothing to refuse."""
    logs = cast.client(cast.caller(account), "logs")
    members = list(logs.meta.service_model.operation_model("PutLogEvents").input_shape.members)
    named = [m for m in members if m.lower().endswith(("arn", "identifier", "accountid"))]
    operations = cast.stage.environment.operations_account
    subject = Subject(
        "unaddressable",
        ("L07",),
        "a record cannot be written to another account",
        cast.caller(account),
        "logs:PutLogEvents",
        "a log group of the operations account",
        (f"arn:aws:logs:{cast.region}:{operations}:log-group:*",),
    )
    if named:
        probe.state(
            subject,
            expected="unaddressable",
            observed="addressable",
            holds=None,
            why=f"PutLogEvents now takes {', '.join(named)}: probe it",
        )
    else:
        probe.unaddressable(subject, members=members, foreign="another account's group")
