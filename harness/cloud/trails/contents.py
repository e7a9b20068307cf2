"""What of a call's parameters and answer gets into its CloudTrail event: no content, no secrets.

Members that AWS's own models mark as sensitive are hidden, and those that services document.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
# What alone is shown: Bedrock's events name the model and never what was said to it.
# https://docs.aws.amazon.com/bedrock/latest/userguide/logging-using-cloudtrail.html
_SHOWN: dict[str, frozenset[str]] = {"bedrock-runtime": frozenset({"modelId"})}
# Members, at any depth, that are hidden although no model marks them. A session token with its
# secret is a credential; that CloudTrail shows the token of AssumeRole is not followed.
_SECRET = frozenset(
    {
        "authparameters",
        "environment",
        "filterpattern",
        "plaintext",
        "privatekeyplaintext",
        "querystring",
        "samlassertion",
        "secretaccesskey",
        "secretbinary",
        "secretstring",
        "servicepassword",
        "sessiontoken",
        "tokencode",
        "tracesegmentdocuments",
        "webidentitytoken",
    }
)
_SECRET_OF: dict[str, frozenset[str]] = {
    "bedrock": frozenset({"blockedinputmessaging", "blockedoutputsmessaging"}),
    "kms": frozenset({"ciphertextblob", "message", "signature", "mac"}),
    "ssm": frozenset({"value"}),
    "lambda": frozenset({"zipfile"}),
}


def shown(service: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters that may be kept for an event of the service; cheap, for each request."""
    names = _SHOWN.get(service)
    if names is None:
        return params
    return {name: params[name] for name in names if name in params}


def as_recorded(service: str, value: Mapping[str, Any], shape: Shape | None) -> dict[str, Any]:
    """Parameters or answer in CloudTrail's form: names begin in lower case, secrets are hidden."""
    recorded: dict[str, Any] = _Recording(service).value(value, shape)
    return recorded


class _Recording:
    def __init__(self, service: str) -> None:
        self._secret = _SECRET | _SECRET_OF.get(service, frozenset())

    def value(self, value: Any, shape: Shape | None) -> Any:
        if shape is not None and shape.metadata.get("sensitive"):
            return HIDDEN
        if isinstance(value, Mapping):
            if isinstance(shape, MapShape):
                return {str(key): self.value(v, shape.value) for key, v in value.items()}
            return {
                _lower(str(name)): self._member(str(name), v, shape) for name, v in value.items()
            }
        if isinstance(value, (list, tuple)):
            member = shape.member if isinstance(shape, ListShape) else None
            return [self.value(item, member) for item in value]
        if isinstance(value, datetime):
            return value.strftime("%b %-d, %Y, %-I:%M:%S %p")
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        return HIDDEN  # bytes and streams: content

    def _member(self, name: str, value: Any, shape: Shape | None) -> Any:
        if name.lower() in self._secret:
            return HIDDEN
        known = isinstance(shape, StructureShape) and name in shape.members
        return self.value(value, shape.members[name] if known else None)  # type: ignore[union-attr]


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
