"""AWS provider processes for one Terraform after another.

Run as `python -m harness.deploy.provider_hub EXECUTABLE KEPT [relay]`. To start a provider computes
as much as a small apply, so those that a Terraform has done with are lent to the next one. It says
on its standard output where it is asked, as one line. Whoever connects there says in a line of JSON
how many configurations its root has (`count`), with `relay` the `endpoint` that its calls are for,
and which `kinds` of resources it needs to know, unless that is all; the answer is what
`TF_REATTACH_PROVIDERS` takes, empty where no provider starts. The loan lasts as long as the
connection. Each connection that Terraform opens, one for each configuration, is given a provider of
its own. A loan that ends without the word `sound` was broken off: its providers may still be at
work, and are ended.

Up to KEPT providers wait for the next loan. With `relay`, each has an endpoint of its own here,
which passes its calls on to that of the loan: a provider reads from its environment where AWS is.

Ends, with its providers, when its standard input does, and no loan lasts.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.deploy.provider_front import Front, Known

VARIABLE = "TF_REATTACH_PROVIDERS"
SOUND = b"sound\n"
ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS")
"""What a provider learns from, and no configuration file says in its stead."""
# The shell ends the provider when its own input ends, however this process ends.
_GUARD = '"$0" -debug </dev/null & exec >/dev/null; read -r _; kill -9 $!'
_CHUNK = 1 << 16
THRIFTY = {"GOMAXPROCS": "1", "GOGC": "400"}
"""What Go programs compute less with of which many run at once, each for a short time: no threads
of their own beside the others, and less collecting of garbage."""
_LOGS = tuple(
    f"TF_LOG_SDK{part}" for part in ("", "_FRAMEWORK", "_HELPER_SCHEMA", "_MUX", "_PROTO")
)
"""Nobody reads what a provider in debug mode logs, a line for each step of each call."""
PATIENCE = 30.0
"""Seconds within which a provider says where it listens."""


class Provider:
    """A provider in debug mode, which serves one connection at a time."""

    def __init__(self, executable: str, relayed: bool, front: Callable[[str], Front]) -> None:
        """`front` puts one before a provider, whose socket it is told."""
        self._new_front = front
        self._front: Front | None = None
        self._kinds: Sequence[str] | None = None
        self._relay = Relay() if relayed else None
        environ = {**os.environ, **THRIFTY, **dict.fromkeys(_LOGS, "off")}
        if self._relay is not None:
            environ |= dict.fromkeys(ENDPOINTS, self._relay.url)
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, executable],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._said: dict[str, dict[str, Any]] | None = None
        self._saying = threading.Lock()

    def said(self) -> dict[str, dict[str, Any]]:
        """Where it listens, by its name. Raises `ValueError` when it does not say so."""
        with self._saying:
            if self._said is None:
                watchdog = threading.Timer(PATIENCE, self._let_go)
                watchdog.daemon = True
                watchdog.start()
                self._said = self._heard()
                watchdog.cancel()
        return self._said

    def _heard(self) -> dict[str, dict[str, Any]]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.search(rf"{VARIABLE}='(.+)'\s*$", line.decode("utf-8", "replace")):
                said: dict[str, dict[str, Any]] = json.loads(found[1])
                return said
        raise ValueError("the provider did not say where it listens")

    def _let_go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def turn(self, endpoint: str, kinds: Sequence[str] | None) -> None:
        """Whoever configures it next does so for the endpoint, where it is relayed, and is told of
        these kinds of resources; None: of all."""
        self._kinds = kinds
        if self._relay is not None:
            self._relay.turn(endpoint)

    def connected(self) -> socket.socket:
        """A new connection to it. Raises `OSError` or `ValueError` when it does not run."""
        (config,) = self.said().values()
        return _connected(config["Addr"]["String"])

    def address(self) -> str:
        """Where it is asked by whom `turn` was called for. Raises as `connected`."""
        (config,) = self.said().values()
        own: str = config["Addr"]["String"]
        if self._kinds is None:
            return own
        with self._saying:
            if self._front is None:
                self._front = self._new_front(own)
            self._front.turn(self._kinds)
        return self._front.path

    def asked(self) -> socket.socket:
        """A new connection for whom `turn` was called. Raises as `connected`."""
        return _connected(self.address())

    def end(self) -> None:
        if self._front is not None:
            self._front.end()
        self._let_go()
        self._process.wait()
        if self._relay is not None:
            self._relay.end()


def _connected(path: str) -> socket.socket:
    link = socket.socket(socket.AF_UNIX)
    link.connect(path)
    return link


class Relay:
    """An endpoint that passes on to another one, which may change."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._upstream = ("", 0)
        self._links: set[socket.socket] = set()
        self._lock = threading.Lock()
        serve(self._listener, self._pass)

    def turn(self, endpoint: str) -> None:
        """From now on it passes on to `endpoint`; what went elsewhere is closed."""
        host, _, port = endpoint.removeprefix("http://").rstrip("/").rpartition(":")
        with self._lock:
            self._upstream = (host, int(port))
            self._close()

    def end(self) -> None:
        with self._lock:
            self._close()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _close(self) -> None:
        for link in self._links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        self._links.clear()

    def _pass(self, link: socket.socket) -> None:
        with self._lock:
            upstream = self._upstream
            self._links.add(link)
        try:
            with socket.create_connection(upstream) as beyond:
                for each in (link, beyond):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                between(link, beyond)
        finally:
            with self._lock:
                self._links.discard(link)


