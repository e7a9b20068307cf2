"""Customers and accounts that are let in: whose account it is, the edit, the hand-over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from harness.cli.desk import Desk, at_desk, go, listed, show_diff, there, verified
from harness.cli.trying import accounts_of
from harness.deploy import edit
from harness.deploy.deployment import Deployment
from harness.deploy.handover import FOLDER, write_page
from harness.deploy.ownership import (
    Challenge,
    challenge,
    check_customer,
    fetch_as_configured,
    forget,
    prove,
    sts_endpoint,
)
from harness.deploy.preview import needed
from harness.errors import UserError

FORMER = "former_customers"


def print_challenge(name: str, customer: str, account: str, **asked: Any) -> None:
    """Prints what the owner of an account signs. Raises `UserError` where nothing is deployed."""
    check_customer(customer)
    with at_desk(name, customer, **asked) as desk:
        owner = desk.environment.customer_of(account)
        if account in desk.environment.accounts and (owner is None or owner.key != customer):
            whose = f"{owner.key}'s" if owner else "listed"
            raise UserError(
                f"{desk.file}: account {account} is {whose} already; one account has one part to "
                "play"
            )
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
    with at_desk(environment, customer, **asked) as desk:
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
    with at_desk(environment, customer, **asked) as desk:
        before = listed(desk)["accounts"]
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
    candidate = desk.edited(text)
    _prove(desk, accounts, dict(proofs), without_proof)
    if desk.dry_run and not desk.real:
        _refuse_unopened(desk, text, accounts)
    scope = needed(candidate, desk.customer, accounts=True, organization=True)
    what = f"Let {', '.join(accounts)} of {desk.customer} in"
    done = go(desk, text, candidate, scope, what)
    return done is None or hand_over(*done)


def _prove(
    desk: Desk, accounts: Sequence[str], proofs: Mapping[str, str], without_proof: bool
) -> None:
    """Has the accounts proved that are not the customer's already. Raises `UserError`."""
    if strangers := sorted(set(proofs) - set(accounts)):
        raise UserError(f"--proof {strangers[0]}: this account is not added; name it in --account")
    new = [a for a in accounts if not _is_own(desk, a)]
    if new and not desk.dry_run:
        _open(desk, new)
    if without_proof:
        if new and not desk.dry_run:
            desk.say(f"Nobody proved that {', '.join(new)} is {desk.customer}'s.")
        return
    region = desk.environment.region
    # An embedded cloud has one endpoint, on this machine.
    endpoint = desk.target.endpoint_url or sts_endpoint(region, desk.environment.partition)
    fetch = fetch_as_configured if desk.real else None
    lacking = []
    for account in new:
        if desk.dry_run and account not in proofs:
            desk.say(f"Account {account} would have to be proved.")
            continue
        asked: Challenge = challenge(desk.folder, desk.environment.name, desk.customer, account)
        if account in proofs and not asked.proved_by:
            asked = prove(desk.folder, asked, proofs[account], endpoint, region, fetch=fetch)
            desk.say(f"Account {account} is proved, by {asked.proved_by}.")
        if not asked.proved_by:
            lacking.append(account)
    if lacking:
        raise UserError(
            *(
                f"nobody has proved whose account {account} is: `bulkhead customer challenge "
                f"{desk.environment.name} {desk.customer} {account}{desk.option}` says what its "
                f"owner signs; give the answer as --proof {account}=FILE"
                for account in lacking
            )
        )


def _refuse_unopened(desk: Desk, text: str, accounts: Sequence[str]) -> None:
    """Raises `UserError`, with the edit shown, where the embedded cloud has no such account yet:
    nothing of it can be planned, and a dry run opens none."""
    if unknown := [account for account in accounts if not there(desk, account)]:
        show_diff(desk, text)
        named = f"{desk.environment.name} {desk.customer}"
        raise UserError(
            *(
                f"account {account} is not in the embedded cloud yet, and a dry run opens none, so "
                f"nothing can be planned; `bulkhead customer challenge {named} {account}` opens "
                "it: run that, and then this again"
                for account in unknown
            )
        )


def _is_own(desk: Desk, account: str) -> bool:
    known = desk.deployment.accounts.get(account)
    return known is not None and known.customer == desk.customer


def _open(desk: Desk, accounts: Sequence[str]) -> None:
    """Has the embedded cloud have these accounts, as AWS does."""
    for account in accounts:
        if not desk.real and not there(desk, account):
            desk.deployment.cloud().open_account(account, desk.environment.management_account)


def _without_former(text: str, customer: str) -> str:
    if set(edit.read(text)[FORMER]) == {customer}:
        return edit.remove(text, [FORMER])
    return edit.remove(text, [FORMER, customer])


def hand_over(desk: Desk, made: Deployment) -> bool:
    """Verifies, and writes what the customer is to know."""
    held = verified(desk, made)
    homes = [made.accounts[account] for account in accounts_of(made, desk.customer)]
    page = write_page(
        desk.folder / FOLDER, made.fleets[desk.customer], homes, desk.environment.name
    )
    for home in homes:
        forget(desk.folder, desk.customer, home.account_id)
    desk.say(f"For {desk.customer}: {page}")
    return held
