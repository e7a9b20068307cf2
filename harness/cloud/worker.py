"""The process of a cloud: `python -m harness.cloud.worker PLAN CREDENTIALS PORT`.

Says where it listens in one JSON line on standard output, then takes commands on a Unix socket
and ends when its standard input does, that is, with the process that started it.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import logging
import os
import shutil
import signal
import socket
import stat
import sys
import tempfile
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from harness.cloud.cloud import Cloud
from harness.cloud.process import plan_from
from harness.cloud.server import CloudServer
from harness.errors import UserError

_GATE_TIMEOUT = 30.0
_kept: list[object] = []
"""Objects of the parent that a fork must neither use nor free: freeing would close descriptors."""


class Worker:
    """One serving process, the first or a fork."""

    def __init__(self, cloud: Cloud, port: int) -> None:
        self._cloud = cloud
        self.server = CloudServer(cloud, port).start()
        self._folder = Path(tempfile.mkdtemp(prefix="bulkhead-"))
        self.control = self._folder / "control"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.control))
        self._listener.listen(8)
        threading.Thread(target=self._end_with_starter, daemon=True).start()

    def description(self) -> dict[str, str]:
        """Where this worker listens."""
        return {"endpoint": self.server.endpoint, "control": str(self.control)}

    def run(self) -> None:
        """Take commands until told to stop. Returns in forks, too, as their own worker."""
        worker = self
        while True:
            link, _ = worker._listener.accept()
            fork = worker._take(link)
            if fork is not None:
                worker = fork

    def _take(self, link: socket.socket) -> Worker | None:
        with link:
            try:
                command = json.loads(link.makefile().readline() or "{}")
            except ValueError:
                command = {}
            do = command.get("do")
            if do == "stop":
                _say(link, {})
                self._end()
            if do == "fork" and self._cloud.localstack is not None:
                _say(link, {"error": "LocalStack keeps what is in it, and cannot be copied"})
                return None
            if do == "fork":
                return self._fork(link)
            if do == "age":
                self._cloud.keys.age(timedelta(seconds=int(command["seconds"])))
                _say(link, {})
                return None
            if do == "open":
                self._open(link, command)
                return None
            if do == "explain":
                _say(link, {"decision": self._cloud.trace.explain(str(command["request"]))})
                return None
            if do == "compare":
                _say(link, self._compare())
                return None
            if do == "asked":
                _say(link, {"asked": self._cloud.trace.asked.by(str(command["principal"]))})
                return None
            _say(link, {"error": "unknown command"})
            return None

    def _open(self, link: socket.socket, command: dict[str, Any]) -> None:
        try:
            with self.server.gate.closed(_GATE_TIMEOUT):
                self._cloud.open_account(command["account"], command["management_account"])
                self._cloud.write_credentials(Path(command["credentials"]))
        except (TimeoutError, OSError) as error:
            _say(link, {"error": str(error)})
            return
        _say(link, {})

    def _compare(self) -> dict[str, Any]:
        """How what LocalStack holds differs from what is decided on."""
        if self._cloud.localstack is None:
            return {"differences": []}
        from harness.cloud.localstack_check import differences

        try:
            # Between changes: while one is under way, one of both has it already.
            with self.server.gate.closed(_GATE_TIMEOUT):
                return {"differences": [*differences(self._cloud.localstack, self._cloud.accounts)]}
        except (TimeoutError, BotoCoreError, ClientError) as error:
            return {"error": str(error)}

    def _fork(self, link: socket.socket) -> Worker | None:
        try:
            with self.server.gate.closed(_GATE_TIMEOUT):
                # What the collector looks at is written to, and would be copied for the fork.
                gc.freeze()
                child = os.fork()
                if child:
                    gc.unfreeze()
                else:
                    keep = link.fileno()
                    _kept.append(self)
                    _abandon_sockets(except_for=keep)
        except TimeoutError as error:
            _say(link, {"error": str(error)})
            return None
        if child:
            return None
        worker = Worker(self._cloud, 0)
        _say(link, worker.description())
        return worker

    def _end_with_starter(self) -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        self._end()

    def _end(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(0)


def _abandon_sockets(except_for: int) -> None:
    """Let go of the parent's connections without closing them under its feet.

    Each descriptor is pointed at the null device, so that a later close by a forgotten object
    cannot hit a descriptor that the fork opened meanwhile.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for entry in list(Path("/dev/fd").iterdir()):
        descriptor = int(entry.name)
        with contextlib.suppress(OSError):
            is_socket = stat.S_ISSOCK(os.fstat(descriptor).st_mode)
            if is_socket and descriptor != except_for and descriptor > 2:
                os.dup2(null, descriptor)
    os.close(null)


def _say(link: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        link.sendall(json.dumps(message).encode() + b"\n")


def main() -> None:
    """Start the cloud that the arguments describe, and serve until the starter ends."""
    plan, credentials, port = sys.argv[1:4]
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        cloud = Cloud(plan_from(plan))
        # The port first: where it is taken, another cloud's credentials file may be the same.
        worker = Worker(cloud, int(port))
        cloud.write_credentials(Path(credentials))
    except UserError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        os._exit(1)
    except OSError as error:
        # The server gives the text of the error only, not its number.
        taken = error.errno == errno.EADDRINUSE or "in use" in str(error)
        says = f"port {port} is taken; name another, or 0 for a free one" if taken else str(error)
        print(json.dumps({"error": says}), flush=True)
        os._exit(1)  # the server's threads would keep the process
    print(json.dumps(worker.description()), flush=True)
    worker.run()


if __name__ == "__main__":
    main()
