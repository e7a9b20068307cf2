"""The operator's day: customers added, changed, stopped and removed in a running environment.

Each command edits `customers.yaml` first and then applies what follows from it, so that whatever
ends it in between leaves a file that says what is meant: the same command, or any apply, goes on
from there. Only the roots that the customer is about are applied.
"""

from __future__ import annotations

import contextlib
import difflib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from harness.cli.environments import (
    apply_roots,
    changing,
    loaded,
    open_accounts,
    refuse_changes,
    run_folder,
    running,
    say,
    told_if_interrupted,
)
from harness.cli.progress import RootProgress
from harness.cli.serve import terminable
from harness.cli.suite import Reports, Suite
from harness.deploy import edit
from harness.deploy.apply import DEPLOYMENT_FILE, retire, retired_names
from harness.deploy.deployment import Deployment
from harness.deploy.drift import Planned
from harness.deploy.environment import Environment, environment_of
from harness.deploy.handover import FOLDER, write_page
from harness.deploy.live import LiveSession, Untried, live_session, live_sessions, may_assume, until
from harness.deploy.offboard import deny_sessions
from harness.deploy.ownership import (
    Challenge,
    challenge,
    check_customer,
    forget,
    prove,
    sts_endpoint,
)
from harness.deploy.preview import needed, preview
from harness.deploy.rotation import end_grace, none_made, previous_ids, rotate
from harness.deploy.rotation import until as grace_until
from harness.deploy.run import EXTERNAL_IDS_FILE, Scope, root_names
from harness.deploy.workspace import CUSTOMERS_FILE
from harness.errors import UserError

FORMER = "former_customers"
STOPPED = "stopped"
_EXPLICIT = "explicit deny"


@dataclass(frozen=True, slots=True)
class Desk:
    """A running environment, and what the person at the terminal asked for."""

    environment: Environment
    deployment: Deployment
    folder: Path
    console: Console
    text: str
    """What `customers.yaml` says."""
    customer: str
    dry_run: bool = False
    yes: bool = False
    verify: str = "none"

    @property
    def file(self) -> Path:
        return self.environment.path / CUSTOMERS_FILE

    @property
    def listed(self) -> Mapping[str, Any]:
        """What the file says of the customer; empty where it lists none."""
        customers: Mapping[str, Any] = edit.read(self.text)["customers"]
        found: Mapping[str, Any] = customers.get(self.customer, {})
        return found

    def say(self, text: str) -> None:
        say(self.console, text)


@contextlib.contextmanager
def _desk(name: str, customer: str, **asked: Any) -> Iterator[Desk]:
    """Within, nobody else changes the environment. Raises `UserError` where it does not run, or
    where models, Regions or accounts of others were edited by hand and not applied."""
    environment = loaded(name)
    folder = run_folder(environment)
    deployment = running(environment)
    if deployment is None:
        raise UserError(f"{name} is not running; start it with `bulkhead apply {name}`")
    file = environment.path / CUSTOMERS_FILE
    with terminable(), changing(folder):
        refuse_changes(environment, deployment, folder, but=customer)
        text = file.read_bytes().decode("utf-8-sig")
        yield Desk(environment, deployment, folder, Console(), text, customer, **asked)


def print_challenge(name: str, customer: str, account: str) -> None:
    """Prints what the owner of an account signs. Raises `UserError` where nothing runs."""
    check_customer(customer)
    with _desk(name, customer) as desk:
        _open(desk, [account])
        made = challenge(desk.folder, desk.environment.name, customer, account)
        region = desk.environment.region
        desk.say(f"Whoever owns account {account} runs, with any credentials of it:")
        click.echo(f"python -m bulkhead.ownership {made.text} --region {region}")
        desk.say(
            "and sends back the URL that it prints, within a quarter of an hour. It opens nothing."
        )


