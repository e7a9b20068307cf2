"""Settings through which content would leave a customer's account or rest in operations."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from harness.probes.cast import Cast
from harness.probes.result import Recorder, Subject


def test_invocation_logging_is_off(probe: Recorder, cast: Cast, region: str) -> None:
    operations = cast.stage.environment.operations_account
    reader = cast.administrator(operations)
    subject = Subject(
        "invocation-logging",
        ("L04", "L05", "L06"),
        "model invocation logging is off in the operations account",
        reader,
        "bedrock:GetModelInvocationLoggingConfiguration",
        f"operations account in {region}",
        (),
    )
    try:
        answer = cast.client(reader, "bedrock", region).get_model_invocation_logging_configuration()
    except ClientError as error:
        probe.state(subject, expected="off", observed="unknown", holds=None, why=str(error))
        return
    config = answer.get("loggingConfig") or {}
    kinds = sorted(
        name.removesuffix("DataDeliveryEnabled")
        for name, value in config.items()
        if name.endswith("DataDeliveryEnabled") and value
    )
    probe.state(
        subject,
        expected="off",
        observed="on" if config else "off",
        holds=not config,
        why=f"there is a configuration; it delivers {', '.join(kinds) or 'nothing yet'}"
        if config
        else "there is no configuration",
    )


def test_operations_receive_no_logs(probe: Recorder, cast: Cast, region: str) -> None:
    """No destination and no delivery in the operations account takes logs of others."""
    reader = cast.administrator(cast.stage.environment.operations_account)
    logs = cast.client(reader, "logs", region)
    for operation, member, rows in (
        ("describe_destinations", "destinations", ("L09", "L11")),
        ("describe_deliveries", "deliveries", ("L12",)),
        ("describe_delivery_destinations", "deliveryDestinations", ("L12",)),
    ):
        subject = Subject(
            "no-deliveries",
            rows,
            f"the operations account has no {member}",
            reader,
            operation,
            f"operations account in {region}",
            (),
        )
        absent(probe, subject, lambda o=operation, m=member: getattr(logs, o)()[m])


def test_records_go_nowhere_else(probe: Recorder, cast: Cast, account: str) -> None:
    home = cast.stage.homes[account]
    reader = cast.administrator(account)
    logs = cast.client(reader, "logs", home.region)
    subject = Subject(
        "no-deliveries",
        ("L09",),
        "no subscription filter takes records out of a customer's log group",
        reader,
        "logs:DescribeSubscriptionFilters",
        home.group,
        (home.group_arn,),
    )
    absent(
        probe,
        subject,
        lambda: logs.describe_subscription_filters(logGroupName=home.group)["subscriptionFilters"],
    )


def test_records_are_encrypted_with_the_customers_key(
    probe: Recorder, cast: Cast, account: str
) -> None:
    home = cast.stage.homes[account]
    reader = cast.administrator(account)
    logs = cast.client(reader, "logs", home.region)
    groups = logs.describe_log_groups(logGroupNamePrefix=home.group)["logGroups"]
    group: dict[str, Any] = next((g for g in groups if g["logGroupName"] == home.group), {})
    key = group.get("kmsKeyId", "")
    owned = key.split(":")[4:5] == [account]
    probe.state(
        Subject(
            "log-group",
            ("K05", "K09", "L18"),
            "records are encrypted with a key of the customer's own account, and expire",
            reader,
            "logs:DescribeLogGroups",
            home.group,
            (home.group_arn,),
        ),
        expected="own key, limited retention",
        observed="own key" if owned else "no key of the account",
        holds=owned and key == home.key_arn and bool(group.get("retentionInDays")),
        why=f"key of account {key.split(':')[4] if owned else 'unknown'}, "
        f"retention {group.get('retentionInDays', 'unlimited')} days",
    )


def absent(probe: Recorder, subject: Subject, read: object) -> None:
    """The list that `read` returns must be empty; not being able to read it proves nothing."""
    assert callable(read)
    try:
        found = list(read())
    except ClientError as error:
        probe.state(subject, expected="none", observed="unknown", holds=None, why=str(error))
        return
    probe.state(
        subject,
        expected="none",
        observed=f"{len(found)} found" if found else "none",
        holds=not found,
        why=f"{len(found)} found" if found else "there is none",
    )
