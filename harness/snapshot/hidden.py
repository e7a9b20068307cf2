"""Keeps external ids out of snapshots: a keyed digest stands for each.

The digest of one id is always the same under one key, so a change shows and two snapshots can be
compared; without the key nobody can try ids against it.
https://csrc.nist.gov/pubs/fips/198-1/final
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.deploy.workspace import write_private
from harness.errors import UserError

KEY_FILE = "snapshot.key"
_EXTERNAL_ID = "sts:externalid"
_KEPT = re.compile(r"(\$\{[^}]*\}|[*?]+)")
"""What a pattern says for itself, and no secret: wildcards and variables."""
_KEY = re.compile(r"[0-9a-f]{64}")


def snapshot_key(path: Path) -> bytes:
    """The key of a file, made if there is none. Raises `UserError` for a file that is no key."""
    if not path.exists():
        write_private(path, secrets.token_hex(32) + "\n")
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as a snapshot key") from error
    if not _KEY.fullmatch(text):
        raise UserError(
            f"{path}: is no snapshot key: 64 hexadecimal digits are wanted; restore it, or delete "
            "it to make a new one, with which older snapshots cannot be compared"
        )
    return bytes.fromhex(text)


class Hider:
    """Puts digests in the place of external ids, wherever they stand."""

    def __init__(self, key: bytes, known: Iterable[str]) -> None:
        """`known` are external ids to be found in any text."""
        self._key = key
        self._known = sorted((value for value in known if value), key=len, reverse=True)

    @property
    def key_id(self) -> str:
        """Tells whether two snapshots were made with one key, and nothing else of it."""
        return self._digest("the key")[:16]

    def hidden(self, value: Any) -> Any:
        """The same data without external ids: neither known ones, nor what a condition asks for."""
        if isinstance(value, Mapping):
            return {
                self._text(str(key)): self._conditions(item)
                if str(key) == "Condition"
                else self.hidden(item)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.hidden(item) for item in value]
        if isinstance(value, datetime):
            return value.isoformat()
        return self._text(value) if isinstance(value, str) else value

    def _conditions(self, conditions: Any) -> Any:
        if not isinstance(conditions, Mapping):
            return self.hidden(conditions)
        return {
            operator: {
                key: self._asked(operator, values)
                if str(key).lower() == _EXTERNAL_ID
                else self.hidden(values)
                for key, values in tests.items()
            }
            if isinstance(tests, Mapping)
            else self.hidden(tests)
            for operator, tests in conditions.items()
        }

    def _asked(self, operator: str, values: Any) -> Any:
        if operator.lower().startswith("null"):
            return values  # whether there is one
        if isinstance(values, list):
            return [self._pattern(str(each)) for each in values]
        return self._pattern(str(values))

    def _pattern(self, value: str) -> str:
        return "".join(
            part if _KEPT.fullmatch(part) else self.of(part) for part in _KEPT.split(value) if part
        )

    def of(self, external_id: str) -> str:
        """What stands for an external id."""
        return f"hidden-{self._digest(external_id)[:32]}"

    def _text(self, value: str) -> str:
        for secret in self._known:
            if secret in value:
                value = value.replace(secret, self.of(secret))
        return value

    def _digest(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
