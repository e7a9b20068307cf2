"""Applies an environment's roots to a target, removes them again, and asks what an apply would do.

Each account's owner bootstraps it once; from then on its deploy role applies and its plan role
plans. The management account is bootstrapped first, and the organization root goes before the
others, so that nothing but what bootstraps make is ever there unguarded; then the operations root,
then one run of the customer root for each customer account, as soon as that is bootstrapped.

What a deploy role can never remove, a customer's records and their keys, and the deploy roles
themselves, the owner destroys.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from harness.deploy.baseline import set_baseline
from harness.deploy.deployment import (
    CustomerAccount,
    Deployment,
    customer_account,
    fleets,
    guardrails,
)
from harness.deploy.drift import plan_all
from harness.deploy.environment import BOOTSTRAP_ROOT, Account, Environment
from harness.deploy.holds import refuse_destroyed, refuse_lost
from harness.deploy.offboard import deny_sessions
from harness.deploy.run import Progress, Run, Scope, folder_name, root_names
from harness.deploy.terraform import Changes, Terraform
from harness.deploy.workspace import CUSTOMERS_FILE
from harness.errors import UserError
from harness.targets.base import Place, Target

DEPLOYMENT_FILE = "deployment.json"
PARTIAL_FILE = "deployment.part.json"
"""What an apply has made so far that has not come to its end."""


def unlisted_roots(environment: Environment, run_dir: Path) -> list[str]:
    """Customer accounts that were applied and still hold resources, but are in `customers.yaml` no
    more. Their records are the customer's, so only a person decides when they go."""
    listed = {folder_name(name) for name in root_names(environment)}
    left = []
    for state in sorted((run_dir / "state").glob("*/terraform.tfstate")):
        if state.parent.name.startswith(f"{BOOTSTRAP_ROOT}-"):
            continue  # its owner's, who may still have use of it
        if state.parent.name not in listed and json.loads(state.read_text())["resources"]:
            customer, _, account = state.parent.name.rpartition("-")
            left.append(f"{customer} {account}")
    return left


def refuse_unlisted(environment: Environment, run_dir: Path) -> None:
    """Raises `UserError` where a destroy would leave what `unlisted_roots` tells."""
    if unlisted := unlisted_roots(environment, run_dir):
        raise UserError(
            f"{environment.path / CUSTOMERS_FILE}: {', '.join(unlisted)} was applied and is listed "
            "no more; list it again, so that it can be destroyed too"
        )


def refuse_moved(environment: Environment, run_dir: Path) -> None:
    """Raises `UserError` where an account holds another customer's records than its own: to apply
    it as the new one's would end the keys of the old one's."""
    listed = environment.fleet_accounts
    unlisted = [root.split(" ") for root in unlisted_roots(environment, run_dir)]
    if moved := [f"{account} ({key})" for key, account in unlisted if account in listed]:
        raise UserError(
            f"{environment.path / CUSTOMERS_FILE}: {', '.join(moved)} still holds what was made "
            "for the customer in brackets, whose keys would be deleted while its records are "
            "there; list it as before, then have that customer leave (`bulkhead customer "
            "offboard`), or keep its name"
        )


def deploy(
    environment: Environment,
    target: Target | Callable[[], Target],
    run_dir: Path,
    progress: Progress | None = None,
    *,
    when_waiting: Callable[[], None] | None = None,
    scope: Scope | None = None,
    afresh: bool = False,
) -> Deployment:
    """Applies every root, or those of `scope`, and returns what came out, which is also saved in
    `run_dir`.

    `target` may be what starts it, which is called while the roots are prepared; it ends with the
    caller, so an interrupt lets no change come to its end. `when_waiting` is called when only
    customers' roots are left, to prepare what comes next.

    `run_dir` keeps states and external ids: called again with the same one, only what differs is
    changed. Where the last call did not come to its end, what it had done is not done again, unless
    `afresh`. Raises `UserError` with what failed and the roots that are left; a root that fails
    keeps none from being applied that does not need it. What was made until then is saved, too.
    """
    scope = scope or Scope.whole(environment)
    run = Run(environment, run_dir, progress, afresh=afresh, lasting=not callable(target))
    with run.stopping(), ThreadPoolExecutor(1, thread_name_prefix="init") as pool:
        prepared = pool.submit(run.init)
        try:
            run.target = target() if callable(target) else target
            prepared.result()
        except BaseException:
            run.stop()
            raise
    # Before it is written down that anything began.
    if scope.organization:
        refuse_lost(environment, run_dir)
    refuse_moved(environment, run_dir)
    if (run_dir / PARTIAL_FILE).exists() and not run.journal.left:
        # Something was begun, and nobody knows what is left of it.
        run.journal.begin(root_names(environment), root_names(environment), whole=True)
    outcome = _Outcome(environment, run.target, run_dir)
    whole = scope == Scope.whole(environment)
    with run.journaled(root_names(environment, scope), whole=whole):
        _apply(run, outcome, scope, when_waiting)
    return outcome.part() if run.journal.left else outcome.whole()


