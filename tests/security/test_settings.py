"""Settings through which content would leave a customer's account or rest in operations."""

from __future__ import annotations

import re
from typing import Any

from botocore.exceptions import ClientError

from harness.probes.absence import absent
from harness.probes.cast import Cast
from harness.probes.result import Recorder, Subject

# `bulkhead/APP/DATE/RUN`, as the client makes them, and the streams of the probes themselves.
STREAM = re.compile(
    r"bulkhead/[A-Za-z0-9._-]{1,64}/\d{4}/\d\d/\d\d/[0-9a-f]{32}|bulkhead-probe-[\w-]+"
)

LONGEST_CONTENT = 30
"""Days."""


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


def test_bedrock_keeps_nothing(probe: Recorder, cast: Cast, region: str) -> None:
    """Unset, each model keeps what its provider's terms say: `bulkhead baseline` sets it."""
    reader = cast.administrator(cast.stage.environment.operations_account)
    mode = cast.client(reader, "bedrock", region).get_account_data_retention()["mode"]
    probe.state(
        Subject(
            "data-retention",
            ("P35", "B04"),
            "Bedrock keeps nothing of a prompt, and shares it with nobody",
            reader,
            "bedrock:GetAccountDataRetention",
            f"operations account in {region}",
            (),
        ),
        expected="none",
        observed=mode,
        holds=mode == "none",
        why=f"the account's mode is {mode}",
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


def test_customers_deliver_nothing(probe: Recorder, cast: Cast, account: str, region: str) -> None:
    """Deliveries start and end in an account: what lies there may be another account's bucket."""
    reader = cast.administrator(account)
    logs = cast.client(reader, "logs", region)
    kinds = {
        "describe_destinations": "destinations",
        "describe_deliveries": "deliveries",
        "describe_delivery_sources": "deliverySources",
        "describe_delivery_destinations": "deliveryDestinations",
    }
    subject = Subject(
        "no-deliveries",
        ("L09", "L12"),
        "a customer's account has neither deliveries nor destinations",
        reader,
        "logs:DescribeDeliveries",
        f"{account} in {region}",
        (),
    )
    absent(
        probe,
        subject,
        lambda: [
            each
            for operation, member in kinds.items()
            for each in getattr(logs, operation)()[member]
        ],
    )


def test_records_go_nowhere_else(probe: Recorder, cast: Cast, account: str) -> None:
    home = cast.stage.homes[account]
    reader = cast.administrator(account)
    logs = cast.client(reader, "logs", home.region)
    for group in home.groups:
        subject = Subject(
            "no-deliveries",
            ("L09",),
            "no subscription filter takes records out of a customer's log group",
            reader,
            "logs:DescribeSubscriptionFilters",
            group.name,
            (group.arn,),
        )
        absent(
            probe,
            subject,
            lambda name=group.name: logs.describe_subscription_filters(  # type: ignore[misc]
                logGroupName=name
            )["subscriptionFilters"],
        )


def test_no_account_policy_takes_records_out(probe: Recorder, cast: Cast, account: str) -> None:
    """A subscription of the whole account, which the filters of a group do not show, and a
    retention, which a day later is every group's."""
    home, reader = cast.stage.homes[account], cast.administrator(account)
    logs = cast.client(reader, "logs", home.region)
    for kind, policy, row, claim in (
        ("account-subscriptions", "SUBSCRIPTION_FILTER_POLICY", "L10", "takes records out"),
        ("account-retention", "RETENTION_POLICY", "L18", "says how long records are kept"),
    ):
        subject = Subject(
            kind,
            (row,),
            f"no policy of a customer's whole account {claim}",
            reader,
            "logs:DescribeAccountPolicies",
            str(home),
            (),
        )
        absent(
            probe,
            subject,
            lambda policy=policy: logs.describe_account_policies(  # type: ignore[misc]
                policyType=policy
            )["accountPolicies"],
        )


def test_records_are_written_with_signatures(probe: Recorder, cast: Cast, account: str) -> None:
    """A bearer token has no expiry of its own, and whoever has it writes."""
    home, reader = cast.stage.homes[account], cast.administrator(account)
    logs = cast.client(reader, "logs", home.region)

    def with_tokens() -> list[str]:
        pages = logs.get_paginator("describe_log_groups").paginate()
        groups = [group for page in pages for group in page["logGroups"]]
        return [g["logGroupName"] for g in groups if g.get("bearerTokenAuthenticationEnabled")]

    subject = Subject(
        "bearer-tokens",
        ("L26",),
        "no log group of a customer's account takes events with a bearer token",
        reader,
        "logs:DescribeLogGroups",
        str(home),
        (),
    )
    absent(probe, subject, with_tokens)


def test_records_are_encrypted_with_the_customers_key(
    probe: Recorder, cast: Cast, account: str
) -> None:
    home = cast.stage.homes[account]
    reader = cast.administrator(account)
    logs = cast.client(reader, "logs", home.region)
    # Where the environment says so, and nowhere else, nothing expires.
    held = cast.stage.environment.customers[home.customer].legal_hold
    for wanted in home.groups:
        days = None if held else wanted.retention_in_days
        groups = logs.describe_log_groups(logGroupNamePrefix=wanted.name)["logGroups"]
        group: dict[str, Any] = next((g for g in groups if g["logGroupName"] == wanted.name), {})
        key = group.get("kmsKeyId", "")
        owned = key.split(":")[4:5] == [account]
        probe.state(
            Subject(
                "log-group",
                ("K05", "K09", "L18", "L19"),
                "records are encrypted with a key of the customer's own account, and expire",
                reader,
                "logs:DescribeLogGroups",
                wanted.name,
                (wanted.arn,),
            ),
            expected="own key, the retention that was deployed, class STANDARD",
            observed="own key" if owned else "no key of the account",
            holds=owned
            and key == wanted.key_arn
            and group.get("retentionInDays") == days
            and group.get("logGroupClass", "STANDARD") == "STANDARD",
            why=f"key of account {key.split(':')[4] if owned else 'unknown'}, "
            f"retention {group.get('retentionInDays', 'unlimited')} days "
            f"of {days or 'unlimited'}, "
            f"class {group.get('logGroupClass', 'STANDARD')}",
        )


def test_content_lies_apart(probe: Recorder, cast: Cast, account: str) -> None:
    """Its own key, so that it can be made unreadable alone, and days instead of years."""
    home, reader = cast.stage.homes[account], cast.administrator(account)
    logs = cast.client(reader, "logs", home.region)
    subject = Subject(
        "content-apart",
        ("K03", "L18"),
        "prompts and answers, if they are logged, have a key of their own and are gone in a month",
        reader,
        "logs:DescribeLogGroups",
        f"content of {home}",
        (home.group_arn,),
    )
    groups = logs.describe_log_groups(logGroupNamePrefix="/bulkhead/")["logGroups"]
    content = [g for g in groups if home.content and g["logGroupName"] == home.content.name]
    apart = [g for g in content if g.get("kmsKeyId") not in ("", None, home.key_arn)]
    held = cast.stage.environment.customers[home.customer].legal_hold
    short = [g for g in content if held or g.get("retentionInDays", 9999) <= LONGEST_CONTENT]
    probe.state(
        subject,
        expected="apart, and short-lived",
        observed="apart, and short-lived" if apart == content == short else "with the records",
        holds=apart == content == short,
        why=f"{len(content)} groups for content, {len(apart)} with a key of its own, "
        f"{len(short)} for {LONGEST_CONTENT} days at most",
    )


def test_streams_are_named_by_the_client(probe: Recorder, cast: Cast, account: str) -> None:
    """A stream's name cannot be masked and is shown to whoever may list streams."""
    home, reader = cast.stage.homes[account], cast.administrator(account)
    logs = cast.client(reader, "logs", home.region)
    for group in home.groups:
        pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group.name)
        names = [s["logStreamName"] for page in pages for s in page["logStreams"]]
        strange = [n for n in names if not STREAM.fullmatch(n)]
        probe.state(
            Subject(
                "stream-names",
                ("L31",),
                "the names of log streams carry nothing that a user wrote",
                reader,
                "logs:DescribeLogStreams",
                group.name,
                (group.arn,),
            ),
            expected="names that the client makes",
            observed="other names" if strange else "names that the client makes",
            holds=not strange,
            why=f"{len(strange)} of {len(names)} names are of another form",
        )


