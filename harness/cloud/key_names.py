"""Keys are kept as what they were when data were written, not as what they were called.

An alias can be moved, and an id is one of the account that says it: the inner app gets the ARN of
the key that was decided on. Whoever reads the data needs that key, in S3 from any account.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html
https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.cloud.call import ApiError, Call, World
from harness.cloud.catalogue.special.sealed import WRITES, asked
from harness.cloud.customer_keys import is_aws_alias
from harness.cloud.wire import Operation

_HEADER = "HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION_AWS_KMS_KEY_ID"
# By operation: the member of its JSON body that names a key.
_MEMBERS: Mapping[tuple[str, str], str] = {
    ("secretsmanager", "CreateSecret"): "KmsKeyId",
    ("secretsmanager", "UpdateSecret"): "KmsKeyId",
    ("ssm", "PutParameter"): "KeyId",
}


def name_the_key(operation: Operation, call: Call, world: World) -> tuple[Operation, Call]:
    """A decided call with the ARN of the key it writes under; any other call as it is.

    Secrets and parameters keep an id as it is, which their services tell again. Raises `ApiError`
    for an alias of no key.
    """
    if call.service == "s3" and call.operation in WRITES:
        sealed = asked(call, world, str(call.params.get("Bucket") or ""))
        key = _found(call, world, sealed.key if sealed else "")
        if not key:
            return operation, call
        environ = {**operation.request.environ, _HEADER: key}
        return _with(operation, call, {"SSEKMSKeyId": key}, environ, operation.request.body)
    member = _MEMBERS.get((call.service, call.operation), "")
    named = str(call.params.get(member) or "")
    key = _found(call, world, named) if "alias/" in named else ""
    if not key:
        return operation, call
    body = json.dumps({**json.loads(operation.request.body), member: key}).encode()
    environ = {**operation.request.environ, "CONTENT_LENGTH": str(len(body))}
    return _with(operation, call, {member: key}, environ, body)


def _found(call: Call, world: World, key: str) -> str:
    """The ARN of a customer's key; empty for the service's own, and for an id of no key."""
    if not key or is_aws_alias(key):
        return ""
    found = world.key_arn(call.account, call.region, key)
    if found is None and "alias/" in key:
        code = "KMS.NotFoundException" if call.service == "s3" else "InvalidKeyId"
        code = "InvalidParameterException" if call.service == "secretsmanager" else code
        raise ApiError(code, f"Alias {key} is not found.")
    return found or ""


def _with(
    operation: Operation,
    call: Call,
    members: Mapping[str, str],
    environ: dict[str, Any],
    body: bytes,
) -> tuple[Operation, Call]:
    request = replace(operation.request, environ=environ, body=body)
    params = {**call.params, **members}
    return replace(operation, params=params, request=request), replace(call, params=params)
