"""A new external id for a customer, while the old one is still taken for some time.

What holds the deadline is the trust policy itself: the old id is accepted by a statement of its own
with a condition on the time, so that it ends without anybody's doing. The current ids are where
they always are (`secrets`); the ones before lie in a file of their own.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-currenttime
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.deploy.secrets import new_external_id
from harness.deploy.workspace import write_private
from harness.errors import UserError

FILE = "previous-external-ids.json"
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_ENDED = "0001-01-01T00:00:00Z"
"""The time of an id that is being taken out of the trust: known until it is seen to be refused."""
Previous = dict[str, dict[str, str]]
"""By customer: `external_id`, the one before, and `accepted_until`."""


def known_ids(run_dir: Path, customers: Iterable[str]) -> Previous:
    """Of these customers, the ids before the current ones, with those that are being ended.

    Raises `UserError` when the file is damaged.
    """
    known, wanted = _read(run_dir / FILE), set(customers)
    return {customer: known[customer] for customer in sorted(known) if customer in wanted}


def previous_ids(run_dir: Path, customers: Iterable[str]) -> Previous:
    """Those of them that belong in the trusts. Raises as `known_ids` does."""
    known = known_ids(run_dir, customers)
    return {k: each for k, each in known.items() if each["accepted_until"] != _ENDED}


def until(previous: Previous, customer: str) -> datetime | None:
    """When the customer's id before ends or ended; None where there is none."""
    if customer not in previous:
        return None
    return datetime.strptime(previous[customer]["accepted_until"], _FORMAT).replace(tzinfo=UTC)


def _accepted(external_id: str, end: datetime) -> dict[str, str]:
    return {"external_id": external_id, "accepted_until": end.strftime(_FORMAT)}


def graced(external_id: str, lasting: timedelta) -> dict[str, str]:
    """What says that the id is accepted so much longer, from now on."""
    return _accepted(external_id, datetime.now(UTC) + lasting)


def rotate(run_dir: Path, ids_file: Path, customer: str, grace: timedelta) -> datetime:
    """Makes a new id for the customer; returns until when the old one is taken.

    To be called again after an interruption: where a rotation has begun, it is finished, and none
    is begun. Raises `UserError` when a file is damaged or has no such customer.
    """
    previous, ids = _read(run_dir / FILE), _ids(ids_file, customer)
    old = ids[customer]
    end = until(previous, customer)
    if end is None:
        end = (datetime.now(UTC) + grace).replace(microsecond=0)
        # The old id is written first: an end between the two writes loses nothing.
        _write(run_dir / FILE, previous | {customer: _accepted(old, end)})
        previous = _read(run_dir / FILE)
    if previous[customer]["external_id"] == old:
        text = json.dumps(ids | {customer: new_external_id()}, indent=2, sort_keys=True)
        write_private(ids_file, text + "\n")
    return end


def none_made(run_dir: Path, ids_file: Path, customer: str) -> bool:
    """Whether a rotation has begun that was ended before it made a new id: the id before is the
    current one. Raises `UserError` as `rotate` does."""
    previous = _read(run_dir / FILE)
    return customer in previous and (
        previous[customer]["external_id"] == _ids(ids_file, customer)[customer]
    )


def end_grace(run_dir: Path, customer: str) -> None:
    """Has the next apply of operations take the customer's id before out of the trust. It is known
    until `forget`, so that an interruption in between is mended by the same command."""
    known = _read(run_dir / FILE)
    ended = {"external_id": known[customer]["external_id"], "accepted_until": _ENDED}
    _write(run_dir / FILE, known | {customer: ended})


def forget(run_dir: Path, customer: str) -> None:
    """Forgets the customer's id before."""
    _write(run_dir / FILE, {k: v for k, v in _read(run_dir / FILE).items() if k != customer})


def keep_only_previous(run_dir: Path, customers: Iterable[str]) -> None:
    """Forgets the ids of all others."""
    known, wanted = _read(run_dir / FILE), set(customers)
    if not wanted >= known.keys():
        _write(run_dir / FILE, {k: v for k, v in known.items() if k in wanted})


def _ids(ids_file: Path, customer: str) -> dict[str, str]:
    """The current ids, of which one is the customer's."""
    try:
        ids: dict[str, str] = json.loads(ids_file.read_text(encoding="utf-8"))
        ids[customer]
    except OSError as error:
        raise UserError(f"{ids_file}: cannot be read: {error.strerror}; apply first") from error
    except (ValueError, KeyError, TypeError):
        # Such an error keeps the whole text, which is of external ids.
        raise UserError(f"{ids_file}: has no external id of {customer}; apply first") from None
    return ids


def _read(file: Path) -> Previous:
    if not file.exists():
        return {}
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        for each in known.values():
            if each.keys() != {"external_id", "accepted_until"}:
                raise ValueError
            datetime.strptime(each["accepted_until"], _FORMAT)
    except (ValueError, TypeError, AttributeError):
        # The text of such an error could quote the file.
        raise UserError(
            f"{file}: is damaged; restore it, or delete it to end the old ids at once"
        ) from None
    return {str(k): {str(n): str(v) for n, v in each.items()} for k, each in known.items()}


def _write(file: Path, known: Previous) -> None:
    if known:
        write_private(file, json.dumps(known, indent=2, sort_keys=True) + "\n")
    else:
        file.unlink(missing_ok=True)
