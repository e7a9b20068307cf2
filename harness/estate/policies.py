"""Policies compiled once for the same text, whichever source of an estate reads them. Pure."""

from __future__ import annotations

import functools

from harness.iam import NamedPolicy, Policy, PolicyKind, parse_policy


@functools.lru_cache(maxsize=65536)
def compiled(document: str, *, key_policy: bool = False) -> Policy:
    """A policy document, parsed once per text. Raises `PolicyError`."""
    return parse_policy(document, key_policy=key_policy)


@functools.lru_cache(maxsize=65536)
def named(kind: PolicyKind, name: str, document: str) -> NamedPolicy:
    """A compiled policy under the name by which decisions report it. Raises `PolicyError`."""
    return NamedPolicy(kind, name, compiled(document, key_policy=kind is PolicyKind.KEY))


def absent_boundary(arn: str) -> NamedPolicy:
    """A boundary that is set and cannot be found: it allows nothing."""
    return named(PolicyKind.BOUNDARY, arn, '{"Version":"2012-10-17","Statement":[]}')
