"""What sessions of a customer are answered, from accounts that can be tried from here."""

from __future__ import annotations

from harness.cli.desk import Desk
from harness.deploy.deployment import Deployment
from harness.deploy.live import LiveSession, Untried, live_session, live_sessions, may_assume, until
from harness.deploy.offboard import deny_sessions

_EXPLICIT = "explicit deny"


def accounts_of(made: Deployment, customer: str) -> list[str]:
    """The accounts of a customer that are deployed."""
    return [k for k, account in made.accounts.items() if account.customer == customer]


def assumes(made: Deployment, customer: str, account: str) -> bool:
    """Whether an account is let in with the external id that is there."""
    external_id = made.fleets[customer].external_id
    return may_assume(made, customer, account, external_id) is not None


def lets_in(made: Deployment, customer: str, account: str) -> bool:
    """Whether a new session of an account may call its model."""
    session = live_session(made, customer, account)
    return session is not None and not session.refusal()


def triable(desk: Desk, made: Deployment) -> list[str]:
    """The customer's accounts that can be tried from here; says which cannot."""
    found = []
    for account in accounts_of(made, desk.customer):
        try:
            assumes(made, desk.customer, account)
        except Untried as why:
            desk.say(f"{why}.")
        else:
            found.append(account)
    return found


def deny(desk: Desk) -> list[LiveSession]:
    """Denies the customer's sessions and sees that they are; returns those that were tried, and
    says which accounts could not be."""
    fleet = desk.deployment.fleets.get(desk.customer)
    if fleet is None:
        return []  # it was never let in
    # Nothing that an account answers keeps its customer from being denied. It still begins
    # sessions: the denial is of what they ask.
    deny_sessions(desk.target, fleet.fleet_role_arn)
    sessions, untried = live_sessions(desk.deployment, desk.customer)
    for line in untried:
        desk.say(f"{line}.")
    if not sessions:
        desk.say(f"{desk.customer} is denied; no session of it could be had to try that.")
        return []
    for session in sessions:
        see_denied(session)
    count = f"{len(sessions)} live session{'' if len(sessions) == 1 else 's'}"
    desk.say(f"{desk.customer} is denied; {count} of it tried to call, and could not.")
    return sessions


def see_denied(session: LiveSession) -> None:
    """Returns when a session is denied. Raises `UserError` where it is not."""
    until(
        lambda: _EXPLICIT in session.refusal(),
        f"account {session.account}: a session of {session.customer} is not denied yet, so nothing "
        "more was done; run the same command again",
    )
