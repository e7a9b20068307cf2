"""One pass over the roots of an environment: which Terraform runs when, beside what, and as whom.

Four roots at a time where memory allows: a Terraform and its provider take up to 0.75 GiB each. And
more bootstraps, since those of customers' accounts wait for most of their time for new keys to be
seen everywhere; meanwhile what does not need the keys goes on.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
from harness.deploy.journal import FILE, Journal, Verb, digest, files, fingerprint
from harness.deploy.offboard import applied_roles, deny_sessions
from harness.deploy.prepared import NOTE, is_prepared, note_prepared
from harness.deploy.rotation import keep_only_previous, known_ids, previous_ids
from harness.deploy.secrets import external_ids, keep_only
from harness.deploy.staging import staged
from harness.deploy.terraform import DEADLINE, Step, Terraform, stop_all
from harness.deploy.toolchain import Toolchain, prepare_toolchain
from harness.deploy.workspace import RUNS, machine_memory, private_folder, project_root
from harness.errors import UserError
from harness.targets.base import DEPLOYERS, Deployer, Target, clean_environ, profile_of

PARALLEL_ROOTS = 4
PARALLEL_BOOTSTRAPS = 8
_MEMORY_PER_ROOT = 3 << 29
REAL_DEADLINE = 3600.0
"""Seconds for a command on real accounts, where services take their time."""
EXTERNAL_IDS_FILE = "external-ids.json"
_UNSEEN = re.compile(r"\bNoSuchEntity|couldn't find resource")
_DENIED = re.compile(r"\bAccessDenied")
_PAUSE = 5.0

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
    kept: bool = False
    """Whether an earlier run, which did not come to its end, had done it already."""


Progress = Callable[[RootEvent], None]
"""Called from several threads, for one root always from the same one at a time."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which roots of an environment a run is about."""

    bootstraps: tuple[str, ...]
    """Accounts."""
    organization: bool
    customers: frozenset[str]

    @classmethod
    def whole(cls, environment: Environment) -> Scope:
        return cls(environment.bootstrapped_accounts, True, frozenset(environment.customers))


def root_names(environment: Environment, scope: Scope | None = None) -> list[str]:
    """The names that events carry, in the order of the apply."""
    scope = scope or Scope.whole(environment)
    return [
        *map(_bootstrap_name, scope.bootstraps),
        *(["organization"] if scope.organization else []),
        "operations",
        *(_name(c, a) for c, a in environment.customer_accounts if c.key in scope.customers),
    ]


