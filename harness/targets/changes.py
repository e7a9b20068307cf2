"""Which calls change nothing. What is not known to change nothing counts as a change.

Operations of AWS's APIs are named by their verb, and reading ones have few; those that read under
another name, or give out credentials that end by themselves, are listed.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html (access levels)
"""

from __future__ import annotations

import re
from typing import Any

from harness.errors import UserError

_READS = re.compile(r"(?:BatchGet|Describe|Filter|Get|Head|List|Lookup|Select|Simulate)[A-Z0-9]\w*")
_OTHER_READS = frozenset(
    {
        # Credentials that end.
        *("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"),
        *("sts:DecodeAuthorizationMessage",),
        # Cost money, and leave nothing.
        *("bedrock-runtime:Converse", "bedrock-runtime:ConverseStream"),
        *("bedrock-runtime:InvokeModel", "bedrock-runtime:InvokeModelWithResponseStream"),
        *("bedrock-runtime:ApplyGuardrail", "bedrock-runtime:CountTokens"),
        # Computed from what the caller gives.
        *("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncrypt", "kms:Verify"),
        *("kms:GenerateDataKeyWithoutPlaintext",),
        *("logs:StartQuery", "logs:StopQuery", "logs:TestMetricFilter"),
    }
)
# Named like a read.
_NO_READS = frozenset({"sso:GetRoleCredentials"})


class ChangeRefused(UserError):
    """A call that could change something was held back: the accounts are real, and nobody asked."""


def changes(service: str, operation: str) -> bool:
    """Whether a call of this operation could change something, by botocore's names."""
    name = f"{service}:{operation}"
    if name in _NO_READS:
        return True
    return name not in _OTHER_READS and _READS.fullmatch(operation) is None


def refuse_changes(client: Any) -> None:
    """Have a boto3 client raise `ChangeRefused`, before anything is sent, for calls that change."""
    client.meta.events.register_first("provide-client-params", _refuse)


def _refuse(model: Any, **_: Any) -> None:
    service = model.service_model.service_name
    if changes(service, model.name):
        raise ChangeRefused(
            f"{service} {model.name} could change a real account and was not sent; a probe that "
            "makes such calls says so, and runs with --changing"
        )
