"""How much memory an item holds that waits to be looked at, estimated in a few microseconds.

Texts and bytes count in full, all else for little: what may be large are prompts and answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

SMALL = 4_096
"""What is not heavier is counted by number only, so that `put` takes no lock for it."""

_EACH = 16
# What is put may be circular.
_MOST = 100_000


def weigh(value: object) -> int:
    """Bytes of the texts in a structure; a text counts one byte for each character."""
    total, left = 0, _MOST
    waiting = [value]
    while waiting and left > 0:
        each = waiting.pop()
        if isinstance(each, str | bytes | bytearray):
            total += len(each)
            continue
        inside = each.values() if isinstance(each, Mapping) else each
        if isinstance(each, Mapping | list | tuple):
            left -= len(each)
            for one in inside:  # type: ignore[attr-defined]
                total += _EACH
                if type(one) is str:  # most are short texts and numbers
                    total += len(one)
                elif type(one) is not int and type(one) is not float:
                    waiting.append(one)
    return total


def weight_of(item: Mapping[str, object] | Callable[..., object]) -> int:
    """The weight of a record; of a function, what it says of itself (see `heavy`)."""
    try:
        found = getattr(item, "bulkhead_bytes", None)  # first: it is the quicker question
        if found is None:
            found = weigh(item) if isinstance(item, Mapping) else 0
        return int(found)
    except Exception:  # of an object that only looks like a mapping
        return 0


def heavy(item: Callable[..., object], size: int) -> None:
    """Have a function, such as a `functools.partial`, say how many bytes it holds."""
    item.bulkhead_bytes = size  # type: ignore[attr-defined]


def chunk(queue: Sequence[tuple[int, object, int]], most: int, most_bytes: int) -> int:
    """How many of the first items to make records of at once; the last of each is its weight."""
    size = 0
    for number in range(most):  # by index: others append meanwhile
        size += queue[number][2]
        if size > most_bytes and number:
            return number
    return most


def oldest(queue: Sequence[tuple[int, object, int]], *, heavy: bool) -> int:
    """The index of the first item, or of the first with a weight; -1 if there is none."""
    return next((n for n in range(len(queue)) if queue[n][2] or not heavy), -1)