class Hub:
    """The providers, those that wait and those that are lent."""

    def __init__(self, executable: str, kept: int, relayed: bool) -> None:
        self._executable, self._kept, self._relayed = executable, kept, relayed
        self._waiting: list[Provider] = []
        self._loans = 0
        self._changed = threading.Condition()
        # The path of a socket may have about a hundred characters.
        self.folder = Path(tempfile.mkdtemp(prefix="hub-"))
        os.environ["TMPDIR"] = str(self.folder)
        self._made = 0
        self._known = Known()
        self.address = self.listen("asked", self._lend)

    def listen(self, name: str, answer: Callable[[socket.socket], None]) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.folder / name))
        listener.listen()
        serve(listener, answer)
        return listener

    def take(self, endpoint: str, kinds: Sequence[str] | None) -> Provider:
        """One that waits, or a new one, for the endpoint, which tells of these kinds."""
        while (provider := self._next()) is not None:
            with contextlib.suppress(OSError, ValueError):
                # It may have ended since. Who connects and says nothing, wants nothing.
                provider.connected().close()
                break
            provider.end()
        provider = provider or Provider(self._executable, self._relayed, self._front)
        provider.turn(endpoint, kinds)
        return provider

    def _front(self, provider: str) -> Front:
        return Front(provider, str(self.folder / f"front{self._number()}"), self._known)

    def _number(self) -> int:
        with self._changed:
            self._made += 1
            return self._made

    def _next(self) -> Provider | None:
        with self._changed:
            return self._waiting.pop() if self._waiting else None

    def give_back(self, providers: list[Provider], sound: bool) -> None:
        """What a loan had, when it has ended."""
        with self._changed:
            room = max(0, self._kept - len(self._waiting)) if sound else 0
            self._waiting += providers[:room]
        for provider in providers[room:]:
            provider.end()

    def wait(self) -> None:
        """Returns when no loan lasts."""
        with self._changed:
            self._changed.wait_for(lambda: self._loans == 0)

    def _lend(self, link: socket.socket) -> None:
        with self._changed:
            self._loans += 1
        name = f"loan{self._number()}"
        try:
            with link, link.makefile("rb") as said:
                asked = json.loads(said.readline())
                loan = Loan(self, asked["count"], asked.get("endpoint", ""), asked.get("kinds"))
                sound = False
                try:
                    with self.listen(name, loan.serve) as listener:
                        answer = loan.address(listener.getsockname())
                        # Fails where nobody has waited for it.
                        link.sendall(json.dumps(answer).encode() + b"\n")
                        sound = said.readline() == SOUND
                        listener.shutdown(socket.SHUT_RDWR)
                finally:
                    (self.folder / name).unlink(missing_ok=True)
                    loan.end(sound)
        finally:
            with self._changed:
                self._loans -= 1
                self._changed.notify_all()


class Loan:
    """What one Terraform has for as long as it lasts."""

    def __init__(self, hub: Hub, count: int, endpoint: str, kinds: Sequence[str] | None) -> None:
        self._hub, self._endpoint, self._kinds = hub, endpoint, kinds
        self._single = count == 1
        # All are started before the first one is waited for.
        self._free = [hub.take(endpoint, kinds) for _ in range(count)]
        self._busy = 0
        self._changed = threading.Condition()

    def address(self, path: str) -> dict[str, Any]:
        """What Terraform is told; nothing where a provider does not start."""
        try:
            said, *_ = [provider.said() for provider in self._free]
            # What cannot be asked must be known now: later, Terraform starts none itself.
            for provider in self._free:
                provider.address()
        except (OSError, ValueError):
            return {}
        ((name, config),) = said.items()
        return {name: {**config, "Addr": {"Network": "unix", "String": path}}}

    def serve(self, link: socket.socket) -> None:
        # Terraform first looks whether anybody listens, by a connection that says nothing.
        first = link.recv(_CHUNK)
        if not first:
            return
        with self._changed:
            self._busy += 1
        try:
            provider = self._provider()
            try:
                with provider.asked() as beyond:
                    beyond.sendall(first)
                    between(link, beyond)
            finally:
                with self._changed:
                    if not self._single:
                        self._free.append(provider)
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _provider(self) -> Provider:
        """For one connection; that of the only configuration is for all of them."""
        with self._changed:
            if self._single:
                return self._free[0]
            if self._free:
                return self._free.pop()
        return self._hub.take(self._endpoint, self._kinds)

    def end(self, sound: bool) -> None:
        """Ends it: providers that have done what they were asked are given back."""
        with self._changed:
            # A connection takes a moment to be seen to have ended.
            ended = self._changed.wait_for(lambda: self._busy == 0, timeout=5)
            providers, self._free = self._free, []
        self._hub.give_back(providers, sound and ended)


def serve(listener: socket.socket, answer: Callable[[socket.socket], None]) -> None:
    """Has every connection answered, in a thread of its own, until the listener is closed."""

    def each(link: socket.socket) -> None:
        with link, contextlib.suppress(OSError, ValueError):
            answer(link)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = listener.accept()
                threading.Thread(target=each, args=(link,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def between(one: socket.socket, other: socket.socket) -> None:
    """Passes on what each says to the other until one of both has ended; then so does the other."""
    back = threading.Thread(target=_pass_on, args=(other, one), daemon=True)
    back.start()
    _pass_on(one, other)
    back.join()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            sink.sendall(chunk)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def main(executable: str, kept: str, relay: str = "") -> None:
    hub = Hub(executable, int(kept), bool(relay))
    print(hub.address.getsockname(), flush=True)
    sys.stdin.buffer.read()
    hub.wait()
    shutil.rmtree(hub.folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
