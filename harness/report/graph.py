"""The picture of accounts and flows, laid out from what the probes of a run showed.

Few accounts stand in one row, each with an arrow to its fleet role; up to `NAMED` stand in several
rows; more become tiles. Whatever broke is drawn with its accounts named, however many there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.flows import End, Flows, flows_of
from harness.report.picture import (
    SIDE_BOX,
    TALL,
    WIDTH,
    Arrow,
    Box,
    Breach,
    Picture,
    Text,
    clip,
    curve,
)

SINGLE = 6
"""Up to so many customer accounts stand in one row."""
NAMED = 42
"""Up to so many are drawn with their names."""
CHIPS = 12
"""Up to so many fleet roles are drawn one by one; of more, those that somebody got into."""
PROMOTED = 14
"""Of more than that, so many that something broke at are named."""
_SIDE = 270
_TOP, _CHIP, _GAP = 16, 28, 14
_TILE, _PITCH = 20, 26
_ROW = 114
"""From an account of no customer to the next below it: there is room for its arrow."""
_SHOWN = 2000
"""How many results an arrow leads to at most."""


def draw(environment: Mapping[str, Any] | None, results: Sequence[Mapping[str, Any]]) -> Picture:
    """The picture of a run; empty where the run does not know its accounts."""
    if environment is None:
        return Picture(height=0)
    artist = _Artist(environment, flows_of(results, environment), results)
    return artist.picture


class _Artist:
    def __init__(
        self,
        environment: Mapping[str, Any],
        flows: Flows,
        results: Sequence[Mapping[str, Any]],
    ) -> None:
        self.flows, self.results = flows, results
        self.accounts = {each["account"]: each for each in environment["accounts"]}
        self.operations = next(
            a for a, each in self.accounts.items() if each["part"] == "operations"
        )
        self.customers = [a for a, each in self.accounts.items() if each["part"] == "customer"]
        self.beside = [
            account
            for account, each in self.accounts.items()
            if each["part"] in ("outsider", "management")
            or (each["part"] not in ("customer", "operations") and account in flows.bad)
        ]
        self.beside.sort(key=lambda account: self._tone(account) != "outsider")
        self.names = list(dict.fromkeys(self.accounts[a]["owner"] for a in self.customers))
        self.picture = Picture(height=0)
        self.anchors: dict[End, Box] = {}
        below = self._operations()
        below = max(below, self._sides())
        self._customers(below + 92)
        self._breaches()
        self.picture.caption = self._caption()

    # --- boxes ------------------------------------------------------------------------------

    def _add(self, box: Box, *ends: End) -> Box:
        self.picture.boxes.append(box)
        for end in ends:
            self.anchors[end] = box
        return box

    def _operations(self) -> int:
        """The operations account with its fleet roles; returns where it ends."""
        room = WIDTH - 2 * _SIDE
        broken = {e.fleet for pair in self.flows.broken for e in pair if e.fleet}
        named = self.names if len(self.names) <= CHIPS else [n for n in self.names if n in broken]
        left_out = len(self.names) - len(named[:CHIPS])
        cells = [*named[:CHIPS], *([""] if left_out else [])]
        columns = min(len(cells), 4) or 1
        rows = -(-len(cells) // columns)
        # As tall as the accounts beside it, and the roles where the arrows come from.
        least = (len(self.beside) + 1) // 2 * _ROW - _ROW + 54
        height = max(62 + rows * (_CHIP + 8) + 4, least)
        first = _TOP + height - rows * (_CHIP + 8) - 10
        whole = f"{len(self.names):,} fleet roles" if left_out == len(self.names) else ""
        entered = self.operations in self.flows.bad
        self._add(
            Box(
                *(_SIDE, _TOP, room, height),
                tone="broken" if entered else "ops",
                hint=f"operations account {self.operations}"
                + (": entered, or not as it must be" if entered else ""),
                texts=(
                    Text(WIDTH // 2 + 40, _TOP + 24, "operations account", anchor="end"),
                    Text(WIDTH // 2 + 48, _TOP + 24, self.operations, True, "start"),
                ),
                account=self.operations,
            ),
            End(self.operations),
        )
        width = min(150, (room - 16) // columns - 8)
        for index, name in enumerate(cells):
            line = cells[index // columns * columns :][:columns]
            left = WIDTH // 2 - (len(line) * (width + 8) - 8) // 2
            x = left + index % columns * (width + 8)
            y = first + index // columns * (_CHIP + 8)
            label = name or whole or f"{left_out:,} more"
            chip = Box(
                *(x, y, width, _CHIP),
                tone="broken" if name in broken else "chip",
                hint=f"{name}: its fleet role and its profiles" if name else label,
                texts=(Text(x + width // 2, y + 18, clip(label, width - 10, 12.5)),),
                shown=self._about(name),
            )
            self._add(chip, *([End(self.operations, name)] if name else []))
        if left_out:
            for name in self.names:
                self.anchors.setdefault(End(self.operations, name), chip)
        return _TOP + height

    def _about(self, name: str) -> tuple[int, ...]:
        """The cells of a fleet role in the matrix."""
        if name not in self.names:
            return ()
        found = [i for i, r in enumerate(self.results) if r["matrix"] and r["resource"] == name]
        return tuple(found[:_SHOWN])

    def _sides(self) -> int:
        """Accounts of no customer, left and right; returns where the longer side ends."""
        at_ends = self.flows.bad
        bottom = _TOP
        for index, account in enumerate(self.beside):
            right = index % 2
            x = WIDTH - SIDE_BOX - 4 if right else 4
            y = _TOP + _ROW * (index // 2)
            owner = self.accounts[account]["owner"]
            box = self._add(
                Box(
                    *(x, y, SIDE_BOX, 54),
                    tone="broken" if account in at_ends else self._tone(account),
                    hint=f"{owner} {account}",
                    texts=(
                        Text(x + SIDE_BOX // 2, y + 22, clip(owner, SIDE_BOX - 12, 12.5)),
                        Text(x + SIDE_BOX // 2, y + 40, account, small=True),
                    ),
                    account=account,
                ),
                End(account),
            )
            self._refusals(account, box, right=bool(right))
            bottom = max(bottom, y + 54)
        return bottom

    def _tone(self, account: str) -> str:
        return "outsider" if self.accounts[account]["part"] == "outsider" else "chip"

    def _refusals(self, account: str, box: Box, *, right: bool) -> None:
        """What an account of no customer tried and was refused: at operations, and at customers."""
        owner = self.accounts[account]["owner"]
        inside = self.flows.refused.get((account, self.operations), [])
        y = box.y + 27
        if inside:
            start, end = (box.x - 2, WIDTH - _SIDE + 8) if right else (box.x + 162, _SIDE - 8)
            middle = (start + end) // 2
            self.picture.arrows.append(
                Arrow(
                    f"M{start},{y} L{end},{y}",
                    "refused",
                    f"{owner}: {len(inside):,} attempts in the operations account were refused",
                    tuple(inside[:_SHOWN]),
                    (
                        Text(middle, y - 7, f"{len(inside):,} tries", small=True),
                        Text(middle, y + 17, "refused", small=True),
                    ),
                )
            )
        outside = [
            index
            for (source, target), found in self.flows.refused.items()
            if source == account and target in self.customers
            for index in found
        ]
        if outside:
            x, y = box.x + SIDE_BOX // 2, box.y + 56
            # Beside the arrow and the cross at its end.
            label = Text(x + (-15 if right else 15), y, f"{len(outside):,} tries", small=True)
            self.picture.arrows.append(
                Arrow(
                    f"M{x},{y} L{x},{y + 30}",
                    "refused",
                    f"{owner}: {len(outside):,} attempts at customers' accounts were refused",
                    tuple(outside[:_SHOWN]),
                    (
                        Text(label.x, y + 14, label.text, True, "end" if right else "start"),
                        Text(label.x, y + 27, "refused", True, "end" if right else "start"),
                    ),
                )
            )

    def _customers(self, top: int) -> None:
        if len(self.customers) <= SINGLE:
            self._row(top)
        elif len(self.customers) <= NAMED:
            bottom = self._grid(self.customers, top)
            self._all_own(top)
            self.picture.height = bottom
        else:
            bad = [a for a in self.customers if a in self.flows.bad][:PROMOTED]
            bottom = self._grid(bad, top) if bad else top
            rest = [a for a in self.customers if a not in bad]
            self.picture.height = self._tiles(rest, bottom + (6 if bad else 0))
            self._all_own(top)

    def _row(self, top: int) -> None:
        count = max(1, len(self.customers))
        width = min(214, (WIDTH - 8) // count - _GAP)
        left = (WIDTH - count * (width + _GAP) + _GAP) // 2
        for index, account in enumerate(self.customers):
            x = left + index * (width + _GAP)
            box = self._account(account, x, top, width, TALL)
            self._records(account, x, top + 58, width)
            name = self.accounts[account]["owner"]
            own = self.flows.own.get((account, name))
            if own:
                chip = self.anchors[End(self.operations, name)]
                self.picture.arrows.append(
                    Arrow(
                        curve(box, chip, 0),
                        "allowed",
                        f"{name} {account} assumes its own fleet role",
                        tuple(own),
                    )
                )
        self.picture.height = top + TALL + 12

    def _account(self, account: str, x: int, y: int, width: int, height: int) -> Box:
        name = self.accounts[account]["owner"]
        tone = "broken" if account in self.flows.bad else "customer"
        hint = f"{name} {account}"
        if tone == "customer" and account in self.flows.blocked:
            tone, hint = "unsure", f"{hint}: not everything works as designed"
        size = 14 if width > 120 else 12.5
        return self._add(
            Box(
                *(x, y, width, height),
                tone=tone,
                hint=hint,
                texts=(
                    Text(x + width // 2, y + 22, clip(name, width - 12, size)),
                    Text(x + width // 2, y + 40, account, small=True),
                ),
                account=account,
            ),
            End(account),
        )

    def _records(self, account: str, x: int, y: int, width: int) -> None:
        """The application, its log group, and between them whether records were written."""
        part = (width - 16 - 28) // 2
        lost, wrote = self.flows.lost.get(account, []), self.flows.wrote.get(account, [])
        says = "not written" if lost else "written" if wrote else "not probed"
        tone = "unsure" if lost else "good" if wrote else "chip"
        shown = tuple((lost or wrote)[:_SHOWN])
        name = self.accounts[account]["owner"]
        for left, title, sub, style in (
            (x + 8, "application", "caller role", "chip"),
            (x + width - 8 - part, "log group", says, tone),
        ):
            self._add(
                Box(
                    *(left, y, part, 40),
                    tone=style,
                    hint=f"{title} of {name} {account}"
                    + (f": records {says}" if sub == says else ""),
                    texts=(
                        Text(left + part // 2, y + 17, clip(title, part, 12)),
                        Text(left + part // 2, y + 32, clip(sub, part - 4, 10.5), small=True),
                    ),
                    account=account,
                    shown=shown if sub == says else (),
                )
            )
        if lost or wrote:
            path = f"M{x + 8 + part},{y + 20} L{x + width - 10 - part},{y + 20}"
            kept = "did not write its records" if lost else "writes its own records"
            flow = Arrow(path, "blocked" if lost else "allowed", f"{name} {account} {kept}", shown)
            self.picture.arrows.append(flow)

    def _grid(self, accounts: Sequence[str], top: int) -> int:
        """Named boxes in rows; returns where they end."""
        columns = min(7, len(accounts))
        columns = -(-len(accounts) // -(-len(accounts) // columns))
        width = min(180, (WIDTH - 8) // columns - 12)
        left = (WIDTH - columns * (width + 12) + 12) // 2
        for index, account in enumerate(accounts):
            x, y = left + index % columns * (width + 12), top + index // columns * 92
            self._account(account, x, y, width, 78)
            lost, wrote = self.flows.lost.get(account, []), self.flows.wrote.get(account, [])
            own = self.flows.own.get((account, self.accounts[account]["owner"]), [])
            says = (
                "records not written" if lost else "own role, own records" if own and wrote else ""
            )
            says = says or ("own role" if own else "own records" if wrote else "")
            if says:
                text = Text(x + width // 2, y + 64, clip(says, width - 8, 10.5), small=True)
                box = self.picture.boxes[-1]
                self.picture.boxes[-1] = Box(
                    *(box.x, box.y, box.width, box.height),
                    tone=box.tone,
                    hint=f"{box.hint}: {says}",
                    texts=(*box.texts, text),
                    account=account,
                )
        return top + -(-len(accounts) // columns) * 92

    def _tiles(self, accounts: Sequence[str], top: int) -> int:
        columns = WIDTH // _PITCH
        left = (WIDTH - min(columns, len(accounts)) * _PITCH) // 2
        for index, account in enumerate(accounts):
            x, y = left + index % columns * _PITCH, top + index // columns * _PITCH
            name = self.accounts[account]["owner"]
            bad, blocked = account in self.flows.bad, account in self.flows.blocked
            tone = "broken" if bad else "unsure" if blocked else "customer"
            tile = Box(x, y, _TILE, _TILE, tone, f"{name} {account}", account=account)
            self._add(tile, End(account))
        return top + -(-len(accounts) // columns) * _PITCH + 10

    def _all_own(self, top: int) -> None:
        """One arrow for all accounts that assume their own fleet role."""
        own = [index for found in self.flows.own.values() for index in found]
        start, box = top - 6, self.anchors[End(self.operations)]
        if not own:
            return
        x, middle = WIDTH // 2, (start + box.y + box.height) // 2
        says = f"{len(self.flows.own):,} of {len(self.customers):,} assume their own fleet role"
        label = Text(x + 14, middle - 3, says, True, "start")
        wrote = f"{len(self.flows.wrote):,} write their own records"
        self.picture.arrows.append(
            Arrow(
                f"M{x},{start} L{x},{box.y + box.height + 8}",
                "allowed",
                says,
                tuple(own[:_SHOWN]),
                (label, Text(x + 14, middle + 13, wrote, True, "start"))
                if self._kept
                else (label,),
            )
        )

    @property
    def _kept(self) -> bool:
        """Whether anything shows if records are written."""
        return bool(self.flows.wrote or self.flows.lost)

    # --- what broke -------------------------------------------------------------------------

    def _breaches(self) -> None:
        ordered = sorted(self.flows.broken.items(), key=lambda item: (-len(item[1]), str(item[0])))
        for count, ((start, end), found) in enumerate(ordered):
            actions = list(dict.fromkeys(self.results[i]["action"] for i in found))
            what = ", ".join(actions[:3]) + (" and more" if len(actions) > 3 else "")
            probes = f"{len(found):,} probe{'s' if len(found) > 1 else ''}"
            if start == end:
                text = f"{self._name(start)} is not as it must be ({what}; {probes})"
            else:
                text = f"{self._name(start)} → {self._name(end)} ({what}; {probes})"
            shown = tuple(found[:_SHOWN])
            self.picture.breaches.append(Breach(text, shown))
            here, there = self.anchors.get(start), self.anchors.get(end)
            if start != end and here and there and here is not there and count < 60:
                path = curve(here, there, 10 + 6 * (count % 4))
                self.picture.arrows.append(Arrow(path, "broken", text, shown))

    def _name(self, end: End) -> str:
        if end.account == self.operations:
            return f"{end.fleet}'s fleet role" if end.fleet else "operations account"
        known = self.accounts.get(end.account)
        return f"{known['owner']} {end.account}" if known else end.account or "somebody"

    def _caption(self) -> str:
        flows, customers = self.flows, len(self.customers)
        good, facts = flows.facts[True], flows.facts.total()
        beside = (
            f", and {good:,} of {facts:,} settings and searches show what they must"
            if facts
            else ""
        )
        wrote = f", {len(flows.wrote):,} write their own records" if self._kept else ""
        return (
            f"{len(flows.own):,} of {customers:,} customer accounts assume their own fleet "
            f"role{wrote}. "
            f"{flows.stopped:,} of {flows.tried:,} attempts at anything else were refused{beside}."
        )
