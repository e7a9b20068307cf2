"""Terraform on one root with one state, through a thin adapter over python-terraform.

python-terraform (2019) returns errors instead of raising them, passes on the whole environment of
the process, prints nothing until the end and destroys nothing (`-force` is gone). All of that is
put right here, and only here is it known.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import python_terraform

from harness.deploy.orphans import Output, held
from harness.deploy.provider import attached, named
from harness.deploy.provider_hub import THRIFTY
from harness.deploy.secrets import redact
from harness.deploy.toolchain import Toolchain
from harness.deploy.workspace import private_folder, write_private
from harness.errors import UserError

DEADLINE = 600.0
"""Seconds after which a command is stopped: something waits for an answer that will not come."""
VARIABLES_FILE = "variables.tfvars.json"
"""What a command was last given, in its folder; may hold secrets."""
_GRACE = 20.0
_SHOWN_ERRORS = 3
_DONE = ("apply_complete", "apply_errored")

_live: dict[subprocess.Popen[bytes], Callable[[], None] | None] = {}
"""What runs, with what `_Adapter.finishing` was."""
_live_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Step:
    """How far a command is: `done` of `total` changes, the last one at `address`."""

    phase: str
    done: int = 0
    total: int = 0
    address: str = ""


@dataclass(slots=True)
class Changes:
    """What a command changed, or would change."""

    planned: list[str] = field(default_factory=list)
    """`action address`, such as `create aws_iam_role.fleet["acme"]`."""
    outputs: bool = False
    """Whether output values change, with or without any resource."""
    done: int = 0

    @property
    def empty(self) -> bool:
        return not self.planned and not self.outputs


class _Adapter(python_terraform.Terraform):  # type: ignore[misc]
    """python-terraform with our environment, output as it comes, and an end."""

    def __init__(
        self,
        executable: Path,
        folder: Path,
        environ: Mapping[str, str],
        on_line: Callable[[str], None],
        deadline: float,
    ) -> None:
        self.environ = dict(environ)
        self.on_line = on_line
        self.deadline = deadline
        self.kept_open: tuple[int, ...] = ()
        """Descriptors that a command keeps open for as long as it lives."""
        self.told: Path | None = None
        """Where a command writes; None: to this process, whose end would be its own."""
        self.stopped = False
        """Whether a command was, and did not end by itself."""
        self.finishing: Callable[[], None] | None = None
        """Called when this process is interrupted and the command comes to its end all the same;
        None: the command is interrupted, too."""
        super().__init__(working_dir=str(folder), terraform_bin_path=str(executable))

    def read_state_file(self, file_path: str | None = None) -> None:
        """States hold secrets and nothing here needs them, so none is read."""

    def cmd(self, cmd: str, *args: str, **options: Any) -> tuple[int, str, str]:
        """Runs one command; returns its exit code, standard output and standard error."""
        command = self.generate_cmd_string(cmd, *args, **options)
        with Output(self.told) as output:
            return self._run(command, output)

    def _run(self, command: list[str], output: Output) -> tuple[int, str, str]:
        process = subprocess.Popen(
            command,
            cwd=self.working_dir,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=output.out,
            stderr=output.err,
            # A Ctrl-C must reach Terraform once: the second makes it drop its state. Not in a
            # session, to which Linux gives as much time as to all others together (autogroup).
            process_group=0,
            pass_fds=self.kept_open,
        )
        with _live_lock:
            _live[process] = self.finishing
        late = threading.Event()

        def too_late() -> None:
            late.set()
            self.stopped = True
            _stop(process)

        watchdog = threading.Timer(self.deadline, too_late)
        watchdog.daemon = True
        watchdog.start()
        out: list[str] = []
        try:
            for line in output.lines(process):
                out.append(line)
                self.on_line(line)
            code = process.wait()
            errors = output.errors()
        except BaseException:
            self.stopped = True
            # One that comes to its end is `stop_all`'s to wait for.
            if self.finishing is None:
                _stop(process)
            raise
        finally:
            watchdog.cancel()
            if process.poll() is not None:
                with _live_lock:
                    _live.pop(process, None)
        if late.is_set():
            return 1, "", f"Error: stopped, no end after {self.deadline:.0f} s"
        return code, "".join(out), errors


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Asks a Terraform to stop, then ends it with its providers."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def stop_all() -> None:
    """Returns when no Terraform that this process started runs any more.

    One that makes something to last comes to its end, since a provider that is asked to stop drops
    the calls under way, and what these made is in no state then. An interrupt meanwhile ends it.
    """
    with _live_lock:
        processes = dict(_live)
    _stop_each([process for process, finishing in processes.items() if finishing is None])
    try:
        for process, finishing in processes.items():
            if finishing is not None and process.poll() is None:
                finishing()
        for process in processes:
            process.wait()
    except KeyboardInterrupt:
        _stop_each(processes)
    with _live_lock:
        for process in processes:
            _live.pop(process, None)


def _stop_each(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    stoppers = [threading.Thread(target=_stop, args=(process,)) for process in processes]
    for stopper in stoppers:
        stopper.start()
    for stopper in stoppers:
        stopper.join()


class Terraform:
    """One root module applied to one state. Not for two threads at once."""

    def __init__(
        self,
        toolchain: Toolchain,
        root: Path,
        *,
        folder: Path,
        data: Path,
        environ: Mapping[str, str],
        label: str = "",
        hidden: Iterable[str] = (),
        on_step: Callable[[Step], None] | None = None,
        deadline: float = DEADLINE,
        one_provider: bool = False,
        lasting: bool = False,
    ) -> None:
        """`folder` is private to this state and keeps it, with the values of its variables; `data`
        is where `init` leaves the provider, and may serve several states of the same root.
        `hidden` are texts that no message may show. `one_provider` is quicker and nothing for real
        accounts: see `harness.deploy.provider`. With `lasting`, a change that is under way when
        this process is interrupted comes to its end, as `stop_all` says.
        """
        self.root = root
        self._folder = private_folder(folder)
        self.label = label or root.name
        self._hidden = tuple(hidden)
        self._on_step = on_step or (lambda _step: None)
        self._events = _Events(self._on_step)
        self.changed: tuple[str, ...] = ()
        """What the last apply or destroy changed, as `Changes.planned`."""
        self._data = data if one_provider else None
        self._lasting = lasting
        self._outputs: dict[str, Any] | None = None
        """What the last apply told of the outputs, where none is sensitive."""
        thrifty = THRIFTY if one_provider else {}
        self._adapter = _Adapter(
            toolchain.executable,
            root,
            {**environ, **toolchain.environ(), **thrifty, "TF_DATA_DIR": str(data)},
            self._events.read,
            deadline,
        )

    @property
    def state(self) -> Path:
        return self._folder / "terraform.tfstate"

    def init(self, *, backend: bool = True) -> None:
        """Fetches the provider and the modules. Raises `UserError` when that fails.

        `backend=False` leaves the place of the state alone, which is enough to validate.
        """
        self._events.start("init")
        # `upgrade`: a lock file from another run may name a release that this machine lacks.
        result = self._adapter.init(var=None, backend=backend, upgrade=True)
        self._check("init", result)

    def validate(self) -> None:
        """Checks the configuration without any account. Raises `UserError` when it is wrong."""
        self._events.start("validate")
        code, out, err = self._adapter.cmd("validate", no_color=python_terraform.IsFlagged)
        self._check("validate", (code, "", err or out))

    def plan(self, variables: Mapping[str, Any]) -> Changes:
        """What an apply would change now."""
        self._events.start("plan")
        with self._provider():
            result = self._adapter.plan(**self._options(variables), lock=False)
        self._check("plan", result, good=(0, 2))
        changes = self._events.changes
        # Exit code 2 says "changes"; without a planned resource they are of outputs.
        changes.outputs = result[0] == 2 and not changes.planned
        return changes

    def plan_document(self, variables: Mapping[str, Any], *, refresh: bool = True) -> str:
        """What an apply would leave, as Terraform's JSON, secrets in clear.

        https://developer.hashicorp.com/terraform/internals/json-format. Without `refresh` the state
        is believed.
        """
        self._events.start("plan")
        saved = (self._folder / "plan").absolute()
        options = self._options(variables) | {"lock": False, "refresh": refresh, "out": str(saved)}
        try:
            with self._provider():
                self._check("plan", self._adapter.plan(**options), good=(0, 2))
                code, out, err = self._adapter.cmd(
                    "show",
                    str(saved),
                    json=python_terraform.IsFlagged,
                    no_color=python_terraform.IsFlagged,
                )
        finally:
            saved.unlink(missing_ok=True)
        self._check("show", (code, "", err))
        return out

    def apply(
        self, variables: Mapping[str, Any], *, parallelism: int = 10, refresh: bool = True
    ) -> Changes:
        """Makes the accounts as the configuration says. Raises `UserError` when that fails.

        Without `refresh` the state is believed, which is right only where nobody else was.
        """
        self._events.start("apply")
        self._outputs = None
        with self._alone(), self._provider():
            result = self._adapter.apply(
                skip_plan=True,
                parallelism=parallelism,
                refresh=refresh,
                **self._changing(variables),
            )
        self._check("apply", result)
        self.changed = tuple(self._events.changes.planned)
        self._outputs = self._events.outputs
        return self._events.changes

    def destroy(self, variables: Mapping[str, Any], *, parallelism: int = 10) -> Changes:
        """Removes everything in the state. Raises `UserError` when that fails."""
        self._events.start("destroy")
        self._outputs = None
        with self._alone(), self._provider():
            result = self._adapter.destroy(
                force=python_terraform.IsNotFlagged,
                auto_approve=python_terraform.IsFlagged,
                parallelism=parallelism,
                **self._changing(variables),
            )
        self._check("destroy", result)
        self.changed = tuple(self._events.changes.planned)
        return self._events.changes

    def forget(self, kinds: Iterable[str]) -> list[str]:
        """Takes the resources of these types out of the state and leaves them as they are; returns
        their addresses. Raises `UserError` when that fails."""
        self._events.start("forget")
        state = str(self.state.absolute())
        code, out, err = self._adapter.cmd("state list", state=state)
        self._check("state list", (code, "", err))
        wanted = set(kinds)
        found = [
            address
            for address in out.split("\n")
            if not address.startswith("data.") and type_of(address) in wanted
        ]
        if found:
            with self._alone():
                result = self._adapter.cmd("state rm", *found, state=state, backup="-")
            self._check("state rm", result)
        return found

    def output(self) -> dict[str, Any]:
        """The output values by name, sensitive ones in clear."""
        if self._outputs is not None:
            return self._outputs
        self._events.start("output")
        code, out, err = self._adapter.cmd(
            "output",
            json=python_terraform.IsFlagged,
            no_color=python_terraform.IsFlagged,
            state=str(self.state.absolute()),
        )
        self._check("output", (code, "", err))
        return {name: entry["value"] for name, entry in json.loads(out).items()}

    @contextlib.contextmanager
    def _provider(self) -> Iterator[None]:
        if self._data is None:
            yield
            return
        environ = self._adapter.environ
        kinds = named([self.root], self.state)
        with attached(self.root, self._data, environ, kinds=kinds) as loan:
            self._adapter.environ = environ | loan.environ
            self._adapter.kept_open += loan.line
            self._adapter.stopped = False
            try:
                yield
            finally:
                loan.sound = not self._adapter.stopped
                self._adapter.environ = environ
                self._adapter.kept_open = self._adapter.kept_open[: -len(loan.line) or None]

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Within, no other Terraform changes this state, not even one that a process started which
        was killed since: that one is waited for. What runs within outlives a kill of ours."""

        def waiting() -> None:
            self._on_step(Step("wait"))

        def finishing() -> None:
            self._on_step(Step("finish"))

        with held(self._folder / "terraform.lock", self._adapter.deadline, waiting) as lock:
            if lock is None:
                raise UserError(
                    f"{self.label}: an earlier Terraform still works on its state, after "
                    f"{self._adapter.deadline:.0f} s; end it, and run this again"
                )
            self._adapter.kept_open += (lock,)
            self._adapter.told = self._folder / "terraform.out"
            self._adapter.finishing = finishing if self._lasting else None
            try:
                yield
            finally:
                self._adapter.told = self._adapter.finishing = None
                self._adapter.kept_open = self._adapter.kept_open[:-1]

    def _options(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "state": str(self.state.absolute()),
            "var": None,
            "var_file": str(self._write_variables(variables)),
            "json": python_terraform.IsFlagged,
        }

    def _changing(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        # The state is private to this run, so nobody else can hold its lock; a backup beside it
        # would only be a second copy of its secrets.
        return self._options(variables) | {"lock": False, "backup": "-"}

    def _write_variables(self, variables: Mapping[str, Any]) -> Path:
        """Terraform only warns about a misspelt variable in a file, so names are checked here."""
        known = variable_names(self.root)
        unknown = sorted(set(variables) - known)
        if unknown:
            raise UserError(
                f"{self.root}: has no variable {', '.join(unknown)} "
                f"(known: {', '.join(sorted(known)) or 'none'})"
            )
        path = self._folder / VARIABLES_FILE
        write_private(path, json.dumps(dict(variables), indent=2, sort_keys=True) + "\n")
        return path.absolute()

    def _check(
        self, command: str, result: tuple[int, str, str], good: tuple[int, ...] = (0,)
    ) -> None:
        code, out, err = result
        if code in good:
            return
        said = [*_errors(err), *self._events.errors] or _errors(out)
        shown = "; ".join(said[:_SHOWN_ERRORS]) or f"exit code {code}"
        if len(said) > _SHOWN_ERRORS:
            shown += f" (and {len(said) - _SHOWN_ERRORS} more)"
        raise UserError(redact(f"terraform {command} of {self.label}: {shown}", self._hidden))


def type_of(address: str) -> str:
    """The type of the resource at an address, such as `module.logging["a"].aws_kms_key.logs`."""
    plain = re.sub(r"\[(?:\"[^\"]*\"|[^\]]*)\]", "", address)
    parts = plain.split(".")
    return "" if "data" in parts[:-2] else parts[-2] if len(parts) > 1 else ""


class _Events:
    """Terraform's `-json` output: one event a line.

    https://developer.hashicorp.com/terraform/internals/machine-readable-ui
    """

    def __init__(self, on_step: Callable[[Step], None]) -> None:
        self._on_step = on_step
        self.start("")

    def start(self, phase: str) -> None:
        self.phase = phase
        self.changes = Changes()
        self.errors: list[str] = []
        self.outputs: dict[str, Any] | None = None
        self._last = 0.0
        if phase not in ("", "output"):
            self._on_step(Step(phase))

    def read(self, line: str) -> None:
        if not line.startswith("{"):
            return
        try:
            event = json.loads(line)
        except ValueError:
            return
        kind = event.get("type")
        if kind == "planned_change":
            change = event["change"]
            self.changes.planned.append(f"{change['action']} {change['resource']['addr']}")
        elif kind == "diagnostic" and event["diagnostic"].get("severity") == "error":
            self.errors.append(_diagnostic(event["diagnostic"]))
        elif kind == "outputs":
            # Told once with the plan, without values, and once when all is applied.
            outputs = event["outputs"]
            if all("value" in output for output in outputs.values()):
                self.outputs = {name: output["value"] for name, output in outputs.items()}
        elif kind in _DONE:
            # Data sources are read with the same events and were never counted as planned.
            if event["hook"].get("action") == "read":
                return
            self.changes.done += 1
            self._tell(event["hook"]["resource"]["addr"])

    def _tell(self, address: str) -> None:
        done, total = self.changes.done, len(self.changes.planned)
        now = time.monotonic()
        if done >= total or now - self._last > 0.1:
            self._last = now
            self._on_step(Step(self.phase, done, total, address))


def _diagnostic(diagnostic: Mapping[str, Any]) -> str:
    text = str(diagnostic.get("summary", "error"))
    if detail := diagnostic.get("detail"):
        text += f": {detail}"
    where = [diagnostic["address"]] if diagnostic.get("address") else []
    if place := diagnostic.get("range"):
        where.append(f"{place['filename']}:{place['start']['line']}")
    return _one_line(text + (f" ({', '.join(where)})" if where else ""))


def _errors(text: str) -> list[str]:
    """The errors in Terraform's text for people, boxes and ANSI colors removed."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    plain = "\n".join(re.sub(r"^[╷│╵|\s]*", "", line) for line in text.splitlines())
    parts = re.split(r"^Error: ", plain, flags=re.MULTILINE)
    if len(parts) > 1:
        return [_one_line(part.split("\nWarning: ")[0]) for part in parts[1:]]
    line = _one_line(plain)
    return [line[-600:]] if line else []


def _one_line(text: str) -> str:
    return " ".join(text.split())


def variable_names(root: Path) -> set[str]:
    """The input variables that a module declares."""
    names: set[str] = set()
    for file in (*root.glob("*.tf"), *root.glob("*.tofu")):
        text = file.read_text(encoding="utf-8")
        names |= set(re.findall(r'^\s*variable\s+"([^"]+)"', text, re.MULTILINE))
    for file in root.glob("*.tf.json"):
        declared = json.loads(file.read_text(encoding="utf-8")).get("variable", {})
        names |= set(declared)
    return names