def parallel_roots(most: int = PARALLEL_ROOTS) -> int:
    """How many roots are worked on at once on this machine."""
    return max(1, min(most, machine_memory() // _MEMORY_PER_ROOT - 1))


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
        target: Target | None = None,
        verb: Verb = "apply",
        afresh: bool = False,
        dry: bool = False,
        lasting: bool = True,
    ) -> None:
        """`deployer` is the role that works on all roots but the bootstraps. All but `init` needs a
        target, which may be set later. `verb` is what an unfinished run must have been about to be
        gone on with; `afresh` goes on with none. With `dry`, external ids that are missing are made
        up and not kept. Unless `lasting`, nothing that is made outlives an interrupt."""
        self.deployer: Deployer = deployer
        self.environment = staged(environment, private_folder(run_dir).absolute())
        self._target = target
        self.run_dir = private_folder(run_dir).absolute()
        self.progress = progress or (lambda _event: None)
        self.tools_folder = private_folder(project_root() / RUNS / "terraform")
        self.toolchain: Toolchain = prepare_toolchain(self.tools_folder)
        file = self.run_dir / EXTERNAL_IDS_FILE
        self.ids = external_ids(file, environment.customers, keep=not dry)
        self.previous_ids = previous_ids(self.run_dir, environment.customers)
        self._before = known_ids(self.run_dir, environment.customers)
        self._lasting = lasting
        self._stop = threading.Event()
        self._new_until = 0.0
        """When what the bootstraps made is seen everywhere."""
        if afresh:
            (self.run_dir / FILE).unlink(missing_ok=True)
        self.journal = Journal(self.run_dir / FILE, verb)
        self.failed: dict[str, UserError] = {}
        """By root: why it failed."""
        self._finished: set[str] = set()
        if target is not None and target.real:
            # Terraform holds its provider against the lock file, which a fresh copy lacks.
            self.init()

    @property
    def target(self) -> Target:
        """Where the roots are applied."""
        assert self._target is not None, "no target was set"
        return self._target

    @target.setter
    def target(self, target: Target) -> None:
        self._target = target

    def stop(self) -> None:
        """Starts no Terraform any more, and returns when none runs."""
        self._stop.set()
        stop_all()

    @contextlib.contextmanager
    def stopping(self) -> Iterator[None]:
        """Whatever ends the pass early, a Ctrl-C included, ends every Terraform too, one that
        changes what is to last at the end of its change."""
        try:
            yield
        except BaseException:
            self.stop()
            raise

    @contextlib.contextmanager
    def journaled(self, names: Sequence[str], *, whole: bool = False) -> Iterator[None]:
        """Within, what is done of these roots, or of the `whole` environment, is written down.
        Where a root fails, whatever does not need it goes on; the error says at the end what is
        left."""
        self.journal.begin(names, root_names(self.environment), whole=whole)
        try:
            with self.stopping():
                yield
        except UserError as error:
            raise self._left(names, error) from error
        if self.failed:
            raise self._left(names, None)
        self.journal.finish(*names)

    def left(self, names: Sequence[str]) -> list[str]:
        """Those of these roots that this pass has not done."""
        return [name for name in names if name not in self._finished]

    def gone(self, customer: Customer, account: Account) -> bool:
        """Whether this pass has done the customer root of an account."""
        return _name(customer, account) in self._finished

    def _left(self, names: Sequence[str], last: UserError | None) -> UserError:
        said = [str(error) for error in self.failed.values()]
        if last is not None:
            said += [each for each in last.messages if each not in said]
        left = self.left(names)
        if left:
            said.append(f"{len(left)} of {len(names)} roots are left: {', '.join(left)}")
        return UserError(*said)

    def done(self, root: Terraform, variables: Mapping[str, Any]) -> None:
        """Applies a root, unless an unfinished run did, of the same things."""
        self._once(root, variables, lambda: self._until_seen(lambda: root.apply(variables)))

    def undone(self, root: Terraform, variables: Mapping[str, Any]) -> None:
        """Removes what a root made, unless an unfinished run did, or it made nothing."""
        if root.state.exists():
            self._once(root, variables, lambda: root.destroy(variables))

    def _once(
        self, root: Terraform, variables: Mapping[str, Any], work: Callable[[], object]
    ) -> None:
        place = self.target.place
        where = f"{place.target} {place.endpoint}"
        of = fingerprint(root.root, self._modules, variables, where)
        if root.state.exists() and self.journal.has(root.label, of):
            return
        self.journal.start(root.label)
        work()
        self.journal.add(root.label, of)

    def _until_seen(self, work: Callable[[], object]) -> None:
        """Does the work, and again while AWS does not see everywhere what was just made: the
        provider waits for some of it only. A denial counts where deploy roles are new."""
        end = 0.0
        while True:
            try:
                work()
                return
            except UserError as error:
                said, now = str(error), time.monotonic()
                end = end or now + self.target.patience
                new = _UNSEEN.search(said) or (_DENIED.search(said) and now < self._new_until)
                if not new or now >= end or self._stop.wait(_PAUSE):
                    raise

    @functools.cached_property
    def _modules(self) -> str:
        folder = self.environment.path.parent.parent / "modules"
        return digest(files(folder), self.toolchain.executable.name)

    def init(self) -> None:
        """Prepares the root modules that are not prepared as they stand; states of one root share
        what `init` fetched."""
        environment = self.environment
        folders = (
            environment.bootstrap_root,
            environment.organization_root,
            environment.operations_root,
            environment.customer_root,
        )

        def prepare(folder: Path) -> None:
            if self._stop.is_set():
                return
            data = self.run_dir / "data" / folder.name
            if is_prepared(folder, data, self._modules, self.toolchain):
                return
            # What a failed one leaves is of neither this state of the files nor that of the note.
            (data / NOTE).unlink(missing_ok=True)
            root = self._terraform(folder, folder.name, self.run_dir / "state" / folder.name)
            if self.toolchain.plugin_cache is None:
                root.init()
            else:
                # Terraform's plugin cache does not bear two inits at once.
                with FileLock(self.tools_folder / "plugins.lock"):
                    root.init()
            note_prepared(folder, data, self._modules, self.toolchain)

        # Each spends its time on the checksum of the provider, on one core.
        with (
            ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="init") as pool,
            self.stopping(),
        ):
            for prepared in [pool.submit(prepare, folder) for folder in folders]:
                prepared.result()

    def settle(self, account: str, *, changed: bool) -> None:
        """Returns when the deploy roles of an account, just made or `changed`, can be assumed."""
        if changed:
            self._new_until = time.monotonic() + self.target.patience
        if self.target.real:
            for deployer in DEPLOYERS:
                self.target.deployer_session(deployer, account, region=self.environment.region)

    def offboard(self) -> None:
        """Denies the sessions of customers that were applied and are listed no more, before
        anything else is done."""
        state = self.run_dir / "state" / folder_name(self.environment.operations_root.name)
        for customer, role_arn in applied_roles(state / "terraform.tfstate").items():
            if customer not in self.environment.customers:
                deny_sessions(self.target, role_arn)

    def hand_over(self, made: Mapping[str, Fleet], only: Collection[str] | None = None) -> None:
        """Gives each customer's accounts, or those of some, what they need of the operations
        account."""
        keep_only(self.run_dir / EXTERNAL_IDS_FILE, self.environment.customers)
        keep_only_previous(self.run_dir, self.environment.customers)
        write_documents(self.run_dir / FOLDER, made.values())
        for customer, account in self.environment.customer_accounts:
            if only is None or customer.key in only:
                keep_external_id(
                    self.target, account.account_id, self.environment.region, made[customer.key]
                )

    def empty(self, made: Any, only: Collection[str] | None = None) -> None:
        """Removes what customers' accounts hold, or those of one customer; as their owners, since
        records are theirs."""

        def work(root: Terraform, variables: dict[str, Any], account: Account) -> None:
            if self.environment.keeps_records_of(account.account_id):
                root.forget(KEPT)
            self.undone(root, {**variables, "profile": account.account_id})
            forget_external_id(
                self.target, account.account_id, self.environment.region, variables["customer"]
            )

        self.customers(made, work, only)

    def undo_bootstrap(self, root: Terraform, variables: dict[str, Any]) -> None:
        """Removes what the owner made in an account."""
        if self.environment.keeps_records_of(variables["account_id"]):
            root.forget(KEPT)
        self.undone(root, variables)

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
            except UserError:
                # Another root failed: what does not need it goes on.
                wait(futures.values())
                raise
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.stop()
                raise
        self._results(list(futures.values()))

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
        variables = {
            "profile": self._profile(account),
            "external_ids": self.ids,
            "previous_external_ids": self.previous_ids,
        }
        return self._watched(
            "operations",
            self.environment.operations_root,
            lambda root: work(root, variables),
        )

    def _hidden(self) -> list[str]:
        """Every external id, also those that are being ended."""
        before = [*self._before.values(), *self.previous_ids.values()]
        return [*self.ids.values(), *(each["external_id"] for each in before)]

    def customers(
        self,
        made: Any,
        work: Callable[[Terraform, dict[str, Any], Account], T],
        only: Collection[str] | None = None,
        after: Callable[[str], object] = lambda _account: None,
    ) -> list[T]:
        """Does the work on the customer root of each account, or of those of some customers, and
        goes on when one fails. `after` is waited for beforehand, for each account."""

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

        pairs = [p for p in self.environment.customer_accounts if only is None or p[0].key in only]
        return self._side_by_side([functools.partial(job, *pair) for pair in pairs])

    def each(self, names: Sequence[str], work: Callable[[str, Terraform], T]) -> list[T]:
        """Does the work on the roots of these names, which need not depend on one another, and goes
        on when one fails. Raises `UserError` that names those."""
        folders = {
            "organization": self.environment.organization_root,
            "operations": self.environment.operations_root,
        }

        def job(name: str) -> T:
            of_account = (
                self.environment.bootstrap_root
                if name.startswith(f"{BOOTSTRAP_ROOT} ")
                else self.environment.customer_root
            )
            return self._watched(name, folders.get(name, of_account), lambda root: work(name, root))

        return self._side_by_side([functools.partial(job, name) for name in names])

    def _side_by_side(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """What the jobs return; all come to their end before what failed is raised."""
        with ThreadPoolExecutor(parallel_roots(), thread_name_prefix="root") as pool:
            futures = [pool.submit(job) for job in jobs]
            try:
                wait(futures)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.stop()
                raise
        return self._results(futures)

    def _profile(self, account: str) -> str:
        return profile_of(self.deployer, account)

    def _results(self, futures: Sequence[Future[T]]) -> list[T]:
        errors = [error for f in futures if (error := f.exception()) is not None]
        for error in errors:
            if not isinstance(error, UserError):
                raise error
        if errors:
            said = [message for error in errors for message in error.args]
            raise UserError(*dict.fromkeys(said))
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
            try:
                result = work(terraform)
            except OSError as error:
                # A full disk is as any failure: the others go on, and what is left is told.
                raise UserError(f"{name}: {error}") from error
        except BaseException as error:
            if isinstance(error, UserError):
                self.failed[name] = error
            self.progress(RootEvent(name, "failed", last, time.monotonic() - started))
            raise
        self._finished.add(name)
        self.journal.finish(name)
        seconds = time.monotonic() - started
        # Work that goes on past a root which cannot be planned returns its error.
        outcome: Literal["failed", "done"] = "failed" if isinstance(result, UserError) else "done"
        kept = name in self.journal.kept
        self.progress(RootEvent(name, outcome, last, seconds, terraform.changed, kept))
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
            hidden=self._hidden(),
            on_step=on_step,
            deadline=REAL_DEADLINE if self._target and self._target.real else DEADLINE,
            # Attached to, a provider is compared with no lock file: nothing for real accounts.
            one_provider=self._target is not None and not self._target.real,
            lasting=self._lasting,
        )
