"""Multipart uploads belong to the key that they were begun for.

moto looks at the upload's id alone: parts would be written to, and listed of, another key than the
one that was authorized. https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html
"""

from __future__ import annotations

from typing import Any

from moto.s3.models import s3_backends

from harness.cloud.call import ApiError, Call

_BY_ID = frozenset(
    {
        "AbortMultipartUpload",
        "CompleteMultipartUpload",
        "ListParts",
        "UploadPart",
        "UploadPartCopy",
    }
)


def check_upload(call: Call) -> None:
    """Raise `ApiError` (NoSuchUpload) for an upload of another key, or that there is not."""
    if call.service != "s3" or call.operation not in _BY_ID:
        return
    bucket = str(call.params.get("Bucket") or "")
    owner = s3_backends.bucket_accounts.get(bucket)
    if owner is None:
        return  # the inner app says that there is no such bucket
    held: Any = s3_backends[owner[1]]["aws"].buckets.get(bucket)
    upload = held.multiparts.get(str(call.params.get("UploadId") or "")) if held else None
    if upload is None or upload.key_name != call.params.get("Key"):
        raise ApiError(
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload may "
            "have been aborted or completed.",
            404,
        )
