"""Images, documents and videos that lie in S3: read with the caller's own rights.

Converse has no service role, so whoever calls needs `s3:GetObject`, and the bucket is the caller's
unless `bucketOwner` says whose it is.
https://docs.aws.amazon.com/bedrock/latest/userguide/s3-bucket-access.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_S3Location.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from harness.cloud.bedrock.errors import invalid
from harness.cloud.call import ApiError, Call, ServiceRole

_KINDS: Final = ("image", "document", "video")
_URI: Final = re.compile(r"s3://([a-z0-9][.\-a-z0-9]{1,61}[a-z0-9])/(.+)")
_DENIED: Final = ("AccessDenied", "AccessDeniedException")


def fetched(call: Call, params: Mapping[str, Any], service_role: ServiceRole) -> dict[str, Any]:
    """Converse's members with the bytes of what they name in S3.

    Raises `ApiError`: AccessDeniedException where the caller may not read an object or another
    account owns the bucket, ValidationException where there is none.
    """
    made = dict(params)
    made["messages"] = [
        {**message, "content": _blocks(call, message.get("content"), service_role)}
        for message in params.get("messages") or ()
    ]
    return made


def _blocks(call: Call, content: Any, service_role: ServiceRole) -> list[Any]:
    return [_block(call, dict(block), service_role) for block in content or ()]


def _block(call: Call, block: dict[str, Any], service_role: ServiceRole) -> dict[str, Any]:
    if "toolResult" in block:
        result = block["toolResult"]
        content = _blocks(call, result.get("content"), service_role)
        block["toolResult"] = {**result, "content": content}
    for kind in _KINDS:
        source = (block.get(kind) or {}).get("source") or {}
        if "s3Location" in source:
            body = _object(call, source["s3Location"], service_role)
            block[kind] = {**block[kind], "source": {"bytes": body}}
    return block


def _object(call: Call, location: Mapping[str, Any], service_role: ServiceRole) -> bytes:
    found = _URI.fullmatch(str(location.get("uri") or ""))
    if found is None:
        raise invalid("The S3 URI is not valid.")
    try:
        answer = service_role.forward(
            call,
            "s3",
            call.region,
            "GetObject",
            {
                "Bucket": found[1],
                "Key": found[2],
                "ExpectedBucketOwner": str(location.get("bucketOwner") or call.account),
            },
        )
    except ApiError as error:
        if error.code in _DENIED:
            raise ApiError("AccessDeniedException", error.message, 403) from None
        raise invalid("The S3 location could not be read.") from None
    return bytes(answer["Body"].read())
