"""A customer leaves: it is denied, removed, struck from the list, and its name is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from harness.cli.admit import FORMER
from harness.cli.desk import (
    Desk,
    agreed,
    applied,
    at_desk,
    looked_at,
    show_diff,
    show_plan,
    verified,
)
from harness.cli.environments import told_if_interrupted
from harness.cli.operate import STOPPED
from harness.cli.progress import RootProgress
from harness.cli.trying import deny
from harness.deploy import edit
from harness.deploy.apply import retire, retired_names
from harness.deploy.environment import Environment
from harness.deploy.handover import FOLDER
from harness.deploy.live import until
from harness.deploy.ownership import forget
from harness.deploy.preview import needed
from harness.deploy.run import Scope
from harness.errors import UserError


def offboard_customer(*, environment: str, customer: str, **asked: Any) -> bool:
    """Removes a customer and keeps its name. True if all that was probed afterwards held. Raises
    `UserError`."""
    with at_desk(environment, customer, **asked) as desk:
        if desk.listed:
            return _remove(desk)
        if customer not in (edit.read(desk.text).get(FORMER) or {}):
            known = ", ".join(desk.environment.customers)
            raise UserError(f"{desk.file}: no customer {customer}; there are {known}")
        return _remove_rest(desk)


def _remove(desk: Desk) -> bool:
    """Denies and removes a customer that is listed, and strikes it."""
    customer, environment = desk.customer, desk.environment
    accounts = [each["account_id"] for each in desk.listed["accounts"]]
    text = edit.remove(desk.text, ["customers", customer])
    former: dict[str, Any] = {"left": f"{datetime.now(UTC):%Y-%m-%d}", "accounts": accounts}
    if desk.listed.get("legal_hold") and not desk.listed.get("own_organization"):
        # Else the guardrail of the hold would go with the customer.
        former["legal_hold"] = True
    if edit.read(desk.text).get(FORMER):
        text = edit.put(text, [FORMER, customer], former)
    else:
        text = edit.put(text, [FORMER], {customer: former})
    candidate = desk.edited(text)
    keeps = any(map(environment.keeps_records_of, accounts))
    kept = "their records and keys stay" if keeps else "records, too"
    if "legal_hold" in former:
        kept = "their records and keys stay, and so does the hold"
    desk.say(f"{customer} is denied, and then removed from {', '.join(accounts)}: {kept}.")
    show_diff(desk, text)
    desk = looked_at(desk, environment, {*_touched(environment), *accounts})
    if desk.dry_run or not desk.yes:
        show_plan(desk, text, needed(candidate, customer, accounts=False, organization=True))
    if desk.dry_run:
        return True
    desk = agreed(desk, f"Remove {customer}")
    # Whatever applies from here on keeps it denied.
    leaving = desk.text
    if desk.listed.get(STOPPED) is not True:
        leaving = edit.put(leaving, ["customers", customer, STOPPED], True)
        edit.write(desk.file, desk.text, leaving)
    sessions = deny(desk)
    progress = RootProgress(desk.console, retired_names(environment, customer), "destroy")
    with told_if_interrupted(progress), progress.shown():
        retire(desk.deployment, desk.folder, customer, progress)
    edit.write(desk.file, leaving, text)
    gone = _strike(replace(desk, environment=candidate, text=text))
    for session in sessions:
        until(
            lambda session=session: bool(session.refusal()),  # type: ignore[misc]
            f"account {session.account}: a session of {customer} lives on",
        )
    return gone


def _remove_rest(desk: Desk) -> bool:
    """Takes what may be left of a customer that has left."""
    environment = desk.environment
    desk.say(f"{desk.customer} has left; what may be left of it is taken from operations.")
    show_diff(desk, desk.text)
    desk = looked_at(desk, environment, _touched(environment))
    if desk.dry_run or not desk.yes:
        scope = needed(environment, desk.customer, accounts=False, organization=True)
        show_plan(desk, desk.text, scope)
    if desk.dry_run:
        return True
    return _strike(agreed(desk, f"Take what is left of {desk.customer} away"))


def _strike(desk: Desk) -> bool:
    """Takes what is left of a customer, which the file lists no more, from operations."""
    candidate, customer = desk.environment, desk.customer
    states = tuple(filter(None, [candidate.state_account]))
    made = applied(desk, candidate, Scope(states, True, frozenset()))
    for name in (f"{customer}.md", f"{customer}.tfvars.json"):
        (desk.folder / FOLDER / name).unlink(missing_ok=True)
    # What was proved of its accounts is not to count for whoever has the name next.
    for account in {*candidate.accounts, *edit.read(desk.text)[FORMER][customer]["accounts"]}:
        forget(desk.folder, customer, account)
    desk.say(f"{customer} is gone; its name stays taken ({FORMER} in {desk.file.name}).")
    return verified(desk, made)


def _touched(environment: Environment) -> set[str]:
    """The accounts that a customer is taken from, but for its own."""
    return {
        environment.operations_account,
        environment.management_account,
        *filter(None, [environment.state_account]),
    }
