"""A customer gets a new external id, and the old one ends after a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from harness.cli.desk import Desk, agreed, applied, at_desk, go, listed, looked_at, verified
from harness.cli.trying import assumes, triable
from harness.deploy.live import may_assume, until
from harness.deploy.rotation import end_grace, forget, known_ids, none_made, rotate
from harness.deploy.rotation import until as grace_until
from harness.deploy.run import EXTERNAL_IDS_FILE, Scope
from harness.errors import UserError


def rotate_id(*, environment: str, customer: str, grace: float, end: bool, **asked: Any) -> bool:
    """Gives a customer a new external id, or ends the time in which the old one is taken. True if
    all that was probed afterwards held. Raises `UserError`."""
    with at_desk(environment, customer, **asked) as desk:
        listed(desk)
        known = known_ids(desk.folder, [customer])
        over = grace_until(known, customer)
        ends = over is not None and (end or over <= datetime.now(UTC))
        if ends and none_made(desk.folder, desk.folder / EXTERNAL_IDS_FILE, customer):
            # To end the grace would end the only id that there is.
            desk.say(f"A rotation of {customer} was interrupted before it made a new id.")
            if not desk.dry_run:
                forget(desk.folder, customer)
            over, ends = None, False
        if ends:
            return _end_grace(desk, known[customer]["external_id"])
        if end:
            desk.say(f"No external id of {customer} is being replaced.")
            return True
        scope = Scope((), False, frozenset([customer]))
        last = over or datetime.now(UTC) + timedelta(hours=grace)
        what = "is being given" if over else "gets"
        desk.say(
            f"{customer} {what} a new external id; the old one is accepted until {last:%c} UTC."
        )
        done = go(
            desk,
            desk.text,
            desk.environment,
            scope,
            f"Give {customer} a new external id",
            rotated=None if over else customer,
            first=lambda desk: rotate(
                desk.folder, desk.folder / EXTERNAL_IDS_FILE, customer, timedelta(hours=grace)
            ),
        )
        if done is None:
            return True
        changed, made = done
        old = known_ids(desk.folder, [customer])
        last = grace_until(old, customer) or last
        for account in triable(changed, made):
            until(
                lambda account=account: bool(assumes(made, customer, account)),  # type: ignore[misc]
                f"account {account}: its new external id is refused; run the same command again",
            )
            if datetime.now(UTC) < last and not may_assume(
                made, customer, account, old[customer]["external_id"]
            ):
                raise UserError(
                    f"account {account}: its old external id is refused before its time"
                )
        desk.say(
            f"Both ids are accepted until {last:%c} UTC; the same command ends the old one then."
        )
        return verified(changed, made)


def _end_grace(desk: Desk, old: str) -> bool:
    customer = desk.customer
    desk.say(f"The old external id of {customer} is taken no more.")
    environment = desk.environment
    own = [account.account_id for account in environment.customers[customer].accounts]
    management, operations = environment.management_account, environment.operations_account
    desk = looked_at(desk, environment, {management, operations, *own})
    if desk.dry_run:
        return True
    desk = agreed(desk, f"End the old external id of {customer}")
    # A rotation that was interrupted may have told the customer nothing of the new id yet.
    made = applied(desk, environment, Scope((), False, frozenset([customer])))
    tried = triable(desk, made)
    for account in tried:
        until(
            lambda account=account: assumes(made, customer, account),  # type: ignore[misc]
            f"account {account}: its new external id is refused, so the old one was not ended; run "
            "the same command again",
        )
    end_grace(desk.folder, customer)
    made = applied(desk, environment, Scope((), False, frozenset()))
    for account in tried:
        until(
            lambda account=account: may_assume(made, customer, account, old) is None,  # type: ignore[misc]
            f"account {account}: its old external id is still accepted; run the same command again",
        )
    forget(desk.folder, customer)
    return verified(desk, made)
