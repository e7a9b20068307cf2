"""The other engine: installed from its lock file, then asked over pipes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

from harness.errors import UserError

HERE = Path(__file__).parent
PACKAGE = "@cloud-copilot/iam-simulate"
_BATCH = 100
"""Questions sent before answers are read: few enough that the answers fit into a pipe."""


def installed() -> Path:
    """The folder with the package of the lock file; installs it on the first use."""
    lock = (HERE / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "bulkhead" / "peers" / hashlib.sha256(lock).hexdigest()[:16]
    done = folder / ".installed"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        command = [_tool("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if ran.returncode:
            said = ran.stderr.strip().splitlines() or ["no reason given"]
            raise UserError(f"npm could not install {PACKAGE}: {said[0]}")
        done.touch()
    return folder


def version() -> str:
    """The version of the package that the lock file pins."""
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))
    return str(lock["packages"][f"node_modules/{PACKAGE}"]["version"])


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise UserError(f"{name} is not on PATH: `make peers` needs Node.js 20 or newer, with npm")
    return found


class Peer:
    """The running child. Each question is one JSON object, answered by one."""

    def __init__(self, stdin: IO[str], stdout: IO[str]) -> None:
        self._stdin = stdin
        self._stdout = stdout

    def ask(self, questions: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """The answers, in the order of the questions."""
        rest = iter(questions)
        while batch := list(islice(rest, _BATCH)):
            self._stdin.write("".join(json.dumps(question) + "\n" for question in batch))
            self._stdin.flush()
            for _ in batch:
                line = self._stdout.readline()
                if not line:
                    raise UserError(f"{PACKAGE} ended without an answer; its words are above")
                yield json.loads(line)


@contextmanager
def running() -> Iterator[Peer]:
    """The child process, from its start until the block ends."""
    command = [_tool("node"), str(HERE / "peer.mjs"), str(installed())]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        yield Peer(child.stdin, child.stdout)
        child.stdin.close()
