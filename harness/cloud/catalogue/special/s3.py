"""Amazon S3: objects by version, and requests that do several things at once.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, unquote

from harness.cloud.call import Call, Need, Unmapped, World
from harness.cloud.catalogue.contexts import Context, resource_account
from harness.cloud.catalogue.kinds import KINDS, Resource
from harness.cloud.catalogue.spec import tag_context, tag_pairs

Rule = Callable[[Call, World], tuple[Need, ...]]

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
_KEYS = {
    "ACL": "s3:x-amz-acl",
    "GrantFullControl": "s3:x-amz-grant-full-control",
    "GrantRead": "s3:x-amz-grant-read",
    "GrantReadACP": "s3:x-amz-grant-read-acp",
    "GrantWrite": "s3:x-amz-grant-write",
    "GrantWriteACP": "s3:x-amz-grant-write-acp",
    "CopySource": "s3:x-amz-copy-source",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "ObjectLockLegalHoldStatus": "s3:object-lock-legal-hold",
    "ObjectLockMode": "s3:object-lock-mode",
    "ObjectOwnership": "s3:x-amz-object-ownership",
    "SSECustomerAlgorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "StorageClass": "s3:x-amz-storage-class",
    "VersionId": "s3:versionid",
    "WebsiteRedirectLocation": "s3:x-amz-website-redirect-location",
}
_GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")


def _object(call: Call, world: World) -> Resource:
    key = call.params.get("Key")
    if not key:
        raise Unmapped(call.service, call.operation)
    bucket, owner = KINDS["bucket"](call, world, str(call.params.get("Bucket") or ""))
    return f"{bucket}/{key}", owner


def _context(call: Call) -> Context:
    made: Context = {
        key: str(call.params[member]) for member, key in _KEYS.items() if call.params.get(member)
    }
    if tagging := call.params.get("Tagging"):
        made |= _tags(tagging)
    return made


def _tags(tagging: object) -> Context:
    """Tags of an object: a query string in PutObject, a document in PutObjectTagging."""
    if isinstance(tagging, str):
        pairs = parse_qsl(tagging, keep_blank_values=True)
    else:
        tag_set = tagging.get("TagSet") if isinstance(tagging, dict) else None
        pairs = tag_pairs(tag_set or ())
    made: Context = {f"s3:RequestObjectTag/{key}": value for key, value in pairs}
    if pairs:
        made["s3:RequestObjectTagKeys"] = tuple(key for key, _ in pairs)
    return made


def _on_object(action: str, versioned: str = "") -> Rule:
    """A rule for one action on the object, or another when a version is named."""

    def rule(call: Call, world: World) -> tuple[Need, ...]:
        resource, owner = _object(call, world)
        name = versioned if versioned and call.params.get("VersionId") else action
        return (Need(f"s3:{name}", resource, owner, _context(call)),)

    return rule


def _put_object(call: Call, world: World) -> tuple[Need, ...]:
    """PutObject and what its headers ask for besides: tags, ACL, lock, a KMS key."""
    resource, owner = _object(call, world)
    context, params = _context(call), call.params
    actions = ["PutObject"]
    if params.get("ACL") or any(params.get(grant) for grant in _GRANTS):
        actions.append("PutObjectAcl")
    if params.get("Tagging"):
        actions.append("PutObjectTagging")
    if params.get("ObjectLockMode") or params.get("ObjectLockRetainUntilDate"):
        actions.append("PutObjectRetention")
    if params.get("ObjectLockLegalHoldStatus"):
        actions.append("PutObjectLegalHold")
    return tuple(Need(f"s3:{action}", resource, owner, context) for action in actions)


def copied(call: Call) -> tuple[str, str, str]:
    """Bucket, key and version of what is copied: `BUCKET/KEY`, URL-encoded, perhaps with
    `?versionId=`. Raises `Unmapped`."""
    source = call.params.get("CopySource")
    if isinstance(source, dict):
        bucket, key, version = source.get("Bucket"), source.get("Key"), source.get("VersionId")
    else:
        path, _, query = str(source or "").partition("?")
        bucket, _, key = unquote(path).lstrip("/").partition("/")
        version = query.removeprefix("versionId=") if query.startswith("versionId=") else ""
    if not bucket or not key:
        raise Unmapped(call.service, call.operation)
    return str(bucket), str(key), str(version or "")


def _source(call: Call, world: World) -> tuple[Need, ...]:
    bucket, key, version = copied(call)
    resource, owner = KINDS["bucket"](call, world, str(bucket))
    action = "s3:GetObjectVersion" if version else "s3:GetObject"
    return (Need(action, f"{resource}/{key}", owner),)


def _copy_object(call: Call, world: World) -> tuple[Need, ...]:
    return (*_put_object(call, world), *_source(call, world))


def _copy_part(call: Call, world: World) -> tuple[Need, ...]:
    return (*_on_object("PutObject")(call, world), *_source(call, world))


def _get_object_attributes(call: Call, world: World) -> tuple[Need, ...]:
    return (
        *_on_object("GetObject", "GetObjectVersion")(call, world),
        *_on_object("GetObjectAttributes", "GetObjectVersionAttributes")(call, world),
    )


def _delete_objects(call: Call, world: World) -> tuple[Need, ...]:
    """Each object is decided by itself; all must be allowed here, where S3 deletes those that are.

    That is stricter than S3, never laxer.
    """
    bucket, owner = KINDS["bucket"](call, world, str(call.params.get("Bucket") or ""))
    needs = []
    for item in (call.params.get("Delete") or {}).get("Objects") or ():
        if not item.get("Key"):
            raise Unmapped(call.service, call.operation)
        action = "s3:DeleteObjectVersion" if item.get("VersionId") else "s3:DeleteObject"
        needs.append(Need(action, f"{bucket}/{item['Key']}", owner))
    return (*needs, *_bypassing(call, needs))


def _delete_object(call: Call, world: World) -> tuple[Need, ...]:
    needs = _on_object("DeleteObject", "DeleteObjectVersion")(call, world)
    return (*needs, *_bypassing(call, list(needs)))


def _put_object_retention(call: Call, world: World) -> tuple[Need, ...]:
    needs = _on_object("PutObjectRetention")(call, world)
    return (*needs, *_bypassing(call, list(needs)))


def _bypassing(call: Call, needs: list[Need]) -> tuple[Need, ...]:
    if not call.params.get("BypassGovernanceRetention"):
        return ()
    return tuple(
        Need("s3:BypassGovernanceRetention", need.resource, need.resource_account) for need in needs
    )


def _create_bucket(call: Call, world: World) -> tuple[Need, ...]:
    """CreateBucket and what its headers ask for (API reference, section Permissions)."""
    resource, owner = KINDS["bucket"](call, world, str(call.params.get("Bucket") or ""))
    params, context = call.params, _context(call)
    configuration = params.get("CreateBucketConfiguration") or {}
    if place := configuration.get("LocationConstraint"):
        context["s3:locationconstraint"] = str(place)
    actions = ["CreateBucket"]
    if params.get("ACL", "private") != "private" or any(params.get(g) for g in _GRANTS):
        actions.append("PutBucketAcl")
    if params.get("ObjectLockEnabledForBucket"):
        actions += ["PutBucketObjectLockConfiguration", "PutBucketVersioning"]
    if params.get("ObjectOwnership"):
        actions.append("PutBucketOwnershipControls")
    needs = [Need(f"s3:{action}", resource, owner, context) for action in actions]
    if tags := configuration.get("Tags"):
        needs.append(Need("s3:TagResource", resource, owner, tag_context(tags)))
    return tuple(needs)


def _owned(rule: Rule) -> Rule:
    def with_owner(call: Call, world: World) -> tuple[Need, ...]:
        return tuple(resource_account(call, world, need) for need in rule(call, world))

    return with_owner


_RULES: dict[str, Rule] = {
    "abort_multipart_upload": _on_object("AbortMultipartUpload"),
    "copy_object": _copy_object,
    "copy_part": _copy_part,
    "create_bucket": _create_bucket,
    "delete_object": _delete_object,
    "delete_object_tagging": _on_object("DeleteObjectTagging", "DeleteObjectVersionTagging"),
    "delete_objects": _delete_objects,
    "get_object": _on_object("GetObject", "GetObjectVersion"),
    "get_object_acl": _on_object("GetObjectAcl", "GetObjectVersionAcl"),
    "get_object_attributes": _get_object_attributes,
    "get_object_legal_hold": _on_object("GetObjectLegalHold"),
    "get_object_retention": _on_object("GetObjectRetention"),
    "get_object_tagging": _on_object("GetObjectTagging", "GetObjectVersionTagging"),
    "list_parts": _on_object("ListMultipartUploadParts"),
    "put_object": _put_object,
    "put_object_acl": _on_object("PutObjectAcl", "PutObjectVersionAcl"),
    "put_object_legal_hold": _on_object("PutObjectLegalHold"),
    "put_object_retention": _put_object_retention,
    "put_object_tagging": _on_object("PutObjectTagging", "PutObjectVersionTagging"),
    "put_part": _on_object("PutObject"),
    "restore_object": _on_object("RestoreObject"),
}

RULES = {name: _owned(rule) for name, rule in _RULES.items()}
