"""AWS provider processes that serve one Terraform command after another.

Terraform starts its provider three to four times for one apply (to learn its schema, to validate,
to plan, to apply), and each start builds the same schema: two thirds of what a small apply
computes. Attached to one that runs, it does this once, and the next Terraform not at all.
https://developer.hashicorp.com/terraform/plugin/debugging#running-terraform-with-a-provider-in-debug-mode

Terraform does not compare an attached provider with the lock file, so this is for targets where
nothing real is at stake. Where it cannot be done, Terraform starts the provider itself. A process
holds one configuration, so a root that configures several regions has as many. What runs them is
`provider_hub`.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import harness
from harness.deploy import provider_hub
from harness.deploy.provider_hub import ENDPOINTS, PATIENCE, SOUND, VARIABLE
from harness.deploy.toolchain import PROVIDER, REGISTRIES, current_platform
from harness.deploy.workspace import machine_memory

_KEPT = 8
"""Providers that wait for the next Terraform, at most."""
_MEMORY_PER_KEPT = 2 << 30
"""Bytes of this machine's memory for each: it takes up to 0.65 GB, and several processes keep
some."""


_SOURCE_ROOT = Path(harness.__file__).parents[1]


@dataclass(slots=True)
class Loan:
    """What a Terraform attaches to."""

    environ: dict[str, str]
    """What it has in its environment; empty where it starts its provider itself."""
    line: tuple[int, ...] = ()
    """Descriptors by which it lasts: a Terraform that inherits them has its provider for as long as
    it lives itself, whatever becomes of this process."""
    sound: bool = True
    """Whether Terraform ended by itself. Else its providers may still be at work, and nobody gets
    them any more."""


class Hub:
    """A process that keeps providers; it ends with this one, and those that have its loans."""

    def __init__(self, executable: Path, environ: Mapping[str, str], *, relayed: bool) -> None:
        """`environ` is what providers run with. With `relayed`, they are for one endpoint after
        another."""
        kept = min(_KEPT, machine_memory() // _MEMORY_PER_KEPT)
        self._process = subprocess.Popen(
            [
                # Nothing from where it is started, nor of the user's.
                *(sys.executable, "-s", "-P", "-m", provider_hub.__name__),
                *(str(executable), str(kept), *(["relay"] if relayed else [])),
            ],
            # The same source as this process has, whichever is installed.
            env={**environ, "PYTHONPATH": str(_SOURCE_ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            # As Terraform itself, it lives on when a terminal sends Ctrl-C.
            process_group=0,
        )
        assert self._process.stdout is not None
        self._asked = self._process.stdout.readline().strip()
        self.loans = 0

    @contextlib.contextmanager
    def lend(
        self, count: int, endpoint: str, kinds: Collection[str] | None = None
    ) -> Iterator[Loan]:
        """Within, as many providers as asked for serve one Terraform, at the endpoint, and tell it
        of these kinds of resources; None: of all."""
        with socket.socket(socket.AF_UNIX) as link:
            loan = Loan({})
            try:
                link.settimeout(2 * PATIENCE)
                link.connect(self._asked)
                asked = {"count": count, "endpoint": endpoint}
                if kinds is not None:
                    asked["kinds"] = sorted(kinds)
                link.sendall(json.dumps(asked).encode() + b"\n")
                with link.makefile("r", encoding="utf-8") as answer:
                    said = answer.readline().strip()
                if json.loads(said):
                    loan = Loan({VARIABLE: said}, (link.fileno(),))
            except (OSError, ValueError):
                # Terraform can do without.
                loan = Loan({})
            yield loan
            if loan.sound:
                with contextlib.suppress(OSError):
                    link.sendall(SOUND)

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def close(self) -> None:
        """Ends it, when the last loan does."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()


# What a provider heeds, besides where AWS is.
_HEEDED = re.compile(r"AWS_\w+|HOME|PATH|SSL_CERT_(FILE|DIR)|(?i:https?|no|all)_(?i:proxy)")
_WRITTEN = ("*.tf", "*.tf.json", "*.tftest.hcl", "tests/*.tftest.hcl")
_SOURCE = re.compile(r'\bsource"?\s*[=:]\s*"(\.{1,2}/[^"]*)"')
_CALL = re.compile(r'^\s*module\s+"[^"]*"\s*\{.*?(?:^\}|\Z)', re.MULTILINE | re.DOTALL)
_FAR = re.compile(r'\bsource"?\s*[=:]\s*"(?!\.{1,2}/)')
_KIND = re.compile(r"\baws_\w+")
_hubs: dict[tuple[Path, frozenset[tuple[str, str]]], Hub] = {}
_lock = threading.Lock()


