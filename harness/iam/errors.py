"""The one error of the policy language."""

from __future__ import annotations


class PolicyError(ValueError):
    """A policy, principal or case that the engine does not understand in full.

    The message says which element of which statement is wrong. Nothing is ever skipped: a caller
    that cannot go on without a decision must refuse the request.
    """
