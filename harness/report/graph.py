"""The picture of accounts and flows, laid out from what the probes of a run showed.

Few accounts are drawn one by one; many become a grid of tiles, whose flows are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SINGLE = 8
"""Up to so many customer accounts are drawn one by one."""
WIDTH = 1040
_BOX, _GAP, _TILE, _PITCH = 170, 24, 22, 28
_SIDE = 236
_TOP, _BOTTOM = 60, 310
GOOD = ("held", "unaddressable")


@dataclass(frozen=True, slots=True)
class Box:
    """An account, or a part of one. `tone` is `ops`, `customer`, `outsider`, `chip` or `broken`."""

    x: int
    y: int
    width: int
    height: int
    title: str
    text: str
    tone: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Arrow:
    """A flow. `tone` is `allowed`, `refused` or `broken`."""

    path: str
    tone: str
    text: str
    x: int
    y: int
    hint: str


@dataclass(slots=True)
class Picture:
    """Boxes and arrows with the size that they take."""

    height: int
    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    caption: str = ""


@dataclass(slots=True)
class Flows:
    """What went from whom to which fleet role, and whether it had to."""

    own: Counter[tuple[str, str]] = field(default_factory=Counter)
    broken: Counter[tuple[str, str]] = field(default_factory=Counter)
    tried: Counter[str] = field(default_factory=Counter)
    """Attempts by account that had to be refused, and those that were."""
    refused: Counter[str] = field(default_factory=Counter)
    wrote: set[str] = field(default_factory=set)
    """Accounts whose records were written."""
    bad: set[str] = field(default_factory=set)
    """Accounts with a probe that did not hold."""


def flows_of(results: Iterable[Mapping[str, Any]]) -> Flows:
    """Reads the flows out of a run's results."""
    flows = Flows()
    for result in results:
        account = account_of(result["principal_arn"])
        if result["verdict"] not in GOOD:
            flows.bad.add(account)
        if result["probe"] == "caller-writes" and result["verdict"] == "held":
            flows.wrote.add(account)
        if result["expected"] == "denied":
            flows.tried[account] += 1
            flows.refused[account] += result["observed"] == "denied"
        if result["matrix"] and result["observed"] == "allowed":
            pair = (account, result["resource"])
            (flows.own if result["expected"] == "allowed" else flows.broken)[pair] += 1
    return flows


def account_of(arn: str) -> str:
    """The account that an ARN names; empty for none."""
    parts = arn.split(":")
    return parts[4] if len(parts) > 4 else ""


def draw(environment: Mapping[str, Any] | None, results: Sequence[Mapping[str, Any]]) -> Picture:
    """The picture of a run; empty where the run does not know its accounts."""
    if environment is None:
        return Picture(height=0)
    flows = flows_of(results)
    customers = [a for a in environment["accounts"] if a["part"] == "customer"]
    names = list(dict.fromkeys(a["owner"] for a in customers))
    single = len(customers) <= SINGLE
    picture = (
        _few(environment, customers, names, flows)
        if single
        else _many(environment, customers, names, flows)
    )
    _outsiders(picture, environment, flows)
    picture.caption = _caption(flows, len(customers))
    return picture


def _operations(environment: Mapping[str, Any], x: int, width: int) -> Box:
    account = next(a["account"] for a in environment["accounts"] if a["part"] == "operations")
    return Box(x, _TOP, width, 120, "operations account", account, "ops")