def _apply(
    run: Run, outcome: _Outcome, scope: Scope, when_waiting: Callable[[], None] | None
) -> None:
    environment = run.environment
    run.offboard()

    def applied(root: Terraform, variables: dict[str, Any]) -> dict[str, Any]:
        run.done(root, variables)
        return root.output()

    def bootstrap(root: Terraform, variables: dict[str, Any]) -> dict[str, Any]:
        outputs = applied(root, variables)
        run.settle(variables["account_id"], changed=bool(root.changed))
        return outputs

    with run.bootstraps(bootstrap, scope.bootstraps) as bootstrapped:
        waited = {account: partial(bootstrapped, account) for account in scope.bootstraps}
        waited.get(environment.management_account, _nothing)()
        if scope.organization:
            outcome.guardrails = guardrails(run.organization(applied))
        waited.get(environment.operations_account, _nothing)()
        made = outcome.fleets = fleets(run.operations(applied))
        outcome.keep()

        # Before anybody can call a model: unset, each keeps what its provider's terms say.
        set_baseline(environment, run.target)
        run.hand_over(made, scope.customers)
        if when_waiting is not None:
            when_waiting()

        def customer(root: Terraform, variables: dict[str, Any], account: Account) -> None:
            outputs, name = applied(root, variables), account.account_id
            readers = waited[name]()["readers"] if name in waited else outcome.readers(name)
            outcome.add(customer_account(outputs, readers, account.caller))

        run.customers(
            made, customer, scope.customers, lambda account: waited.get(account, _nothing)()
        )


def _nothing() -> None:
    return None


def _same(place: Place, target: Target) -> bool:
    """Whether something was deployed there; real accounts are the same, wherever the run lies."""
    return place.target == target.name if target.real else place == target.place


class _Outcome:
    """What came out of the roots so far, together with what an earlier apply made of the others;
    kept in a file while it is not whole."""

    def __init__(self, environment: Environment, target: Target, run_dir: Path) -> None:
        self.environment, self._target, self._run_dir = environment, target, run_dir
        before = None
        if (file := saved_in(run_dir)) is not None:
            before = Deployment.load(file)
        if before is None or not _same(before.place, target):
            before = Deployment(environment, target.place, {}, {}, {})
        self.fleets = dict(before.fleets)
        self.guardrails = dict(before.guardrails)
        self._accounts = dict(before.accounts)
        self._lock = threading.Lock()
        self.keep()

    def readers(self, account: str) -> Mapping[str, Any]:
        """Who reads an account whose bootstrap is not applied now."""
        known = self._accounts[account]
        return {"reader_role_arn": known.reader_role_arn, "support_access": known.support_access}

    def add(self, account: CustomerAccount) -> None:
        with self._lock:
            self._accounts[account.account_id] = account
        self.keep()

    def keep(self) -> None:
        """Writes down what is there, so that others find the target and the next apply goes on."""
        with self._lock:
            self._deployment().save(self._run_dir / PARTIAL_FILE)

    def whole(self) -> Deployment:
        """Nothing is left: saves and returns it."""
        deployment = self._deployment()
        deployment.save(self._run_dir / DEPLOYMENT_FILE)
        (self._run_dir / PARTIAL_FILE).unlink(missing_ok=True)
        return deployment

    def part(self) -> Deployment:
        """Something is left, of another apply: returns what is there."""
        self.keep()
        return self._deployment()

    def _deployment(self) -> Deployment:
        listed = [account.account_id for _, account in self.environment.customer_accounts]
        return Deployment(
            environment=self.environment,
            place=self._target.place,
            fleets=dict(self.fleets),
            accounts={each: self._accounts[each] for each in listed if each in self._accounts},
            guardrails=dict(self.guardrails),
        )


