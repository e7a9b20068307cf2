"""External ids: one secret per customer, made here, kept in a file that only its owner can read.

An external id stops another party from making a role's trusted account act for it (the confused
deputy): https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
It is no password, yet nobody but its customer needs to know it, so it never reaches a log.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.deploy.workspace import write_private
from harness.errors import UserError

REDACTED = "[redacted]"


def new_external_id() -> str:
    """256 random bits, 43 characters of those that STS allows in an external id.

    A leading hyphen would be read as an option by command lines, so none is made.
    """
    while (token := secrets.token_urlsafe(32)).startswith("-"):
        pass
    return token


def external_ids(path: Path, customers: Iterable[str], *, keep: bool = True) -> dict[str, str]:
    """The external ids of these customers, read from the file; missing ones are made and, unless
    `keep` is false, kept.

    Raises `UserError` when the file is damaged: making new ids would lock every customer out.
    """
    known: Any = {}
    if path.exists():
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            # Such an error keeps the whole text, which is of external ids.
            raise UserError(
                f"{path}: is not JSON; restore it, or delete it to make new ids"
            ) from None
        if not isinstance(known, dict) or not all(isinstance(v, str) for v in known.values()):
            raise UserError(f"{path}: must map customers to external ids; restore or delete it")
    wanted = list(customers)
    missing = [customer for customer in wanted if customer not in known]
    if missing:
        known |= {customer: new_external_id() for customer in missing}
        if keep:
            write_private(path, json.dumps(known, indent=2, sort_keys=True) + "\n")
    return {customer: known[customer] for customer in wanted}


def keep_only(path: Path, customers: Iterable[str]) -> None:
    """Forgets the external ids of all others, so that a customer that comes again under an old name
    gets one of its own."""
    wanted = set(customers)
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    if not wanted >= known.keys():
        kept = {customer: value for customer, value in known.items() if customer in wanted}
        write_private(path, json.dumps(kept, indent=2, sort_keys=True) + "\n")


def redact(text: str, hidden: Mapping[str, str] | Iterable[str]) -> str:
    """The text without these secrets."""
    values = hidden.values() if isinstance(hidden, Mapping) else hidden
    for value in sorted((v for v in values if v), key=len, reverse=True):
        text = text.replace(value, REDACTED)
    return text
