"""Several AWS provider processes behind one address: `python provider_hub.py COUNT EXECUTABLE`.

Terraform opens a connection for each configuration of a provider, and knows one address for all of
them. Each connection is given a provider of its own, for as long as it lasts; the next one that
comes gets it after that. The hub says where it listens as a provider in debug mode does, and ends,
with its providers, when its standard input does.

Needs nothing but the standard library: it is started for each command, so its start counts.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

VARIABLE = "TF_REATTACH_PROVIDERS"
# The shell ends the provider when its own input ends, however this process ends.
GUARD = '"$0" -debug </dev/null & exec >/dev/null; read -r _; kill -9 $!'
_CHUNK = 1 << 16


def address_in(line: bytes) -> str:
    """Where a provider in debug mode listens, as JSON, if this line of its output says so."""
    found = re.search(rf"{VARIABLE}='(.+)'\s*$", line.decode("utf-8", "replace"))
    return found[1] if found else ""


class Provider:
    """A provider in debug mode, which serves one connection at a time."""

    def __init__(self, executable: str) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, executable],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def said(self) -> dict[str, dict[str, object]]:
        """Where it listens, by its name. Raises `ValueError` when it does not say so."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if address := address_in(line):
                said: dict[str, dict[str, object]] = json.loads(address)
                return said
        raise ValueError("the provider did not say where it listens")


class Hub:
    """Gives each connection a provider that no other connection has."""

    def __init__(self, count: int, executable: str) -> None:
        self._executable = executable
        # All are started before the first one is waited for.
        self._all = [Provider(executable) for _ in range(count)]
        said = [provider.said() for provider in self._all]
        self._free = [_address(each) for each in said]
        self._lock = threading.Lock()
        # A path of a socket may have about a hundred characters.
        self._folder = tempfile.mkdtemp(prefix="hub-")
        self._listener = socket.socket(socket.AF_UNIX)
        path = str(Path(self._folder) / "s")
        self._listener.bind(path)
        self._listener.listen()
        (name,) = said[0]
        self.said = {name: {**said[0][name], "Addr": {"Network": "unix", "String": path}}}

    def serve(self) -> None:
        while True:
            link, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        with link, contextlib.suppress(OSError):
            # Terraform first looks whether anybody listens, by a connection that says nothing.
            first = link.recv(_CHUNK)
            if not first:
                return
            address = self._take()
            try:
                with socket.socket(socket.AF_UNIX) as provider:
                    provider.connect(address)
                    provider.sendall(first)
                    back = threading.Thread(target=_pass_on, args=(provider, link), daemon=True)
                    back.start()
                    _pass_on(link, provider)
                    back.join()
            finally:
                with self._lock:
                    self._free.append(address)

    def _take(self) -> str:
        with self._lock:
            if self._free:
                return self._free.pop()
        provider = Provider(self._executable)
        self._all.append(provider)
        return _address(provider.said())


def _address(said: dict[str, dict[str, object]]) -> str:
    (config,) = said.values()
    address = config["Addr"]
    assert isinstance(address, dict)
    return str(address["String"])


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    """Until one of both has ended; then so does the other."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            sink.sendall(chunk)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def main(count: str, executable: str) -> None:
    try:
        hub = Hub(int(count), executable)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    threading.Thread(target=hub.serve, daemon=True).start()
    print(f"{VARIABLE}='{json.dumps(hub.said)}'", flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
