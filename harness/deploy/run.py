"""One pass over the roots of an environment: which Terraform runs when, beside what, and as whom.

Four roots at a time where memory allows: a Terraform and its provider take up to 0.75 GiB each. And
more bootstraps, since those of customers' accounts wait for most of their time for new keys to be
seen everywhere; meanwhile what does not need the keys goes on.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from filelock import FileLock

from harness.deploy.deployment import Fleet
from harness.deploy.environment import BOOTSTRAP_ROOT, Account, Customer, Environment
from harness.deploy.handover import (
    FOLDER,
    forget_external_id,
    keep_external_id,
    write_documents,
)
from harness.deploy.offboard import applied_roles, deny_sessions
from harness.deploy.secrets import external_ids, keep_only
from harness.deploy.staging import staged
from harness.deploy.terraform import Step, Terraform, stop_all
from harness.deploy.toolchain import Toolchain, prepare_toolchain
from harness.deploy.workspace import RUNS, private_folder, project_root
from harness.errors import UserError
from harness.targets.base import Deployer, clean_environ, profile_of
from harness.targets.embedded import EmbeddedTarget

PARALLEL_ROOTS = 4
PARALLEL_BOOTSTRAPS = 8
_MEMORY_PER_ROOT = 3 << 29
EXTERNAL_IDS_FILE = "external-ids.json"

KEPT = (
    "aws_cloudwatch_log_data_protection_policy",
    "aws_cloudwatch_log_group",
    "aws_kms_alias",
    "aws_kms_key",
)
"""What stays of an account where records are kept, whichever root made it: they, and what they need
to be read."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RootEvent:
    """News of a root: `bootstrap ACCOUNT`, `organization`, `operations`, or `CUSTOMER ACCOUNT`."""

    root: str
    state: Literal["running", "done", "failed"]
    step: Step
    seconds: float = 0.0
    changed: tuple[str, ...] = ()
    """Of a root that was applied or destroyed: what changed, as `Changes.planned`."""


Progress = Callable[[RootEvent], None]
"""Called from several threads, for one root always from the same one at a time."""


def root_names(environment: Environment) -> list[str]:
    """The names that events carry, in the order of the apply."""
    return [
        *map(_bootstrap_name, environment.bootstrapped_accounts),
        "organization",
        "operations",
        *(_name(c, a) for c, a in environment.customer_accounts),
    ]


