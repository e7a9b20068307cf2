"""What the picture of accounts and flows is made of: boxes, texts, arrows and their ways."""

from __future__ import annotations

from dataclasses import dataclass, field

WIDTH = 1120
SIDE_BOX = 160
"""How wide an account of no customer is, which stands at the side."""
TALL = 112
"""How tall an account is that stands in the one row, with what is in it."""


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text, cut to its room, and what it says whole."""

    x: int
    y: int
    text: str
    small: bool = False
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Box:
    """An account, or a part of one. `tone` is `ops`, `customer`, `outsider`, `chip`, `good`,
    `unsure` or `broken`; a click shows the probes `shown`, or all of the account."""

    x: int
    y: int
    width: int
    height: int
    tone: str
    hint: str
    texts: tuple[Text, ...] = ()
    account: str = ""
    shown: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrow:
    """A flow. `tone` is `allowed`, `refused`, `blocked` or `broken`."""

    path: str
    tone: str
    hint: str
    shown: tuple[int, ...] = ()
    texts: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Breach:
    """A wall that broke, in words."""

    text: str
    shown: tuple[int, ...]


@dataclass(slots=True)
class Picture:
    """Boxes and arrows with the size that they take."""

    height: int
    width: int = WIDTH
    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    breaches: list[Breach] = field(default_factory=list)
    caption: str = ""


def clip(text: str, room: float, size: float) -> str:
    """The text, cut in its middle where it would be wider than `room` at this font size: names of
    customers often begin alike, and end so, too."""
    if _wide(text, size) <= room:
        return text
    for left in range(len(text) - 1, 2, -1):
        end = left // 3
        cut = f"{text[: left - end]}…{text[len(text) - end :]}"
        if _wide(cut, size) <= room:
            return cut
    return text[:2] + "…"


def _wide(text: str, size: float) -> float:
    """About how wide a text is, in the widest of the fonts used, bold."""
    return size * sum(
        0.42 if each in "fijlrt.,:;'|!()[]- " else 0.96 if each in "mwMW@…" else 0.72
        for each in text
    )


def curve(start: Box, end: Box, aside: int) -> str:
    """From box to box, at the sides that face each other; `aside` keeps lines apart."""
    ax, bx = start.x + start.width // 2, end.x + end.width // 2
    if start.y >= end.y + end.height:  # up
        x, y, u, v = ax + aside, start.y, bx + aside, end.y + end.height + 6
        middle = (y + v) // 2
        return f"M{x},{y} C{x},{middle} {u},{middle} {u},{v}"
    if end.y >= start.y + start.height and start.width == SIDE_BOX:
        # From the inner side: below it there may be another.
        right = start.x > WIDTH // 2
        x, y = (start.x if right else start.x + start.width), start.y + start.height // 2 + aside
        u, v = bx - aside, end.y - 6
        return f"M{x},{y} C{x + (-90 if right else 90)},{y} {u},{v - 110} {u},{v}"
    if end.y >= start.y + start.height:  # down
        x, y, u, v = ax - aside, start.y + start.height, bx - aside, end.y - 6
        middle = (y + v) // 2
        return f"M{x},{y} C{x},{middle} {u},{middle} {u},{v}"
    alone = start.height == end.height == TALL
    near = abs(ax - bx) < 400 and start.tone != "outsider" and start.height == end.height
    if alone or near:
        # Over what stands between them: above the one row there is room.
        x, y, u, v = ax, start.y, bx, end.y - 6
        top = min(y, v) - 16 - aside // 2 - (abs(ax - bx) // 12 if alone else 0)
        return f"M{x},{y} C{x},{top} {u},{top} {u},{v}"
    right = bx > ax
    x = start.x + start.width if right else start.x
    u = end.x - 6 if right else end.x + end.width + 6
    y, v = start.y + start.height // 2 + aside, end.y + end.height // 2
    reach = 40 if right else -40
    return f"M{x},{y} C{x + reach},{y} {u - reach},{v} {u},{v}"
