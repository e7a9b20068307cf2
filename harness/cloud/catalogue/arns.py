"""Amazon Resource Names as parameters carry them: the one place that reads them, field by field.

An emulator may act on the last part of an ARN alone. An ARN that AWS would refuse must therefore
not reach the decision, where it would slip past a Deny that names the right one.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from harness.cloud.call import Call, Unmapped

Form = re.Pattern[str]
"""What the last field of an ARN, the resource, must match as a whole."""

NAME = r"[A-Za-z0-9_+=,.@#$-]+"
"""One name. No escapes, wildcards or separators: names that hold others are spelled out."""
PATH = rf"(?:{NAME}/)*{NAME}"
GROUP = r"[A-Za-z0-9_./#-]{1,512}"
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html"""

_ARN = re.compile(r"arn:aws:([a-z0-9-]+):([a-z0-9-]*):([0-9]{12}|aws|):([!-~]+)")
_LIKE_ARN = re.compile(r"(?i)(?<![a-z])arn:")
_NO_REGION = frozenset({"account", "billing", "budgets", "ce", "iam", "organizations", "s3", "sts"})
# Resources without an account, and, of CloudWatch, without a Region.
_NO_ACCOUNT = re.compile(
    r"s3:.*|bedrock:(foundation-model|prompt-router|guardrail-profile)/.*"
    r"|events:event-source/.*|ssm:document/(AWS|Amazon).*"
)
_GLOBAL = re.compile(r"cloudwatch:dashboard/.*")
# Services whose operations take ARNs of another Region than the one that answers.
_ANY_REGION = frozenset({"cloudtrail"})

_ANY = rf"[A-Za-z][A-Za-z0-9-]*[:/]{PATH}(?::{PATH})*"
# Forms of the resource by service: of a member of that name, else under "".
_FORMS: Mapping[str, Mapping[str, str]] = {
    "ce": {"BillingViewArn": rf"billingview/{PATH}"},
    "dynamodb": {
        "BackupArn": rf"table/{NAME}/backup/{NAME}",
        "ExportArn": rf"table/{NAME}/export/{NAME}",
        "ImportArn": rf"table/{NAME}/import/{NAME}",
        "ResourceArn": rf"table/{NAME}(?:/stream/[0-9T:.-]+)?",
        "": rf"table/{NAME}",
    },
    "events": {
        "ResourceARN": rf"(?:rule/(?:{NAME}/)?{NAME}|event-bus/{NAME})",
        "ConnectionArn": rf"connection/{NAME}/{NAME}",
        "EventSourceArn": rf"event-bus/{NAME}",
        "Destination.Arn": rf"event-bus/{NAME}",
    },
    "iam": {
        "PolicyArn": rf"policy/{PATH}",
        "OpenIDConnectProviderArn": r"oidc-provider/[A-Za-z0-9_./:-]+",
        "SAMLProviderArn": rf"saml-provider/{NAME}",
        "SerialNumber": rf"(?:mfa|u2f|sms-mfa)/{PATH}",
        "": rf"(?:user|group|role|policy)/{PATH}",
    },
    "kinesis": {
        "StreamARN": rf"stream/{NAME}",
        "ConsumerARN": rf"stream/{NAME}/consumer/{NAME}:[0-9]+",
        "ResourceARN": rf"stream/{NAME}(?:/consumer/{NAME}:[0-9]+)?",
        "ChannelARN": rf"channel/{NAME}",
    },
    "lambda": {
        "Arn": rf"layer:{NAME}:[0-9]+",
        "Resource": rf"(?:function|layer|event-source-mapping|code-signing-config"
        rf"|capacity-provider):{NAME}",
        "ResourceArn": rf"(?:function:{NAME}(?::{NAME})?|layer:{NAME}:[0-9]+)",
        "CodeSigningConfigArn": rf"code-signing-config:{NAME}",
    },
    "sns": {
        "TargetArn": rf"(?:{NAME}|endpoint/{NAME}/{NAME}/{NAME})",
        "": NAME,
    },
    "sqs": {"": NAME},
    "stepfunctions": {
        "activityArn": rf"activity:{NAME}",
        "executionArn": rf"(?:execution|express):{NAME}(?::{NAME})+",
        "mapRunArn": rf"mapRun:{PATH}(?::{NAME})*",
        "resourceArn": rf"(?:stateMachine|activity):{NAME}",
        "": rf"stateMachine:{NAME}(?::{NAME})?",
    },
}
# Members whose ARN is one of another service.
_FOREIGN: Mapping[str, str] = {"BillingViewArn": "billing"}


def is_arn(value: str) -> bool:
    """Whether a value is an ARN or would be one in another case or behind something else."""
    return _LIKE_ARN.search(value) is not None


def owner_of(arn: str) -> str:
    """The account in an ARN; empty when AWS owns the resource (`arn:aws:iam::aws:policy/…`)."""
    account = arn.split(":", 5)[4]
    return "" if account == "aws" else account


def is_of(value: str, region: str, service: str, form: Form) -> bool:
    """Whether a value is the ARN of a resource of that service and form, seen from `region`."""
    match = _ARN.fullmatch(value)
    if match is None or match[1] != service or form.fullmatch(match[4]) is None:
        return False
    place, account, resource = match[2], match[3], f"{service}:{match[4]}"
    if service in _NO_REGION or _GLOBAL.fullmatch(resource):
        if place:
            return False
    elif place != region and not (place and service in _ANY_REGION):
        return False
    if account == "aws":
        return service == "iam"
    return (account == "") == (_NO_ACCOUNT.fullmatch(resource) is not None)


def checked_arn(call: Call, value: str, service: str, form: Form) -> str:
    """An ARN given as a parameter, unchanged. Raises `Unmapped` where `is_of` says no."""
    if not is_of(value, call.region, service, form):
        raise Unmapped(call.service, call.operation)
    return value


def member_form(service: str, prefix: str, member: str) -> tuple[str, Form]:
    """The service and form of the ARN that a member of an operation of `service` carries."""
    forms = _FORMS.get(service, {})
    return _FOREIGN.get(member, prefix), form(forms.get(member) or forms.get("") or _ANY)


@cache
def form(pattern: str) -> Form:
    """A form from its pattern."""
    return re.compile(pattern)


def last_segment(arn: str) -> str:
    """The name in an IAM ARN: what follows the last slash."""
    return arn.rsplit("/", 1)[-1]


_LOG_GROUP = form(rf"log-group:{GROUP}(?::\*)?")


def log_group_of(value: str, region: str) -> tuple[str, str] | None:
    """Account and name of the group whose ARN `value` is, with or without `:*`; else None.

    Not the ARN of a stream in it: what names one stream must not be served as all of them.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """
    if not is_of(value, region, "logs", _LOG_GROUP):
        return None
    fields = value.split(":", 7)
    return fields[4], fields[6]