def _few(
    environment: Mapping[str, Any],
    customers: Sequence[Mapping[str, str]],
    names: Sequence[str],
    flows: Flows,
) -> Picture:
    picture = Picture(height=_BOTTOM + 150)
    room = WIDTH - 2 * _SIDE
    operations = _operations(environment, _SIDE, room)
    picture.boxes.append(operations)
    chip = min(150, (room - 20) // max(1, len(names)) - 10)
    start = _SIDE + (room - len(names) * (chip + 10) + 10) // 2
    roles: dict[str, Box] = {}
    for index, name in enumerate(names):
        roles[name] = Box(
            start + index * (chip + 10), _TOP + 66, chip, 34, name, "fleet role", "chip"
        )
    picture.boxes += roles.values()
    width = min(_BOX, (WIDTH - _GAP) // max(1, len(customers)) - _GAP)
    left = (WIDTH - len(customers) * (width + _GAP) + _GAP) // 2
    for index, each in enumerate(customers):
        account, name = each["account"], each["owner"]
        x = left + index * (width + _GAP)
        tone = "broken" if account in flows.bad else "customer"
        picture.boxes.append(Box(x, _BOTTOM, width, 110, name, account, tone))
        picture.boxes.append(
            Box(x + 10, _BOTTOM + 58, width - 20, 34, "log group", "own records", "chip")
        )
        center = x + width // 2
        if flows.own[account, name]:
            picture.arrows.append(
                _up(center, roles[name], "allowed", f"{name} {account} assumes its own fleet role")
            )
        for (source, target), count in sorted(flows.broken.items()):
            if source == account and target in roles:
                hint = f"{name} {account} got into the fleet role of {target} ({count} times)"
                picture.arrows.append(_up(center, roles[target], "broken", hint))
    return picture


def _up(x: int, role: Box, tone: str, hint: str) -> Arrow:
    top = role.x + role.width // 2
    middle = (_BOTTOM + role.y + role.height) // 2
    path = f"M{x},{_BOTTOM} C{x},{middle} {top},{middle} {top},{role.y + role.height + 6}"
    return Arrow(path, tone, "", top, middle, hint)


def _many(
    environment: Mapping[str, Any],
    customers: Sequence[Mapping[str, str]],
    names: Sequence[str],
    flows: Flows,
) -> Picture:
    columns = WIDTH // _PITCH
    lines = -(-len(customers) // columns)
    picture = Picture(height=_BOTTOM + lines * _PITCH + 40)
    operations = _operations(environment, _SIDE, WIDTH - 2 * _SIDE)
    role = Box(WIDTH // 2 - 110, _TOP + 66, 220, 34, f"{len(names)} fleet roles", "", "chip")
    picture.boxes += [operations, role]
    left = (WIDTH - min(columns, len(customers)) * _PITCH) // 2
    for index, each in enumerate(customers):
        account, name = each["account"], each["owner"]
        tone = "broken" if account in flows.bad else "customer"
        x, y = left + index % columns * _PITCH, _BOTTOM + index // columns * _PITCH
        picture.boxes.append(Box(x, y, _TILE, _TILE, "", "", tone, f"{name} {account}"))
    own = len(flows.own)
    arrow = _up(WIDTH // 2, role, "allowed", f"{own} accounts assume their own fleet role")
    picture.arrows.append(arrow)
    label = f"{own} of {len(customers)} accounts assume their own"
    picture.arrows.append(Arrow("", "allowed", label, WIDTH // 2 + 14, 250, ""))
    if flows.broken:
        hint = ", ".join(f"{a} into {b}" for a, b in sorted(flows.broken)[:20])
        label = f"{len(flows.broken)} got into another's"
        picture.arrows.append(Arrow("", "broken", label, WIDTH // 2 + 14, 272, hint))
    return picture


def _outsiders(picture: Picture, environment: Mapping[str, Any], flows: Flows) -> None:
    outsiders = [a for a in environment["accounts"] if a["part"] == "outsider"]
    for index, each in enumerate(outsiders[:4]):
        account = each["account"]
        right = index % 2
        y = _TOP + 66 * (index // 2)
        x = WIDTH - 150 if right else 0
        tone = "broken" if account in flows.bad else "outsider"
        picture.boxes.append(Box(x, y, 150, 54, each["owner"], account, tone))
        tried, refused = flows.tried[account], flows.refused[account]
        if not tried:
            continue
        start, end = (x, WIDTH - _SIDE + 8) if right else (x + 150, _SIDE - 8)
        held = tried == refused
        picture.arrows.append(
            Arrow(
                f"M{start},{y + 27} L{end},{y + 27}",
                "refused" if held else "broken",
                f"{refused}/{tried}",
                (start + end) // 2,
                y + 20,
                f"{each['owner']}: {refused} of {tried} attempts were refused",
            )
        )


def _caption(flows: Flows, customers: int) -> str:
    tried, refused = sum(flows.tried.values()), sum(flows.refused.values())
    return (
        f"{len(flows.own)} of {customers} customer accounts assume their own fleet role, "
        f"{len(flows.wrote)} write their own records. "
        f"{refused} of {tried} attempts at anything else were refused."
    )