def test_no_service_writes_to_records(probe: Recorder, cast: Cast, account: str) -> None:
    """A resource policy of CloudWatch Logs lets services write, whoever asked them to."""
    home, reader = cast.stage.homes[account], cast.administrator(account)
    logs = cast.client(reader, "logs", home.region)
    subject = Subject(
        "log-policies",
        ("L07", "L08"),
        "no resource policy lets services write to a customer's log groups",
        reader,
        "logs:DescribeResourcePolicies",
        str(home),
        (),
    )

    def policies() -> list[Any]:
        # Without a scope, those of the account are told, and none of a group.
        pages = logs.get_paginator("describe_resource_policies")
        scopes: list[dict[str, Any]] = [
            {"policyScope": "ACCOUNT"},
            *({"policyScope": "RESOURCE", "resourceArn": group.arn} for group in home.groups),
        ]
        return [
            policy
            for scope in scopes
            for page in pages.paginate(**scope)
            for policy in page["resourcePolicies"]
        ]

    absent(probe, subject, policies)


def test_no_field_of_a_record_becomes_a_metric(probe: Recorder, cast: Cast, account: str) -> None:
    home, reader = cast.stage.homes[account], cast.administrator(account)
    logs = cast.client(reader, "logs", home.region)

    def with_dimensions(name: str) -> list[Any]:
        pages = logs.get_paginator("describe_metric_filters").paginate(logGroupName=name)
        return [
            each
            for page in pages
            for each in page["metricFilters"]
            if any(t.get("dimensions") for t in each["metricTransformations"])
        ]

    for group in home.groups:
        subject = Subject(
            "metric-filters",
            ("L27", "O11"),
            "no metric filter puts fields of records into dimensions",
            reader,
            "logs:DescribeMetricFilters",
            group.name,
            (group.arn,),
        )
        absent(probe, subject, lambda name=group.name: with_dimensions(name))  # type: ignore[misc]


