"""Under which KMS key the data of a resource lie, out of moto's state.

A key is told as it is kept with the data: names that could come to mean another key later, aliases,
are refused (`harness.cloud.customer_keys`) or resolved (`harness.cloud.key_names`) before that.
"""

from __future__ import annotations

from typing import Any

from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm.models import ssm_backends

from harness.cloud.call import Sealed

_KMS = ("aws:kms", "aws:kms:dsse")


def sealed_object(bucket: str, key: str, version: str) -> Sealed | None:
    """How an object is encrypted; None for one that is not, or not by KMS, or not there."""
    stored = _bucket(bucket)
    if stored is None:
        return None
    versions = [] if key not in stored.keys else stored.keys.getlist(key)
    found = [each for each in versions if not version or str(each.version_id) == version]
    last: Any = found[-1] if found else None
    if getattr(last, "encryption", None) not in _KMS:
        return None
    return Sealed(last.kms_key_id or "", _is_true(last.bucket_key_enabled))


def sealing_bucket(bucket: str) -> Sealed | None:
    """How a bucket encrypts objects for which the request says nothing."""
    stored = _bucket(bucket)
    rule = {} if stored is None or not stored.encryption else stored.encryption["Rule"]
    default = rule.get("ApplyServerSideEncryptionByDefault") or {}
    if default.get("SSEAlgorithm") not in _KMS:
        return None
    return Sealed(default.get("KMSMasterKeyID") or "", _is_true(rule.get("BucketKeyEnabled")))


def sealing_upload(bucket: str, upload: str) -> Sealed | None:
    """How the parts of an upload are encrypted."""
    stored = _bucket(bucket)
    parts: Any = None if stored is None else stored.multiparts.get(upload)
    if parts is None or not parts.sse_encryption:
        return sealing_bucket(bucket)
    if parts.sse_encryption not in _KMS:
        return None
    default = sealing_bucket(bucket)
    return Sealed(parts.kms_key_id or (default.key if default else ""))


def sealed_secret(arn: str) -> Sealed | None:
    """The key of a secret; None for the service's own."""
    _, _, _, region, account, _ = arn.split(":", 5)
    secret: Any = secretsmanager_backends[account][region].secrets.get(arn)
    key = getattr(secret, "kms_key_id", None)
    return None if secret is None else Sealed(key or "")


def sealed_parameters(
    arn: str, *, below: bool = False, version: str = ""
) -> tuple[tuple[str, Sealed], ...]:
    """ARNs and keys of a parameter, or of what is below it, where they are secure.

    `version` is a number or a label, empty for the latest, `*` for all.
    """
    _, _, _, region, account, resource = arn.split(":", 5)
    asked = resource.removeprefix("parameter/").strip("/")
    found = []
    store: Any = ssm_backends[account][region]._parameters
    for name in tuple(store):
        bare = name.strip("/")
        if bare != asked and not (below and (not asked or bare.startswith(f"{asked}/"))):
            continue
        own = f"arn:aws:ssm:{region}:{account}:parameter/{bare}"
        found += [
            (own, Sealed(each.keyid or ""))
            for each in _versions(store[name], version)
            if each.parameter_type == "SecureString"
        ]
    return tuple(dict.fromkeys(found))


def _versions(stored: list[Any], version: str) -> list[Any]:
    if version == "*":
        return stored
    if not version:
        return stored[-1:]
    return [each for each in stored if str(each.version) == version or version in each.labels]


def _bucket(name: str) -> Any | None:
    owner = s3_backends.bucket_accounts.get(name)
    return None if owner is None else s3_backends[owner[1]]["aws"].buckets.get(name)


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"
