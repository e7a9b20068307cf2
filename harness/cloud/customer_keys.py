"""Customers' KMS keys that this cloud would not ask for: naming one is refused.

Data that were said to lie under a key and were served without it would make a wall of nothing.
What is enforced is the table below; the rest, as the services' models have it, is refused. So is
an alias as a bucket's default: whoever may move one would choose the key that protects the data.
Elsewhere the key behind an alias is kept (`harness.cloud.key_names`).
https://docs.aws.amazon.com/kms/latest/developerguide/service-integration.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.cloud.call import ApiError, Call
from harness.cloud.wire import service_model

_KEY = re.compile(r"(?i)(?!.*algorithm).*(kms.*key|encryption_?key).*")
_AWS_ALIAS = re.compile(r"(arn:aws:kms:[a-z0-9-]+:[0-9]{12}:)?alias/aws/[a-z0-9]+")
# Members whose key is asked for: by the catalogue (`special.sealed`) …
_ENFORCED = frozenset(
    {
        ("s3", "SSEKMSKeyId"),
        ("s3", "KMSMasterKeyID"),
        ("secretsmanager", "KmsKeyId"),
        ("ssm", "KeyId"),
    }
)
# … or by those who play these services.
_PLAYED = frozenset({"bedrock", "bedrock-runtime", "kms", "logs", "observabilityadmin", "xray"})
_KEY_ID = frozenset({("ssm", "PutParameter"), ("kinesis", "StartStreamEncryption")})
_NESTED = frozenset({"AddReplicaRegions", "S3Destination"})
_ATTRIBUTES: Mapping[str, str] = {"sqs": "KmsMasterKeyId", "sns": "KmsMasterKeyId"}


def check_customer_keys(call: Call) -> None:
    """Raise `ApiError` (UnsupportedOperation) for a key that would not be asked for."""
    if call.service in _PLAYED:
        return
    if call.params.get("SSEKMSEncryptionContext"):
        raise _refused("keep an encryption context of one's own")
    for path, value in _keys(call):
        member = path.rpartition(".")[2]
        if not value or is_aws_alias(value):
            continue
        if (call.service, member) not in _ENFORCED or path.partition(".")[0] in _NESTED:
            raise _refused(f"ask for the key in {path}")
        if "alias/" in value and member == "KMSMasterKeyID":
            raise _refused(f"take an alias as {path}: name the key by its id or ARN")


def is_aws_alias(key: str) -> bool:
    """Whether a key is AWS's own of a service, such as `alias/aws/s3`."""
    return _AWS_ALIAS.fullmatch(key) is not None


def _refused(what: str) -> ApiError:
    return ApiError("UnsupportedOperation", f"The embedded cloud does not {what}.")


def _keys(call: Call) -> Iterator[tuple[str, str]]:
    """Paths and values of the members that name a KMS key."""
    attribute = _ATTRIBUTES.get(call.service)
    if attribute:
        given = call.params.get("Attributes") or {}
        yield attribute, str(given.get(attribute) or "")
        if call.params.get("AttributeName") == attribute:
            yield attribute, str(call.params.get("AttributeValue") or "")
    elif (call.service, call.operation) in _KEY_ID:
        yield "KeyId", str(call.params.get("KeyId") or "")
    elif names_keys(call.service, call.operation):
        yield from _within(call.params, "")


def _within(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            inner = f"{path}.{name}" if path else str(name)
            if isinstance(member, str) and _KEY.fullmatch(str(name)):
                yield inner, member
            else:
                yield from _within(member, inner)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _within(item, path)


@functools.cache
def names_keys(service: str, operation: str) -> bool:
    """Whether the model of an operation has a member that names a KMS key."""
    model = service_model(service)
    if model is None or operation not in model.operation_names:
        return False
    return _has_key(model.operation_model(operation).input_shape, ())


def _has_key(shape: Any, seen: tuple[str, ...]) -> bool:
    if shape is None or shape.name in seen:
        return False
    seen = (*seen, shape.name)
    if shape.type_name == "structure":
        return any(
            (member.type_name == "string" and _KEY.fullmatch(name) is not None)
            or _has_key(member, seen)
            for name, member in shape.members.items()
        )
    if shape.type_name == "list":
        return _has_key(shape.member, seen)
    return shape.type_name == "map" and _has_key(shape.value, seen)
