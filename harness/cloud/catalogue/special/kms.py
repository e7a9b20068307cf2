"""AWS KMS: keys that the ciphertext names, and re-encryption from one key to another."""

from __future__ import annotations

from typing import Any

from harness.cloud.call import Call, Need, Unmapped, World
from harness.cloud.catalogue.contexts import CONTEXTS, Context, encryption_context, request_alias
from harness.cloud.catalogue.kinds import KINDS, Resource

_KEY_ID_LENGTH = 36


def decrypt(call: Call, world: World) -> tuple[Need, ...]:
    """On the key named, or on the one that made the ciphertext."""
    resource, owner = _source(call, world, "KeyId")
    made: Context = {}
    if algorithm := call.params.get("EncryptionAlgorithm"):
        made["kms:EncryptionAlgorithm"] = algorithm
    return (CONTEXTS["kms"](call, world, Need("kms:Decrypt", resource, owner, made)),)


def re_encrypt(call: Call, world: World) -> tuple[Need, ...]:
    """`kms:ReEncryptFrom` on the source key and `kms:ReEncryptTo` on the other.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html
    """
    params = call.params
    source, source_owner = _source(call, world, "SourceKeyId")
    if not params.get("DestinationKeyId"):
        raise Unmapped(call.service, call.operation)
    target, target_owner = KINDS["key"](call, world, str(params["DestinationKeyId"]))
    if source_owner != target_owner:
        # The inner app does a call in one account: another's key could not be found there.
        raise Unmapped(call.service, call.operation)
    both: Context = {
        "kms:CallerAccount": call.caller.account,
        "kms:ReEncryptOnSameKey": "true" if source == target else "false",
    }

    def context(side: str) -> Context:
        algorithm = params.get(f"{side}EncryptionAlgorithm") or "SYMMETRIC_DEFAULT"
        return {
            **both,
            "kms:EncryptionAlgorithm": algorithm,
            **encryption_context(params.get(f"{side}EncryptionContext")),
            **request_alias(params.get(f"{side}KeyId")),
        }

    return (
        Need("kms:ReEncryptFrom", source, source_owner, context("Source")),
        Need("kms:ReEncryptTo", target, target_owner, context("Destination")),
    )


def _source(call: Call, world: World, member: str) -> Resource:
    """The key named, else the ciphertext's; that they are the same is for the service to check."""
    named = call.params.get(member) or key_id_of(call.params.get("CiphertextBlob"))
    if not named:
        raise Unmapped(call.service, call.operation)
    return KINDS["key"](call, world, str(named))


def key_id_of(blob: Any) -> str | None:
    """The key's id at the head of an emulated ciphertext; None for text of any other form."""
    head = bytes(blob or b"")[:_KEY_ID_LENGTH]
    if len(head) < _KEY_ID_LENGTH or not head.isascii():
        return None
    text = head.decode()
    return text if text.replace("-", "").isalnum() else None
