"""Amazon Resource Names as parameters carry them: checked, never guessed."""

from __future__ import annotations

import re

from harness.cloud.call import Call, Unmapped

_ACCOUNT = re.compile(r"\d{12}|aws")
# Services whose ARNs have no account: who owns them is looked up, or AWS does.
_NO_ACCOUNT = frozenset({"s3", "bedrock"})
# Services whose operations take ARNs of another region than the one that answers.
_ANY_REGION = frozenset({"cloudtrail"})


def is_arn(value: str) -> bool:
    return value.startswith("arn:")


def owner_of(arn: str) -> str:
    """The account in an ARN; empty when AWS owns the resource (`arn:aws:iam::aws:policy/…`)."""
    account = arn.split(":", 5)[4]
    return "" if account == "aws" else account


def checked_arn(call: Call, value: str) -> str:
    """An ARN given as a parameter, unchanged.

    An emulator may act on the last part of an ARN alone. A partition, account or region that
    AWS would refuse must therefore not reach the decision, where it would slip past a Deny that
    names the right ones: raises `Unmapped`.
    """
    parts = value.split(":", 5)
    if len(parts) < 6 or parts[1] != "aws" or not parts[5]:
        raise Unmapped(call.service, call.operation)
    _, _, service, region, account, _ = parts
    if not _ACCOUNT.fullmatch(account) and not (account == "" and service in _NO_ACCOUNT):
        raise Unmapped(call.service, call.operation)
    if region not in ("", call.region) and service not in _ANY_REGION:
        raise Unmapped(call.service, call.operation)
    return value


def last_segment(arn: str) -> str:
    """The name in an IAM ARN: what follows the last slash."""
    return arn.rsplit("/", 1)[-1]
