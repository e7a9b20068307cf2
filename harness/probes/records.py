"""What probes know of log groups: how services name them, and how one writes and reads."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from harness.probes.cast import OUTSIDERS, Actor, Cast
from harness.probes.stage import Group, Home

_ENDS = ("", ":*", ":log-stream:", ":log-stream:*")


def names_of(group: Group, *streams: str) -> tuple[str, ...]:
    """The ARNs by which a service may name a group, or a stream in it."""
    return (
        *(group.arn + end for end in _ENDS),
        *(f"{group.arn}:log-stream:{stream}" for stream in streams),
    )


def write(
    cast: Cast,
    actor: Actor,
    home: Home,
    group: Group,
    stream: str,
    message: str,
    *,
    new: bool = True,
) -> None:
    """Put one event into a stream, which is made before if it may be `new`."""
    logs = cast.client(actor, "logs", home.region)
    if new:
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(logGroupName=group.name, logStreamName=stream)
    event = {"timestamp": int(time.time() * 1000), "message": message}
    logs.put_log_events(logGroupName=group.name, logStreamName=stream, logEvents=[event])


def reads(cast: Cast, actor: Actor, home: Home, group: Group, stream: str) -> dict[str, Any]:
    """By operation, every call that reads a group of the actor's own account."""
    logs = cast.client(actor, "logs", home.region)
    now = int(time.time())
    named = {"logGroupName": group.name}

    def tail() -> object:
        return next(iter(logs.start_live_tail(logGroupIdentifiers=[group.arn])["responseStream"]))

    calls: dict[str, Callable[[], object]] = {
        "FilterLogEvents": lambda: logs.filter_log_events(**named),
        "GetLogEvents": lambda: logs.get_log_events(**named, logStreamName=stream),
        "DescribeLogStreams": lambda: logs.describe_log_streams(**named),
        "StartQuery": lambda: logs.start_query(
            **named, startTime=now - 60, endTime=now, queryString="fields @message"
        ),
        "StartLiveTail": tail,
    }
    return calls


def changes(cast: Cast, actor: Actor, home: Home, group: Group) -> dict[str, Any]:
    """By operation, calls that would take records away or send them elsewhere. Those that might be
    allowed by mistake do no harm: they say what is so already, or name what is not there."""
    logs = cast.client(actor, "logs", home.region)
    named, missing = {"logGroupName": group.name}, cast.helper_name("none")
    calls: dict[str, Callable[[], object]] = {
        "PutRetentionPolicy": lambda: logs.put_retention_policy(
            # While a hold lasts there is none: the longest that there is.
            **named,
            retentionInDays=group.retention_in_days or 3653,
        ),
        "DeleteLogStream": lambda: logs.delete_log_stream(**named, logStreamName=missing),
        "AssociateKmsKey": lambda: logs.associate_kms_key(**named, kmsKeyId=group.key_arn),
        "PutDataProtectionPolicy": lambda: logs.put_data_protection_policy(
            logGroupIdentifier=group.name, policyDocument="{}"
        ),
        "PutSubscriptionFilter": lambda: logs.put_subscription_filter(
            **named,
            filterName=missing,
            filterPattern="",
            destinationArn=f"arn:aws:lambda:{home.region}:{home.account}:function:{missing}",
        ),
        "CreateExportTask": lambda: logs.create_export_task(
            **named, **{"from": 0, "to": 1, "destination": missing}
        ),
    }
    return calls


def strangers(cast: Cast, account: str) -> list[Actor]:
    """Everybody outside of the account, with all rights that their own accounts give."""
    home = cast.stage.homes[account]
    others = [h for h in cast.stage.homes if cast.stage.homes[h].customer != home.customer]
    return [
        cast.operations_role(),
        cast.administrator(cast.stage.environment.operations_account),
        *(cast.other_role(other) for other in others),
        *(cast.outsider(name) for name in OUTSIDERS),
    ]


def documents(iam: Any, role: str) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    """The trust policy of a role and its inline policies, as somebody who may see them."""
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    inline = [iam.get_role_policy(RoleName=role, PolicyName=n)["PolicyDocument"] for n in names]
    return _loaded(trust), [_loaded(each) for each in inline]


def _loaded(document: Any) -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = json.loads(document) if isinstance(document, str) else document
    return loaded
