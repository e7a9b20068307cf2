"""Tells living objects that they are now in the child of a fork.

Locks may be held by threads that do not exist in the child, connections are shared with the parent,
and what waits in a queue is the parent's to deliver.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class ForkAware(Protocol):
    """Something that starts afresh in a forked child."""

    def reset_after_fork(self) -> None:
        """Drop the parent's state; take no lock and make no call."""


generation = 0
"""How many forks lie between this process and the one that imported this."""

_objects: weakref.WeakSet[ForkAware] = weakref.WeakSet()


def watch(thing: ForkAware) -> None:
    """Call `thing.reset_after_fork()` in every forked child while `thing` lives."""
    _objects.add(thing)


def _in_child() -> None:
    global generation  # noqa: PLW0603
    generation += 1
    for thing in list(_objects):
        thing.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
