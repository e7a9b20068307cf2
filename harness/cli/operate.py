"""What a customer may call, and whether it may at all: changed, stopped, let in again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.cli.admit import hand_over
from harness.cli.desk import at_desk, go, listed, verified
from harness.cli.trying import deny, lets_in, see_denied, triable
from harness.deploy import edit
from harness.deploy.live import LiveSession, until
from harness.deploy.preview import needed
from harness.deploy.run import Scope
from harness.errors import UserError

STOPPED = "stopped"


def change_customer(
    *,
    environment: str,
    customer: str,
    add_models: Sequence[str],
    remove_models: Sequence[str],
    add_regions: Sequence[str],
    remove_regions: Sequence[str],
    **asked: Any,
) -> bool:
    """Changes models and Regions. True if all that was probed afterwards held. Raises
    `UserError`."""
    if not (add_models or remove_models or add_regions or remove_regions):
        raise UserError("say what to change: --add-model, --remove-model, --add-region, …")
    with at_desk(environment, customer, **asked) as desk:
        said, text = listed(desk), desk.text
        now = {"models": list(said["models"]), "regions": list(said.get("regions", []))}
        if not now["regions"] and (add_regions or remove_regions):
            now["regions"] = [desk.environment.region]
        for field, more, less in (
            ("models", add_models, remove_models),
            ("regions", add_regions, remove_regions),
        ):
            # What is there already, or gone already, is no error: the command may be repeated.
            kept = [each for each in now[field] if each not in less]
            wanted = [*kept, *(each for each in dict.fromkeys(more) if each not in kept)]
            if (more or less) and wanted != said.get(field):
                text = edit.put(text, ["customers", customer, field], wanted)
        candidate = desk.edited(text)
        scope = needed(candidate, customer, accounts=True, organization=True)
        done = go(desk, text, candidate, scope, f"Change what {customer} may call")
        return done is None or hand_over(*done)


def stop_customer(*, environment: str, customer: str, **asked: Any) -> bool:
    """Denies all that a customer asks, now and until it is resumed. True if all that was probed
    afterwards held. Raises `UserError`."""
    with at_desk(environment, customer, **asked) as desk:
        text = desk.text
        if listed(desk).get(STOPPED) is not True:
            text = edit.put(text, ["customers", customer, STOPPED], True)
        candidate = desk.edited(text)
        sessions: list[LiveSession] = []
        done = go(
            desk,
            text,
            candidate,
            Scope((), False, frozenset()),
            f"Stop {customer}",
            # Nothing of other accounts is to keep it from being denied.
            touched=[desk.environment.operations_account],
            first=lambda desk: sessions.extend(deny(desk)),
        )
        if done is None:
            return True
        for session in sessions:
            see_denied(session)
        desk.say(f"{customer} is stopped; `bulkhead customer resume` lets it in again.")
        return True


def resume_customer(*, environment: str, customer: str, **asked: Any) -> bool:
    """Lets a stopped customer in again. True if all that was probed afterwards held. Raises
    `UserError`."""
    with at_desk(environment, customer, **asked) as desk:
        text = desk.text
        if STOPPED in listed(desk):
            text = edit.remove(text, ["customers", customer, STOPPED])
        candidate = desk.edited(text)
        done = go(desk, text, candidate, Scope((), False, frozenset()), f"Let {customer} in again")
        if done is None:
            return True
        changed, made = done
        for account in triable(changed, made):
            until(
                lambda account=account: lets_in(made, customer, account),  # type: ignore[misc]
                f"account {account}: {customer} is still refused",
            )
        changed.say(f"{customer} is let in again.")
        return verified(changed, made)
