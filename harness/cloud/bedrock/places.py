"""Places in Amazon S3 that jobs read from and write to, named by `s3://BUCKET/PREFIX`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.cloud.bedrock.errors import invalid

_URI: Final = re.compile(r"s3://([a-z0-9][.\-a-z0-9]{1,61}[a-z0-9])(?:/(.*))?")

Use = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""Makes one S3 call, operation and parameters, with somebody's rights. Raises `ApiError`."""


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, a key or prefix in it, and what the request said of the bucket."""

    bucket: str
    key: str
    owner: str | None = None
    kms_key: str | None = None

    def under(self, name: str) -> Place:
        """The object of this name under the prefix."""
        folder = self.key.rstrip("/")
        key = f"{folder}/{name}" if folder else name
        return Place(self.bucket, key, self.owner, self.kms_key)

    def _named(self) -> dict[str, Any]:
        owner = {"ExpectedBucketOwner": self.owner} if self.owner else {}
        return {"Bucket": self.bucket, **owner}

    def write(self, use: Use, content: bytes) -> None:
        """Puts the object. Raises `ApiError`."""
        sealed = {}
        if self.kms_key:
            sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key}
        use("PutObject", {**self._named(), "Key": self.key, "Body": content, **sealed})

    def read(self, use: Use) -> bytes:
        """The object's content. Raises `ApiError`."""
        content: bytes = use("GetObject", {**self._named(), "Key": self.key})["Body"].read()
        return content

    def listed(self, use: Use, suffix: str) -> list[Place]:
        """The objects whose keys begin with this one and end in `suffix`. Raises `ApiError`."""
        found: list[Place] = []
        asked = {**self._named(), "Prefix": self.key}
        while True:
            page = use("ListObjectsV2", asked)
            keys = [str(item["Key"]) for item in page.get("Contents") or ()]
            found += [Place(self.bucket, key, self.owner) for key in keys if key.endswith(suffix)]
            if not page.get("IsTruncated"):
                return found
            asked = {**asked, "ContinuationToken": page["NextContinuationToken"]}


def parse_place(uri: str, owner: str | None = None, kms_key: str | None = None) -> Place:
    """From an S3 URI. Raises `ApiError` (ValidationException)."""
    match = _URI.fullmatch(uri)
    if match is None:
        raise invalid("The S3 URI is not valid.")
    return Place(match[1], match[2] or "", owner, kms_key)