def parallel_roots(most: int = PARALLEL_ROOTS) -> int:
    """How many roots are worked on at once on this machine."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(most, memory // _MEMORY_PER_ROOT - 1))


def _name(customer: Customer, account: Account) -> str:
    return f"{customer.key} {account.account_id}"


def _bootstrap_name(account: str) -> str:
    return f"{BOOTSTRAP_ROOT} {account}"


def folder_name(root: str) -> str:
    return root.replace(" ", "-")


class Run:
    """One pass over the roots of an environment."""

    def __init__(
        self,
        environment: Environment,
        run_dir: Path,
        progress: Progress | None,
        deployer: Deployer = "deploy",
        *,
        target: EmbeddedTarget | None = None,
    ) -> None:
        """`deployer` is the role that works on all roots but the bootstraps. All but `init` needs a
        target, which may be set later."""
        self.deployer: Deployer = deployer
        self.environment = staged(environment, private_folder(run_dir).absolute())
        self._target = target
        self.run_dir = private_folder(run_dir).absolute()
        self.progress = progress or (lambda _event: None)
        self.tools_folder = private_folder(project_root() / RUNS / "terraform")
        self.toolchain: Toolchain = prepare_toolchain(self.tools_folder)
        self.ids = external_ids(self.run_dir / EXTERNAL_IDS_FILE, environment.customers)
        self._stop = threading.Event()

    @property
    def target(self) -> EmbeddedTarget:
        """Where the roots are applied."""
        assert self._target is not None, "no target was set"
        return self._target

    @target.setter
    def target(self, target: EmbeddedTarget) -> None:
        self._target = target

    def stop(self) -> None:
        """Ends every Terraform, and starts no other."""
        self._stop.set()
        stop_all()

    @contextlib.contextmanager
    def stopping(self) -> Iterator[None]:
        """Whatever ends the pass early, a Ctrl-C included, ends every Terraform too."""
        try:
            yield
        except BaseException:
            self.stop()
            raise

    def init(self) -> None:
        """Prepares the root modules; states of one root share what `init` fetched."""
        environment = self.environment
        for folder in (
            environment.bootstrap_root,
            environment.organization_root,
            environment.operations_root,
            environment.customer_root,
        ):
            if self._stop.is_set():
                return
            root = self._terraform(folder, folder.name, self.run_dir / "state" / folder.name)
            if self.toolchain.plugin_cache is None:
                root.init()
            else:
                # Terraform's plugin cache does not bear two inits at once.
                with FileLock(self.tools_folder / "plugins.lock"):
                    root.init()

    def offboard(self) -> None:
        """Denies the sessions of customers that were applied and are listed no more, before
        anything else is done."""
        state = self.run_dir / "state" / folder_name(self.environment.operations_root.name)
        for customer, role_arn in applied_roles(state / "terraform.tfstate").items():
            if customer not in self.environment.customers:
                deny_sessions(self.target, role_arn)

    def hand_over(self, made: Mapping[str, Fleet]) -> None:
        """Gives each customer's accounts what they need of the operations account."""
        keep_only(self.run_dir / EXTERNAL_IDS_FILE, self.environment.customers)
        write_documents(self.run_dir / FOLDER, made.values())
        for customer, account in self.environment.customer_accounts:
            keep_external_id(
                self.target, account.account_id, self.environment.region, made[customer.key]
            )

    def empty(self, made: Any, only: str | None = None) -> None:
        """Removes what customers' accounts hold, or those of one customer; as their owners, since
        records are theirs."""

        def work(root: Terraform, variables: dict[str, Any], account: Account) -> None:
            if self.environment.keeps_records_of(account.account_id):
                root.forget(KEPT)
            root.destroy({**variables, "profile": account.account_id})
            forget_external_id(
                self.target, account.account_id, self.environment.region, variables["customer"]
            )

        self.customers(made, work, only)

    def undo_bootstrap(self, root: Terraform, variables: dict[str, Any]) -> None:
        """Removes what the owner made in an account."""
        if self.environment.keeps_records_of(variables["account_id"]):
            root.forget(KEPT)
        root.destroy(variables)

    @contextlib.contextmanager
    def bootstraps(
        self,
        work: Callable[[Terraform, dict[str, Any]], T],
        only: Sequence[str] | None = None,
    ) -> Iterator[Callable[[str], T]]:
        """Does the work on the bootstrap of every account, or of some, as its owner. Within, others
        may go on: what is yielded waits for one account's, and the end for all, which fails if one
        did."""
        accounts = self.environment.bootstrapped_accounts if only is None else only

        def job(account: str) -> T:
            variables = {"profile": account, "account_id": account}
            return self._watched(
                _bootstrap_name(account),
                self.environment.bootstrap_root,
                lambda root: work(root, variables),
            )

        # One less than memory allows, since another root may be worked on beside these. The
        # accounts that others wait for come first.
        workers = max(1, parallel_roots(PARALLEL_BOOTSTRAPS) - 1)
        with ThreadPoolExecutor(workers, thread_name_prefix="bootstrap") as pool:
            futures = {account: pool.submit(job, account) for account in accounts}
            try:
                yield lambda account: futures[account].result()
                wait(futures.values())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.stop()
                raise
        self._results(list(futures.values()), list(map(_bootstrap_name, accounts)))

    def organization(self, work: Callable[[Terraform, dict[str, Any]], T]) -> T:
        """Does the work on the organization root."""
        variables = {"profile": self._profile(self.environment.management_account)}
        return self._watched(
            "organization",
            self.environment.organization_root,
            lambda root: work(root, variables),
        )

    def operations(self, work: Callable[[Terraform, dict[str, Any]], T]) -> T:
        """Does the work on the operations root."""
        account = self.environment.operations_account
        variables = {"profile": self._profile(account), "external_ids": self.ids}
        return self._watched(
            "operations",
            self.environment.operations_root,
            lambda root: work(root, variables),
        )

    def customers(
        self,
        made: Any,
        work: Callable[[Terraform, dict[str, Any], Account], T],
        only: str | None = None,
        after: Callable[[str], object] = lambda _account: None,
    ) -> list[T]:
        """Does the work on the customer root of each account, or of those of one customer, and goes
        on when one fails. `after` is waited for beforehand, for each account."""

        def job(customer: Customer, account: Account) -> T:
            after(account.account_id)
            fleet: Fleet = made[customer.key]
            variables = {
                "profile": self._profile(account.account_id),
                "customer": customer.key,
                "account_id": account.account_id,
                "handover": dict(fleet.handover),
            }
            return self._watched(
                _name(customer, account),
                self.environment.customer_root,
                lambda root: work(root, variables, account),
            )

        pairs = [p for p in self.environment.customer_accounts if only in (None, p[0].key)]
        with ThreadPoolExecutor(parallel_roots(), thread_name_prefix="root") as pool:
            futures = [pool.submit(job, *pair) for pair in pairs]
            try:
                wait(futures)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.stop()
                raise
        return self._results(futures, [_name(*pair) for pair in pairs])

    def _profile(self, account: str) -> str:
        return profile_of(self.deployer, account)

    def _results(self, futures: Sequence[Future[T]], names: Sequence[str]) -> list[T]:
        failed = [
            (name, error)
            for name, future in zip(names, futures, strict=True)
            if (error := future.exception()) is not None
        ]
        for _, error in failed:
            if not isinstance(error, UserError):
                raise error
        if failed:
            left = f"{len(failed)} of {len(names)} accounts are left"
            raise UserError(" / ".join([str(error) for _, error in failed] + [left]))
        return [future.result() for future in futures]

    def _watched(self, name: str, folder: Path, work: Callable[[Terraform], T]) -> T:
        """Runs the work on one root and tells how it goes."""
        if self._stop.is_set():
            raise UserError(f"{name}: not started, since another root ended the run")
        started = time.monotonic()
        last = Step("start")

        def tell(step: Step) -> None:
            nonlocal last
            if step.phase != "output":
                last = step
                self.progress(RootEvent(name, "running", step, time.monotonic() - started))

        state = self.run_dir / "state" / folder_name(name)
        terraform = self._terraform(folder, name, state, tell)
        try:
            result = work(terraform)
        except BaseException:
            self.progress(RootEvent(name, "failed", last, time.monotonic() - started))
            raise
        seconds = time.monotonic() - started
        # Work that goes on past a root which cannot be planned returns its error.
        outcome: Literal["failed", "done"] = "failed" if isinstance(result, UserError) else "done"
        self.progress(RootEvent(name, outcome, last, seconds, terraform.changed))
        return result

    def _terraform(
        self,
        folder: Path,
        label: str,
        state: Path,
        on_step: Callable[[Step], None] | None = None,
    ) -> Terraform:
        return Terraform(
            self.toolchain,
            folder,
            folder=state,
            data=self.run_dir / "data" / folder.name,
            environ=self._target.environ(None) if self._target else clean_environ(),
            label=label,
            hidden=self.ids.values(),
            on_step=on_step,
            one_provider=True,
        )