def add_customer(
    *,
    environment: str,
    customer: str,
    accounts: Sequence[tuple[str, str]],
    models: Sequence[str],
    regions: Sequence[str],
    proofs: Sequence[tuple[str, str]],
    without_proof: bool,
    again: bool,
    **asked: Any,
) -> bool:
    """Adds a customer. True if all that was probed afterwards held. Raises `UserError`."""
    wanted: dict[str, Any] = {
        "accounts": [{"account_id": a, "caller": c} for a, c in dict(accounts).items()],
        "models": list(models),
        **({"regions": list(regions)} if regions else {}),
    }
    with _desk(environment, customer, **asked) as desk:
        former = (edit.read(desk.text).get(FORMER) or {}).get(customer)
        if former is not None and not again:
            raise UserError(
                f"{desk.file}: {customer} was a customer until {former['left']}; take another "
                "name, or --again if this one may have the name and records kept under it"
            )
        text = desk.text
        if former is not None:
            text = _without_former(text, customer)
        if not desk.listed:
            text = edit.put(text, ["customers", customer], wanted)
        elif dict(desk.listed) != wanted:
            raise UserError(
                f"{desk.file}: {customer} is listed already, and otherwise; `bulkhead customer "
                "change` and `add-account` change it"
            )
        return _let_in(desk, text, [account for account, _ in accounts], proofs, without_proof)


def add_accounts(
    *,
    environment: str,
    customer: str,
    accounts: Sequence[tuple[str, str]],
    proofs: Sequence[tuple[str, str]],
    without_proof: bool,
    **asked: Any,
) -> bool:
    """Adds accounts to a customer. True if all that was probed afterwards held. Raises
    `UserError`."""
    with _desk(environment, customer, **asked) as desk:
        before = _listed(desk)["accounts"]
        there = {each["account_id"]: each["caller"] for each in before}
        for account, caller in accounts:
            if there.get(account, caller) != caller:
                raise UserError(
                    f"{desk.file}: account {account} of {customer} is listed with the caller "
                    f"{there[account]}; edit it by hand, and apply"
                )
        new = [
            {"account_id": account, "caller": caller}
            for account, caller in dict(accounts).items()
            if account not in there
        ]
        text = desk.text
        if new:
            text = edit.put(text, ["customers", customer, "accounts"], [*before, *new])
        return _let_in(desk, text, [account for account, _ in accounts], proofs, without_proof)


def _let_in(
    desk: Desk,
    text: str,
    accounts: Sequence[str],
    proofs: Sequence[tuple[str, str]],
    without_proof: bool,
) -> bool:
    """Applies a text that lists more accounts, once their owners are known, and hands over."""
    candidate = environment_of(desk.file, text.encode())
    _prove(desk, accounts, dict(proofs), without_proof)
    scope = needed(candidate, desk.customer, accounts=True, organization=True)
    made = _go(desk, text, candidate, scope)
    return made is None or _hand_over(desk, made)


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
    with _desk(environment, customer, **asked) as desk:
        listed, text = _listed(desk), desk.text
        now = {"models": list(listed["models"]), "regions": list(listed.get("regions", []))}
        if not now["regions"] and (add_regions or remove_regions):
            now["regions"] = [desk.environment.region]
        for field, more, less in (
            ("models", add_models, remove_models),
            ("regions", add_regions, remove_regions),
        ):
            # What is there already, or gone already, is no error: the command may be repeated.
            kept = [each for each in now[field] if each not in less]
            wanted = [*kept, *(each for each in dict.fromkeys(more) if each not in kept)]
            if (more or less) and wanted != listed.get(field):
                text = edit.put(text, ["customers", customer, field], wanted)
        candidate = environment_of(desk.file, text.encode())
        scope = needed(candidate, customer, accounts=True, organization=True)
        made = _go(desk, text, candidate, scope)
        return made is None or _hand_over(desk, made)


