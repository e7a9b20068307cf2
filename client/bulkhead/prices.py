"""What a call cost, by a dated table of list prices. Absent where any price that counts is unknown.

The table is data (`prices.json` beside this file) and replaceable: prices change, differ between
Regions, tiers and contracts, and only the bill is right.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bulkhead.errors import ConfigError

_KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
_MEMBERS = frozenset({*_KINDS, "models", "regions", "max_input_tokens"})
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens, by kind, and up to how large an input they hold."""

    per_million: Mapping[str, float]
    max_input_tokens: int | None = None

    def cost(self, used: Mapping[str, int]) -> float | None:
        """Dollars for tokens by kind; `None` if one kind that was used has no price."""
        if self.max_input_tokens is not None:
            taken = sum(count for kind, count in used.items() if kind != "output")
            if taken > self.max_input_tokens:
                return None
        total = 0.0
        for kind, tokens in used.items():
            if not tokens:
                continue
            price = self.per_million.get(kind)
            if price is None:
                return None
            total += tokens * price
        return round(total / _MILLION, 10)


class PriceTable:
    """List prices by model id and Region, as of a day.

    Build it with `shipped`, `from_file` or `from_mapping`; `PriceTable.empty()` knows no price.
    """

    def __init__(self, as_of: str, prices: Mapping[tuple[str, str], Price]) -> None:
        self.as_of = as_of
        self._prices = dict(prices)

    @classmethod
    def empty(cls) -> PriceTable:
        """A table without prices: records then bear no cost."""
        return cls("", {})

    @classmethod
    def shipped(cls) -> PriceTable:
        """The table of this release."""
        return cls.from_file(Path(__file__).with_name("prices.json"))

    @classmethod
    def from_file(cls, path: str | Path) -> PriceTable:
        """Read a table in the form of `prices.json`. Raises ConfigError naming file and entry."""
        path = Path(path)
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
        except ValueError:
            raise ConfigError(f"{path}: is not valid JSON") from None
        return cls.from_mapping(document, source=str(path))

    @classmethod
    def from_mapping(cls, document: Mapping[str, Any], *, source: str = "prices") -> PriceTable:
        """Check a table: `as_of` (a date), and `prices`, a list of entries.

        An entry has `models` and `regions` (lists; a Region `*` is any), dollars for a million
        tokens under `input`, `output`, `cache_read`, `cache_write_5m`, `cache_write_1h` as far as
        they are known, and `max_input_tokens` where a larger input has another price.

        Raises ConfigError naming the entry and the fix.
        """
        if not isinstance(document, Mapping):
            raise ConfigError(f"{source}: must be a JSON object")
        try:
            as_of = date.fromisoformat(str(document.get("as_of"))).isoformat()
        except ValueError:
            raise ConfigError(
                f"{source}: field `as_of` must be a date such as 2026-01-31"
            ) from None
        entries = document.get("prices")
        if not isinstance(entries, list):
            raise ConfigError(f"{source}: field `prices` must be a list")
        prices: dict[tuple[str, str], Price] = {}
        for index, entry in enumerate(entries):
            where = f"{source}: prices[{index}]"
            for place in _places(entry, where):
                if place in prices:
                    raise ConfigError(f"{where} prices {place[0]} in {place[1]} a second time")
                prices[place] = _price(entry, where)
        return cls(as_of, prices)

    def cost(self, model: str, region: str, used: Mapping[str, int]) -> float | None:
        """Dollars for a call on demand in the default tier; `None`: not known."""
        price = self._prices.get((model, region)) or self._prices.get((model, "*"))
        return None if price is None else price.cost(used)


def _places(entry: object, where: str) -> list[tuple[str, str]]:
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{where} must be an object")
    unknown = sorted(set(entry) - _MEMBERS)
    if unknown:
        known = ", ".join(sorted(_MEMBERS))
        raise ConfigError(f"{where} has the unknown field `{unknown[0]}`; there are {known}")
    lists: list[list[str]] = []
    for field in ("models", "regions"):
        value = entry.get(field)
        if not isinstance(value, list) or not value or not all(isinstance(x, str) for x in value):
            raise ConfigError(f"{where}: field `{field}` must be a list of names")
        lists.append(value)
    return [(model, region) for model in lists[0] for region in lists[1]]


def _price(entry: Mapping[str, Any], where: str) -> Price:
    per_million: dict[str, float] = {}
    for kind in _KINDS:
        if entry.get(kind) is None:
            continue
        value = entry[kind]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
            raise ConfigError(f"{where}: field `{kind}` must be dollars for a million tokens")
        per_million[kind] = float(value)
    limit = entry.get("max_input_tokens")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ConfigError(f"{where}: field `max_input_tokens` must be a number of tokens")
    return Price(per_million, limit)