def saved_in(run_dir: Path) -> Path | None:
    """The file with what was deployed there, whole or in part; None where nothing was."""
    names = (PARTIAL_FILE, DEPLOYMENT_FILE)
    return next((run_dir / name for name in names if (run_dir / name).exists()), None)


def pending_changes(
    deployment: Deployment,
    run_dir: Path,
    progress: Progress | None = None,
) -> dict[str, Changes]:
    """What another apply would change, for each root that would change at all. Asked as the plan
    roles; for the bootstraps as the accounts' owners. Raises `UserError` for those that cannot be
    planned."""
    planned = plan_all(deployment, run_dir, progress)
    if failed := [str(each) for each in planned.values() if isinstance(each, UserError)]:
        raise UserError(" / ".join(failed))
    return {
        name: each for name, each in planned.items() if isinstance(each, Changes) and not each.empty
    }


def destroy(deployment: Deployment, run_dir: Path, progress: Progress | None = None) -> None:
    """Removes everything that `deploy` made: customers first, then the operations account, what
    guarded them, and the deploy roles last.

    Raises `UserError` with what failed and the roots left; called again, it goes on with those. An
    account that cannot be emptied keeps its bootstrap, and all accounts their guardrails. Raises it
    before anything is done for accounts that `customers.yaml` lists no more, or that are held.
    """
    environment = deployment.environment
    refuse_unlisted(environment, run_dir)
    refuse_destroyed(environment, run_dir)
    run = Run(environment, run_dir, progress, target=deployment.target(), verb="destroy")
    with run.journaled(root_names(environment), whole=True):
        # What fails keeps only those from going that it needs: who may remove it, what guards it.
        failed: UserError | None = None
        try:
            run.empty(deployment.fleets, deployment.fleets)
        except UserError as error:
            failed = error
        run.operations(run.undone)
        if failed is not None:
            empty = [a.account_id for c, a in environment.customer_accounts if run.gone(c, a)]
            with run.bootstraps(run.undo_bootstrap, empty):
                pass
            raise failed
        run.organization(run.undone)
        with run.bootstraps(run.undo_bootstrap):
            pass
    for name in (DEPLOYMENT_FILE, PARTIAL_FILE):
        (run_dir / name).unlink(missing_ok=True)


def retire(
    deployment: Deployment, run_dir: Path, customer: str, progress: Progress | None = None
) -> None:
    """Removes what the accounts of a customer hold, and its deploy roles. Its sessions are denied
    first; the next `deploy` without it removes its role. Where records are kept, by the environment
    or by a hold, they stay, with who reads them.

    To be called while `customers.yaml` still lists the customer, with `stopped: true`: an apply
    that has it without lets its sessions in again.
    """
    environment = deployment.environment
    run = Run(environment, run_dir, progress, target=deployment.target(), verb="destroy")
    with run.journaled(retired_names(environment, customer)):
        if customer in deployment.fleets:
            deny_sessions(run.target, deployment.fleets[customer].fleet_role_arn)
            run.empty(deployment.fleets, [customer])
        with run.bootstraps(run.undo_bootstrap, _emptied(environment, customer)):
            pass


def retired_names(environment: Environment, customer: str) -> list[str]:
    """The names that events of `retire` carry."""
    scope = Scope(_emptied(environment, customer), False, frozenset([customer]))
    return [name for name in root_names(environment, scope) if name != "operations"]


def _emptied(environment: Environment, customer: str) -> tuple[str, ...]:
    """The accounts of a customer that keep nothing when it leaves."""
    accounts = [each.account_id for each in environment.customers[customer].accounts]
    return tuple(each for each in accounts if not environment.keeps_records_of(each))


def deployers_destroy(deployment: Deployment, run_dir: Path) -> None:
    """Removes what the deploy roles can remove, as these; the owner's part is left.

    Raises `UserError` that names what was refused, after everything was tried.
    """
    run = Run(deployment.environment, run_dir, None, target=deployment.target())
    with run.stopping():
        refused: UserError | None = None
        try:
            run.customers(
                deployment.fleets, lambda root, variables, _account: root.destroy(variables)
            )
        except UserError as error:
            refused = error
        run.operations(lambda root, variables: root.destroy(variables))
        run.organization(lambda root, variables: root.destroy(variables))
        if refused is not None:
            raise refused