def rotate_id(*, environment: str, customer: str, grace: float, end: bool, **asked: Any) -> bool:
    """Gives a customer a new external id, or ends the time in which the old one is taken. True if
    all that was probed afterwards held. Raises `UserError`."""
    with _desk(environment, customer, **asked) as desk:
        _listed(desk)
        known = previous_ids(desk.folder, [customer])
        over = grace_until(known, customer)
        ends = over is not None and (end or over <= datetime.now(UTC))
        if ends and none_made(desk.folder, desk.folder / EXTERNAL_IDS_FILE, customer):
            # To end the grace would end the only id that there is.
            desk.say(f"A rotation of {customer} was interrupted before it made a new id.")
            if not desk.dry_run:
                end_grace(desk.folder, customer)
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
        made = _go(
            desk,
            desk.text,
            desk.environment,
            scope,
            rotated=None if over else customer,
            first=lambda: rotate(
                desk.folder, desk.folder / EXTERNAL_IDS_FILE, customer, timedelta(hours=grace)
            ),
        )
        if made is None:
            return True
        old = previous_ids(desk.folder, [customer])
        last = grace_until(old, customer) or last
        for account in _triable(desk, made):
            until(
                lambda account=account: bool(_assumes(made, customer, account)),  # type: ignore[misc]
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
        return _verified(desk, made)


def stop_customer(*, environment: str, customer: str, **asked: Any) -> bool:
    """Denies all that a customer asks, now and until it is resumed. True if all that was probed
    afterwards held. Raises `UserError`."""
    with _desk(environment, customer, **asked) as desk:
        listed = _listed(desk)
        text = desk.text
        if listed.get(STOPPED) is not True:
            text = edit.put(text, ["customers", customer, STOPPED], True)
        candidate = environment_of(desk.file, text.encode())
        sessions: list[LiveSession] = []
        made = _go(
            desk,
            text,
            candidate,
            Scope((), False, frozenset()),
            first=lambda: sessions.extend(_deny(desk)),
        )
        if made is None:
            return True
        for session in sessions:
            _see_denied(session)
        desk.say(f"{customer} is stopped; `bulkhead customer resume` lets it in again.")
        return True


def resume_customer(*, environment: str, customer: str, **asked: Any) -> bool:
    """Lets a stopped customer in again. True if all that was probed afterwards held. Raises
    `UserError`."""
    with _desk(environment, customer, **asked) as desk:
        text = desk.text
        if STOPPED in _listed(desk):
            text = edit.remove(text, ["customers", customer, STOPPED])
        candidate = environment_of(desk.file, text.encode())
        made = _go(desk, text, candidate, Scope((), False, frozenset()))
        if made is None:
            return True
        for account in _triable(desk, made):
            until(
                lambda account=account: _lets_in(made, customer, account),  # type: ignore[misc]
                f"account {account}: {customer} is still refused",
            )
        desk.say(f"{customer} is let in again.")
        return _verified(desk, made)


def offboard_customer(*, environment: str, customer: str, **asked: Any) -> bool:
    """Removes a customer and keeps its name. True if all that was probed afterwards held. Raises
    `UserError`."""
    with _desk(environment, customer, **asked) as desk:
        document = edit.read(desk.text)
        if not desk.listed:
            if customer not in (document.get(FORMER) or {}):
                known = ", ".join(desk.environment.customers)
                raise UserError(f"{desk.file}: no customer {customer}; there are {known}")
            desk.say(f"{customer} has left; what may be left of it is taken from operations.")
            _show_diff(desk, desk.text)
            if desk.dry_run or not desk.yes:
                scope = needed(desk.environment, customer, accounts=False, organization=True)
                _show_plan(desk, desk.text, scope)
            if desk.dry_run:
                return True
            _confirm(desk)
            return _strike(desk, desk.text)
        accounts = [each["account_id"] for each in desk.listed["accounts"]]
        text = edit.remove(desk.text, ["customers", customer])
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        former: dict[str, Any] = {"left": today, "accounts": accounts}
        if desk.listed.get("legal_hold") and not desk.listed.get("own_organization"):
            # Else the guardrail of the hold would go with the customer.
            former["legal_hold"] = True
        if document.get(FORMER):
            text = edit.put(text, [FORMER, customer], former)
        else:
            text = edit.put(text, [FORMER], {customer: former})
        candidate = environment_of(desk.file, text.encode())
        keeps = any(map(desk.environment.keeps_records_of, accounts))
        kept = "their records and keys stay" if keeps else "records, too"
        if "legal_hold" in former:
            kept = "their records and keys stay, and so does the hold"
        desk.say(f"{customer} is denied, and then removed from {', '.join(accounts)}: {kept}.")
        _show_diff(desk, text)
        if desk.dry_run or not desk.yes:
            _show_plan(desk, text, needed(candidate, customer, accounts=False, organization=True))
        if desk.dry_run:
            return True
        _confirm(desk)
        # Whatever applies from here on keeps it denied.
        leaving = desk.text
        if desk.listed.get(STOPPED) is not True:
            leaving = edit.put(leaving, ["customers", customer, STOPPED], True)
            edit.write(desk.file, desk.text, leaving)
        sessions = _deny(desk)
        progress = RootProgress(desk.console, retired_names(desk.environment, customer), "destroy")
        with told_if_interrupted(progress), progress.shown():
            retire(desk.deployment, desk.folder, customer, progress)
        edit.write(desk.file, leaving, text)
        gone = _strike(replace(desk, environment=candidate, text=text), text)
        for session in sessions:
            until(
                lambda session=session: bool(session.refusal()),  # type: ignore[misc]
                f"account {session.account}: a session of {customer} lives on",
            )
        return gone


def _strike(desk: Desk, text: str) -> bool:
    """Takes what is left of a customer, which the file lists no more, from operations."""
    candidate, customer = environment_of(desk.file, text.encode()), desk.customer
    states = tuple(filter(None, [candidate.state_account]))
    scope = Scope(states, True, frozenset())
    made = apply_roots(candidate, desk.deployment.target(), desk.folder, desk.console, scope=scope)
    for name in (f"{customer}.md", f"{customer}.tfvars.json"):
        (desk.folder / FOLDER / name).unlink(missing_ok=True)
    # What was proved of its accounts is not to count for whoever has the name next.
    for account in {*candidate.accounts, *edit.read(text)[FORMER][customer]["accounts"]}:
        forget(desk.folder, customer, account)
    desk.say(f"{customer} is gone; its name stays taken ({FORMER} in {desk.file.name}).")
    return _verified(replace(desk, environment=candidate), made)


def _go(
    desk: Desk,
    text: str,
    candidate: Environment,
    scope: Scope,
    *,
    rotated: str | None = None,
    first: Any = None,
) -> Deployment | None:
    """Shows the edit and the plan, asks, edits and applies; None where it was to be shown only.
    `first` is done when it was agreed to and edited, before anything is applied."""
    _show_diff(desk, text)
    if desk.dry_run or not desk.yes:
        _show_plan(desk, text, scope, rotated)
    if desk.dry_run:
        return None
    _confirm(desk)
    # The file is first: whatever applies from here on keeps to it.
    if text != desk.text:
        edit.write(desk.file, desk.text, text)
    if first is not None:
        first()
    open_accounts(candidate, desk.deployment)
    return apply_roots(candidate, desk.deployment.target(), desk.folder, desk.console, scope=scope)


def _show_diff(desk: Desk, text: str) -> None:
    name = str(desk.file)
    with contextlib.suppress(ValueError):
        name = str(desk.file.resolve().relative_to(Path.cwd()))
    lines = list(
        difflib.unified_diff(
            desk.text.splitlines(), text.splitlines(), name, name, n=2, lineterm=""
        )
    )
    for line in lines:
        style = {"+": "green", "-": "red", "@": "dim"}.get(line[:1], "")
        desk.console.print(Text(line, style=style), soft_wrap=True, highlight=False)
    if not lines:
        desk.say(f"{name} stays as it is.")


def _show_plan(desk: Desk, text: str, scope: Scope, rotated: str | None = None) -> None:
    known = set(desk.deployment.environment.bootstrapped_accounts)
    made = tuple(a for a in scope.bootstraps if a in known or _there(desk, a))
    first = replace(scope, bootstraps=made, customers=frozenset())
    candidate = environment_of(desk.file, text.encode())
    progress = RootProgress(desk.console, root_names(candidate, first), "plan")
    with progress.shown():
        planned = preview(desk.deployment, text, first, desk.folder, progress, rotated)
    failed = [str(each) for each in planned.values() if isinstance(each, UserError)]
    for root, each in planned.items():
        desk.say(f"{root}: {_summary(each)}")
        if not isinstance(each, UserError):
            for line in each.planned:
                desk.say(f"  {line}")
    for root in root_names(candidate, scope):
        if root not in planned:
            desk.say(f"{root}: is planned when what it needs is applied")
    if failed:
        raise UserError(*failed)


def _summary(planned: Planned) -> str:
    if isinstance(planned, UserError):
        return "cannot be planned"
    if planned.empty:
        return "nothing to change"
    counts: dict[str, int] = {}
    for line in planned.planned:
        action = line.partition(" ")[0]
        counts[action] = counts.get(action, 0) + 1
    said = ", ".join(f"{count} to {action}" for action, count in counts.items())
    return said or "outputs change"


def _confirm(desk: Desk) -> None:
    if desk.yes:
        return
    if not sys.stdin.isatty():
        raise UserError("nobody is there to ask, so nothing was changed; --yes goes on without")
    click.confirm("Go on?", abort=True)


def _prove(
    desk: Desk, accounts: Sequence[str], proofs: Mapping[str, str], without_proof: bool
) -> None:
    """Has the accounts proved that are not the customer's already. Raises `UserError`."""
    if strangers := sorted(set(proofs) - set(accounts)):
        raise UserError(f"--proof {strangers[0]}: this account is not added; name it in --account")
    new = [a for a in accounts if not _is_own(desk, a)]
    if without_proof:
        if new and not desk.dry_run:
            desk.say(f"Nobody proved that {', '.join(new)} is {desk.customer}'s.")
        return
    if new and not desk.dry_run:
        _open(desk, new)
    region = desk.environment.region
    target = desk.deployment.target()
    endpoint = target.endpoint_url or sts_endpoint(region, desk.environment.partition)
    lacking = []
    for account in new:
        if desk.dry_run and account not in proofs:
            desk.say(f"Account {account} would have to be proved.")
            continue
        asked: Challenge = challenge(desk.folder, desk.environment.name, desk.customer, account)
        if account in proofs and not asked.proved_by:
            asked = prove(desk.folder, asked, proofs[account], endpoint, region)
            desk.say(f"Account {account} is proved, by {asked.proved_by}.")
        if not asked.proved_by:
            lacking.append(account)
    if lacking:
        raise UserError(
            *(
                f"nobody has proved whose account {account} is: `bulkhead customer challenge "
                f"{desk.environment.name} {desk.customer} {account}` says what its owner signs; "
                f"give the answer as --proof {account}=FILE"
                for account in lacking
            )
        )


def _is_own(desk: Desk, account: str) -> bool:
    known = desk.deployment.accounts.get(account)
    return known is not None and known.customer == desk.customer


def _open(desk: Desk, accounts: Sequence[str]) -> None:
    """Has the embedded cloud have these accounts, as AWS does."""
    for account in accounts:
        if len(account) != 12 or not account.isdigit():
            raise UserError(f"{account!r} is not an account id: 12 digits are wanted")
        if not _there(desk, account):
            desk.deployment.cloud().open_account(account, desk.environment.management_account)


def _there(desk: Desk, account: str) -> bool:
    try:
        desk.deployment.target().session(account)
    except UserError:
        return False
    return True


def _listed(desk: Desk) -> Mapping[str, Any]:
    if not desk.listed:
        known = ", ".join(desk.environment.customers)
        raise UserError(f"{desk.file}: no customer {desk.customer}; there are {known}")
    return desk.listed


def _without_former(text: str, customer: str) -> str:
    if set(edit.read(text)[FORMER]) == {customer}:
        return edit.remove(text, [FORMER])
    return edit.remove(text, [FORMER, customer])


def _accounts(made: Deployment, customer: str) -> list[str]:
    return [k for k, account in made.accounts.items() if account.customer == customer]


def _assumes(made: Deployment, customer: str, account: str) -> bool:
    external_id = made.fleets[customer].external_id
    return may_assume(made, customer, account, external_id) is not None


def _lets_in(made: Deployment, customer: str, account: str) -> bool:
    session = live_session(made, customer, account)
    return session is not None and not session.refusal()


def _triable(desk: Desk, made: Deployment) -> list[str]:
    """The customer's accounts that can be tried from here; says which cannot."""
    found = []
    for account in _accounts(made, desk.customer):
        try:
            _assumes(made, desk.customer, account)
        except Untried as why:
            desk.say(f"{why}.")
        else:
            found.append(account)
    return found


def _deny(desk: Desk) -> list[LiveSession]:
    """Denies the customer's sessions and sees that they are; returns those that were tried, and
    says which accounts could not be."""
    fleet = desk.deployment.fleets.get(desk.customer)
    if fleet is None:
        return []  # it was never let in
    # Nothing that an account answers keeps its customer from being denied. It still begins
    # sessions: the denial is of what they ask.
    deny_sessions(desk.deployment.target(), fleet.fleet_role_arn)
    sessions, untried = live_sessions(desk.deployment, desk.customer)
    for line in untried:
        desk.say(f"{line}.")
    if not sessions:
        desk.say(f"{desk.customer} is denied; no session of it could be had to try that.")
        return []
    for session in sessions:
        _see_denied(session)
    count = f"{len(sessions)} live session{'' if len(sessions) == 1 else 's'}"
    desk.say(f"{desk.customer} is denied; {count} of it tried to call, and could not.")
    return sessions


def _see_denied(session: LiveSession) -> None:
    until(
        lambda: _EXPLICIT in session.refusal(),
        f"account {session.account}: a session of {session.customer} is not denied yet, so nothing "
        "more was done; run the same command again",
    )


def _hand_over(desk: Desk, made: Deployment) -> bool:
    """Verifies, and writes what the customer is to know."""
    held = _verified(desk, made)
    homes = [made.accounts[account] for account in _accounts(made, desk.customer)]
    page = write_page(
        desk.folder / FOLDER, made.fleets[desk.customer], homes, desk.environment.name
    )
    for home in homes:
        forget(desk.folder, desk.customer, home.account_id)
    desk.say(f"For {desk.customer}: {page}")
    return held


def _verified(desk: Desk, made: Deployment) -> bool:
    """Runs what was asked for of the security suite."""
    if desk.verify == "none":
        return True
    only = None if desk.verify == "all" or desk.customer not in made.fleets else desk.customer
    path = str(made.environment.path.resolve())
    folder = desk.folder / "verify"
    folder.mkdir(mode=0o700, exist_ok=True)
    saved = desk.folder / DEPLOYMENT_FILE
    with Suite(path, saved, folder, Reports.into(folder), only) as suite:
        return suite.finish(desk.console)


def _end_grace(desk: Desk, old: str) -> bool:
    customer = desk.customer
    desk.say(f"The old external id of {customer} is taken no more.")
    if desk.dry_run:
        return True
    _confirm(desk)

    def applied(*customers: str) -> Deployment:
        scope, target = Scope((), False, frozenset(customers)), desk.deployment.target()
        return apply_roots(desk.environment, target, desk.folder, desk.console, scope=scope)

    # A rotation that was interrupted may have told the customer nothing of the new id yet.
    made = applied(customer)
    tried = _triable(desk, made)
    for account in tried:
        until(
            lambda account=account: _assumes(made, customer, account),  # type: ignore[misc]
            f"account {account}: its new external id is refused, so the old one was not ended; run "
            "the same command again",
        )
    end_grace(desk.folder, customer)
    made = applied()
    for account in tried:
        until(
            lambda account=account: may_assume(made, customer, account, old) is None,  # type: ignore[misc]
            f"account {account}: its old external id is still accepted",
        )
    return _verified(desk, made)
