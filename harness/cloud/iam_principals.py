"""Users and roles as AWS keeps them, where moto does otherwise. Patches moto, once.

A user has an id of AWS's form and may have a boundary; its keys and tags outlive a new name. And a
policy that names a user or role by its ARN means that one, not another that bears the name later:
once it is deleted, the policy shows its unique id.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import moto.iam.models
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends


def adapt_principals() -> None:
    """Let moto's users and roles behave so. To be called once."""
    models: Any = moto.iam.models
    user, backend = models.User, models.IAMBackend
    make_user, rename = user.__init__, backend.update_user

    def user_with_aws_id(self: Any, *args: Any, **kwargs: Any) -> None:
        make_user(self, *args, **kwargs)
        self.id = "AIDA" + self.id[4:].upper()

    def update_user(self: Any, user_name: str, *args: Any, **kwargs: Any) -> None:
        known = self.users.get(user_name)
        before: Any = None if known is None else known.arn
        rename(self, user_name, *args, **kwargs)
        if known is None or known.arn == before:
            return
        self.tagger.tags[known.arn] = self.tagger.tags.pop(before, {})
        for key in known.access_keys:
            key.user_name = known.name
        _exchange_principal(before, known.arn)

    # Its checks of documents are others than AWS's, and not the same for all operations. Those of
    # `validation` come first.
    models.IAMPolicyDocumentValidator = models.IAMTrustPolicyDocumentValidator = _Unchecked
    user.__init__ = user_with_aws_id
    user.permissions_boundary_arn = None
    user.permissions_boundary = models.Role.permissions_boundary
    backend.update_user = update_user
    backend.delete_user = _forgetting(backend.delete_user, lambda self, n: self.users.get(n))
    backend.delete_role = _forgetting(backend.delete_role, lambda self, n: self.get_role(n))


class _Unchecked:
    """In place of moto's validators."""

    def __init__(self, _document: str) -> None: ...

    def validate(self) -> None: ...


def _forgetting(delete: Any, find: Callable[[Any, str], Any]) -> Any:
    """A deletion after which policies no longer know the principal by its ARN."""

    def deleting(self: Any, name: str) -> None:
        principal = find(self, name)
        delete(self, name)
        _exchange_principal(principal.arn, principal.id)

    return deleting


Rewrite = Callable[[Callable[[str], str]], None]
"""Has each policy document of a place changed by a function."""
_elsewhere: list[Rewrite] = []


def rewrite_also(*places: Rewrite) -> None:
    """Name the places outside the inner app that keep policies with principals."""
    _elsewhere[:] = places


def _exchange_principal(old: str, new: str) -> None:
    """Write `new` for the principal `old` in every policy that names principals."""
    for rewrite in _elsewhere:
        rewrite(lambda text: exchanged(text, old, new))
    for account in tuple(iam_backends):
        roles = iam_backends[account]["aws"].roles
        for role in [roles.get(role_id) for role_id in tuple(roles)]:
            _exchange(role, "assume_role_policy_document", old, new)
    for account in tuple(kms_backends):
        for backend in tuple(kms_backends[account].values()):
            for key in tuple(backend.keys.values()):
                _exchange(key, "policy", old, new)
    for account in tuple(s3_backends):
        for bucket in tuple(s3_backends[account]["aws"].buckets.values()):
            _exchange(bucket, "policy", old, new)
    for account in tuple(logs_backends):
        for logs in tuple(logs_backends[account].values()):
            for destination in tuple(logs.destinations.values()):
                _exchange(destination, "access_policy", old, new)


def _exchange(holder: Any, attribute: str, old: str, new: str) -> None:
    kept = getattr(holder, attribute, None)
    text = kept.decode() if isinstance(kept, bytes) else kept
    if isinstance(text, str) and (made := exchanged(text, old, new)) != text:
        setattr(holder, attribute, made.encode() if isinstance(kept, bytes) else made)


def exchanged(text: str, old: str, new: str) -> str:
    """The document with the principal `new` for `old`; the same text where it does not name it."""
    # An escaped text may hold it as well.
    if old not in text and "\\" not in text:
        return text
    document = json.loads(text)
    statements = document.get("Statement") or []
    changed = False
    for statement in statements if isinstance(statements, list) else [statements]:
        for element in ("Principal", "NotPrincipal"):
            named = statement.get(element)
            given = named.get("AWS") if isinstance(named, dict) else None
            values = given if isinstance(given, list) else [given]
            if old in values:
                made = [new if value == old else value for value in values]
                named["AWS"] = made if isinstance(given, list) else made[0]
                changed = True
    return json.dumps(document) if changed else text
