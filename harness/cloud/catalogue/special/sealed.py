"""Data under a KMS key: who reads or writes them through a service needs the key as well.

The service uses the key with the rights of its caller, so the key's policy and the caller's own are
asked, with `kms:ViaService` and the service's encryption context. AWS's own key of a service
(`aws/s3`) lets every principal of its account in, and nobody else.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions
https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.cloud.call import ApiError, Call, Need, Sealed, World
from harness.cloud.catalogue.contexts import encryption_context
from harness.cloud.catalogue.kinds import KINDS
from harness.cloud.catalogue.special import s3

Needs = tuple[Need, ...]

_GENERATE, _DECRYPT, _ENCRYPT = "GenerateDataKey", "Decrypt", "Encrypt"
_READS = frozenset({"GetObject", "SelectObjectContent"})
WRITES = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload"})
_REFERENCE = "aws/reference/secretsmanager/"
_COPIES = frozenset({"CopyObject", "UploadPartCopy"})
# By operation on an upload: what it does with the key.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "UploadPart": (_GENERATE, _DECRYPT),
    "UploadPartCopy": (_GENERATE, _DECRYPT),
    "CompleteMultipartUpload": (_DECRYPT,),
}


def objects(call: Call, world: World) -> Needs:
    """The keys of what an operation of S3 reads, and of what it writes.

    Raises `ApiError` (InvalidArgument, AccessDenied).
    """
    params, operation = call.params, call.operation
    bucket, key = str(params.get("Bucket") or ""), str(params.get("Key") or "")
    made: list[Need] = []
    if operation in _READS or (operation == "HeadObject" and params.get("ChecksumMode")):
        sealed = world.sealed_object(bucket, key, str(params.get("VersionId") or ""))
        made += _object(call, world, bucket, key, sealed, _DECRYPT)
    if operation in _COPIES:
        source, name, version = s3.copied(call)
        sealed = world.sealed_object(source, name, version)
        made += _object(call, world, source, name, sealed, _DECRYPT)
    if operation in WRITES:
        made += _object(call, world, bucket, key, asked(call, world, bucket), _GENERATE)
    if operation in _PARTS:
        sealed = world.sealing_upload(bucket, str(params.get("UploadId") or ""))
        made += _object(call, world, bucket, key, sealed, *_PARTS[operation])
    return tuple(made)


def asked(call: Call, world: World, bucket: str) -> Sealed | None:
    """How a new object will be encrypted: as the request says, else as the bucket does.

    Raises `ApiError` (InvalidArgument).
    """
    algorithm = str(call.params.get("ServerSideEncryption") or "")
    key = str(call.params.get("SSEKMSKeyId") or "")
    default = world.sealing_bucket(bucket)
    if key and not algorithm.startswith("aws:kms"):
        raise ApiError(
            "InvalidArgument",
            "Server Side Encryption with AWS KMS managed key requires HTTP header "
            "x-amz-server-side-encryption : aws:kms",
        )
    if not algorithm:
        return default
    if not algorithm.startswith("aws:kms"):
        return None
    by_bucket = bool(call.params.get("BucketKeyEnabled")) or bool(default and default.by_bucket)
    return Sealed(key or (default.key if default else ""), by_bucket)


def _object(
    call: Call, world: World, bucket: str, key: str, sealed: Sealed | None, *actions: str
) -> Needs:
    if sealed is None:
        return ()
    arn = f"arn:aws:s3:::{bucket}"
    context = {"aws:s3:arn": arn if sealed.by_bucket else f"{arn}/{key}"}
    owner = world.bucket_account(bucket) or call.account
    return _uses(call, world, "s3", sealed.key, owner, context, actions)


def secrets(call: Call, world: World, found: Needs) -> Needs:
    """Reading a value decrypts; writing one makes a data key, and reads the one before."""
    params, operation = call.params, call.operation
    writes = operation in ("CreateSecret", "PutSecretValue", "UpdateSecret")
    valued = params.get("SecretString") is not None or params.get("SecretBinary") is not None
    if operation != "GetSecretValue" and not (writes and (valued or params.get("KmsKeyId"))):
        return ()
    arn, owner = found[0].resource, found[0].resource_account
    stored = world.sealed_secret(arn) if operation != "CreateSecret" else None
    context = {"SecretARN": arn}
    version = params.get("ClientRequestToken" if writes else "VersionId")
    if version:
        context["SecretVersionId"] = str(version)
    actions = (_GENERATE, _DECRYPT) if writes else (_DECRYPT,)
    key = str(params.get("KmsKeyId") or (stored.key if stored else ""))
    needs = _uses(call, world, "secretsmanager", key, owner, context, actions)
    if stored and stored.key != key:
        # The value so far is read under its old key.
        before = _uses(call, world, "secretsmanager", stored.key, owner, context, (_DECRYPT,))
        return (*needs, *before)
    return needs


def parameters(call: Call, world: World, found: Needs) -> Needs:
    """A secure string is encrypted, or a data key made for it; reading it in clear decrypts.

    Only the versions that are asked for count: without one it is the latest, for a history all.
    Raises `ApiError` (ValidationException, AccessDenied).
    """
    params, operation = call.params, call.operation
    names = [str(name) for name in (params.get("Name"), *(params.get("Names") or ())) if name]
    referred = _referred_secrets(call, world, names)
    if operation == "PutParameter":
        return _put_parameter(call, world, found[0])
    if not operation.startswith("GetParameter") or not params.get("WithDecryption"):
        return ()
    if operation == "GetParametersByPath":
        owner = found[0].resource_account
        return _decrypting(
            call, world, world.sealed_parameters(found[0].resource, below=True), owner
        )
    made: list[Need] = []
    for name in names:
        arn, owner = KINDS["parameter"](call, world, name)
        version = "*" if operation == "GetParameterHistory" else _split(name)[1]
        made += _decrypting(call, world, world.sealed_parameters(arn, version=version), owner)
    return (*referred, *made)


def _decrypting(
    call: Call, world: World, stored: tuple[tuple[str, Sealed], ...], owner: str
) -> Needs:
    made: list[Need] = []
    for arn, sealed in stored:
        context = {"PARAMETER_ARN": arn}
        made += _uses(call, world, "ssm", sealed.key, owner, context, (_DECRYPT,))
    return tuple(made)


def _split(name: str) -> tuple[str, str]:
    """The path of a parameter, by name or ARN, bare of its slash, and its version or label."""
    bare = name.split(":", 5)[5].removeprefix("parameter") if name.startswith("arn:") else name
    path, _, version = bare.partition(":")
    return path.removeprefix("/"), version


def _referred_secrets(call: Call, world: World, names: list[str]) -> Needs:
    """Parameter Store reads a secret, by a name of its own, with the rights of its caller.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
    """
    made: list[Need] = []
    for name in names:
        path, version = _split(name)
        if not path.startswith(_REFERENCE):
            continue
        if call.operation not in ("GetParameter", "GetParameters"):
            raise ApiError("ValidationException", "A secret is only read by GetParameter(s).")
        if not call.params.get("WithDecryption"):
            raise ApiError(
                "ValidationException",
                "WithDecryption flag must be True for retrieving a Secret Manager secret.",
            )
        params = {"SecretId": path.removeprefix(_REFERENCE)}
        _, owner = KINDS["parameter"](call, world, name)
        if owner != call.account:
            raise ApiError("AccessDeniedException", "The secret is another account's.", 400)
        asked_for = replace(
            call, service="secretsmanager", operation="GetSecretValue", params=params
        )
        arn, owner = KINDS["secret"](asked_for, world, params["SecretId"])
        keys = {"secretsmanager:SecretId": arn}
        if version:
            keys["secretsmanager:VersionStage"] = version
        need = Need("secretsmanager:GetSecretValue", arn, owner, keys)
        made += (need, *secrets(asked_for, world, (need,)))
    return tuple(made)


def _put_parameter(call: Call, world: World, need: Need) -> Needs:
    params = call.params
    stored = [sealed for _, sealed in world.sealed_parameters(need.resource)]
    if params.get("Type", "SecureString" if stored else "String") != "SecureString":
        return ()
    key = str(params.get("KeyId") or (stored[-1].key if stored else ""))
    action = _ENCRYPT if params.get("Tier", "Standard") == "Standard" else _GENERATE
    context = {"PARAMETER_ARN": need.resource}
    return _uses(call, world, "ssm", key, need.resource_account, context, (action,))


def _uses(
    call: Call,
    world: World,
    service: str,
    key: str,
    owner: str,
    context: Mapping[str, str],
    actions: tuple[str, ...],
) -> Needs:
    """What using a key through a service needs; nothing for the service's own key at home."""
    if not key or key.endswith(f"alias/aws/{service}"):
        if call.account != owner:
            raise ApiError("AccessDenied", "AWS's own key of a service is its account's.", 403)
        return ()
    if not key.startswith("arn:") and call.account != owner:
        # An id alone is one of the account that has the data, not of whoever asks.
        raise ApiError("AccessDenied", "The key is not named by its ARN.", 403)
    resource, key_owner = KINDS["key"](call, world, key)
    keys = {
        **encryption_context(context),
        "kms:CallerAccount": call.account,
        "kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "kms:ViaService": f"{service}.{call.region}.amazonaws.com",
    }
    return tuple(Need(f"kms:{action}", resource, key_owner, keys) for action in actions)
