"""A request as the matchers see it: lower-case keys, every value a tuple.

What AWS puts into the context of a request is built by the caller; this module only adds the keys
that follow from the principal itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.iam.principal import Principal

ContextValue = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Request:
    """One action on one resource by one principal.

    `resource` is a full ARN, or `*` for an action without resource-level permissions.
    `resource_account` owns the resource; it is empty for `*` and for what AWS owns, and then there
    is neither a resource policy nor a cross-account rule. Context keys compare without case.
    """

    principal: Principal
    action: str
    resource: str
    resource_account: str
    context: Mapping[str, ContextValue] = field(default_factory=dict)


class View:
    """What statements are tested against. Made once per decision; not thread-safe, not kept."""

    __slots__ = ("_keys", "_request", "action", "boundary", "principal", "resource")

    def __init__(self, request: Request, action: str, *, boundary: bool = False) -> None:
        """`action` is the request's in lower case."""
        self._request = request
        self._keys: dict[str, tuple[str, ...]] | None = None
        self.action = action
        self.resource = request.resource
        self.principal = request.principal
        self.boundary = boundary
        """Whether the principal has a permissions boundary, which NotPrincipal asks for."""

    def values(self, key: str) -> tuple[str, ...]:
        """The values of a key given in lower case; empty when the key is absent."""
        return (self._keys or self._collect()).get(key, ())

    def single(self, key: str) -> str | None:
        """The value a policy variable takes: a key with several values has none."""
        values = self.values(key)
        return values[0] if len(values) == 1 else None

    def _collect(self) -> dict[str, tuple[str, ...]]:
        keys = self._keys = dict(self.principal.context)  # never empty
        for key, value in self._request.context.items():
            keys[key.lower()] = (value,) if isinstance(value, str) else tuple(value)
        return keys