@contextlib.contextmanager
def attached(
    root: Path,
    data: Path,
    environ: Mapping[str, str],
    *,
    kinds: Collection[str] | None = None,
) -> Iterator[Loan]:
    """Within, a provider runs for each configuration of a root, and Terraform may attach to them.

    `data` is where `init` left the provider of `root`, `environ` what the provider itself runs
    with. Terraform learns of these `kinds` of resources and data only, which is much quicker: see
    `named`; None: of all. Lends nothing where there is no single provider, or where it does not
    start.
    """
    executable, count = _executable(data), _configurations(root)
    if executable is None or not count:
        yield Loan({})
        return
    with (
        _lender(executable, _heeded(environ)) as hub,
        hub.lend(count, environ.get(ENDPOINTS[0], ""), kinds) as loan,
    ):
        yield loan


def share(data: Path, environ: Mapping[str, str]) -> None:
    """From now on this process, and what is forked from it, has the same providers for every
    endpoint, where nothing else in `environ` differs. `data` is where `init` left the provider."""
    if (executable := _executable(data)) is not None:
        heeded = _heeded(environ)
        with _lock:
            _hubs[executable, _elsewhere(heeded)] = Hub(executable, heeded, relayed=True)


@contextlib.contextmanager
def _lender(executable: Path, environ: Mapping[str, str]) -> Iterator[Hub]:
    """Within, nobody closes the hub that is yielded."""
    with _lock:
        hub = _hubs.get((executable, _elsewhere(environ)))
        if hub is None:
            wanted = executable, frozenset(environ.items())
            hub = _hubs.get(wanted)
            if hub is None or hub.ended:
                # Those of other targets have had their time, mostly.
                for key in [key for key, other in _hubs.items() if not other.loans]:
                    _hubs.pop(key).close()
                hub = _hubs[wanted] = Hub(executable, environ, relayed=False)
        hub.loans += 1
    try:
        yield hub
    finally:
        with _lock:
            hub.loans -= 1


def _heeded(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if _HEEDED.fullmatch(name)}


def _elsewhere(environ: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """The same environment, wherever AWS is."""
    return frozenset(item for item in environ.items() if item[0] not in ENDPOINTS)


@atexit.register
def _close() -> None:
    with _lock:
        while _hubs:
            _hubs.popitem()[1].close()


def named(folders: Iterable[Path], *states: Path) -> frozenset[str] | None:
    """Which kinds of resources and data Terraform in these folders can need, with what is in their
    states: all that they and the modules which they call name, wherever they name it. None where a
    module is called that is not on this disk."""
    found: set[str] = set()
    waiting, seen = [folder.resolve() for folder in folders], set[Path]()
    texts = [state.read_text(encoding="utf-8") for state in states if state.exists()]
    while waiting:
        folder = waiting.pop()
        if folder in seen:
            continue
        seen.add(folder)
        for file in (file for pattern in _WRITTEN for file in folder.glob(pattern)):
            text = file.read_text(encoding="utf-8")
            calls = [text] if file.suffix == ".json" else _CALL.findall(text)
            if any(_FAR.search(call) for call in calls):
                return None
            texts.append(text)
            waiting += [(folder / source).resolve() for source in _SOURCE.findall(text)]
    for text in texts:
        found.update(_KIND.findall(text))
    return frozenset(found)


def _configurations(root: Path) -> int:
    """How many configurations of providers a root has. In JSON none is counted: ours is HCL."""
    texts = (file.read_text(encoding="utf-8") for file in root.glob("*.tf"))
    return sum(len(re.findall(r'^\s*provider\s+"', text, re.MULTILINE)) for text in texts)


def _executable(data: Path) -> Path | None:
    """The one provider that `init` left. OpenTofu's has another address than it says itself."""
    folder = data / "providers" / REGISTRIES["terraform"] / PROVIDER
    found = list(folder.glob(f"*/{current_platform()}/terraform-provider-aws*"))
    return found[0].resolve() if len(found) == 1 else None