def test_no_events_leave_an_account(probe: Recorder, cast: Cast, account: str, region: str) -> None:
    """No rule of EventBridge has a target in another account, or at an address of the internet."""
    reader = cast.administrator(account)
    events = cast.client(reader, "events", region)
    subject = Subject(
        "event-rules",
        ("O16",),
        "no event rule of a customer's account sends to another account or address",
        reader,
        "events:ListRules",
        f"{account} in {region}",
        (),
    )

    def foreign() -> list[str]:
        buses = [bus["Name"] for bus in events.list_event_buses()["EventBuses"]]
        # An API destination is an address, called with what its connection holds.
        addresses = [found["Name"] for found in events.list_api_destinations()["ApiDestinations"]]
        return addresses + [
            target["Arn"]
            for bus in buses
            for rule in events.list_rules(EventBusName=bus)["Rules"]
            for target in events.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus)[
                "Targets"
            ]
            if target["Arn"].split(":")[4] not in ("", account)
        ]

    absent(probe, subject, foreign)


def test_keys_rotate(probe: Recorder, cast: Cast, account: str) -> None:
    """What a stolen copy of yesterday's key material opens ends with the rotation."""
    home, reader = cast.stage.homes[account], cast.administrator(account)
    kms = cast.client(reader, "kms", home.region)
    for group in home.groups:
        subject = Subject(
            "key-rotation",
            ("K12",),
            "a customer's keys get new material once a year",
            reader,
            "kms:GetKeyRotationStatus",
            f"key of {group.name}",
            (group.key_arn,),
        )
        try:
            rotates = kms.get_key_rotation_status(KeyId=group.key_arn)["KeyRotationEnabled"]
        except ClientError as error:
            probe.state(subject, expected="on", observed="unknown", holds=None, why=str(error))
            continue
        probe.state(
            subject,
            expected="on",
            observed="on" if rotates else "off",
            holds=rotates,
            why=f"rotation is {'on' if rotates else 'off'}",
        )


def test_nobody_added_a_policy_to_a_fleet_role(probe: Recorder, cast: Cast, customer: str) -> None:
    """Beside the one that Terraform makes; a stop is attached, and not inline."""
    role = cast.stage.fleets[customer].role_name
    reader = cast.administrator(cast.stage.environment.operations_account)
    iam = cast.client(reader, "iam")
    subject = Subject(
        "fleet-policies",
        ("P40",),
        "a fleet role has the policy that Terraform made, and none by hand",
        reader,
        "iam:ListRolePolicies",
        f"fleet role of {customer}",
        (cast.stage.fleets[customer].role_arn,),
    )

    def more() -> list[str]:
        pages = iam.get_paginator("list_role_policies").paginate(RoleName=role)
        return [name for page in pages for name in page["PolicyNames"]][1:]

    absent(probe, subject, more)
