"""Provider processes that serve one command after another, and always end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.processes import ends, is_alive
from support.providers import ONE, TWO, provider_that, root_with

from harness.deploy.provider import Loan, attached, share
from harness.deploy.provider_hub import VARIABLE

SAID = '{"here": {"Protocol": "grpc", "Addr": {"String": "x"}}}'


def speaks(pid: Path) -> str:
    """A provider that says where it listens, and nothing more."""
    return f"""echo "$$" > "{pid}"\necho '{VARIABLE}='"'"'{SAID}'"'"\nexec sleep 60\n"""


def test_terraform_is_told_where_the_provider_listens(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    data = provider_that(tmp_path, speaks(pid))
    with attached(root_with(tmp_path, ONE), data, os.environ) as loan:
        (name, config), *more = json.loads(loan.environ[VARIABLE]).items()
        assert (name, config["Protocol"], more) == ("here", "grpc", [])
        assert Path(config["Addr"]["String"]).is_socket(), "nobody listens where Terraform looks"
        assert len(loan.line) == 1
        assert is_alive(int(pid.read_text()))


def listening(folder: Path) -> Path:
    """A data folder with a provider that answers with its own process id whatever it is told."""
    code = folder / "answers.py"
    code.write_text(
        f"""import json, os, socket, tempfile, threading
listener = socket.socket(socket.AF_UNIX)
path = tempfile.mkdtemp() + "/p"
listener.bind(path)
listener.listen()
said = {{"some/provider": {{"Pid": os.getpid(), "Addr": {{"Network": "unix", "String": path}}}}}}
print("{VARIABLE}='" + json.dumps(said) + "'", flush=True)
def answer(link):
    while link.recv(100):
        link.sendall(str(os.getpid()).encode())
while True:
    threading.Thread(target=answer, args=listener.accept()[:1], daemon=True).start()
""",
        encoding="utf-8",
    )
    return provider_that(folder, f'exec "{sys.executable}" "{code}"\n')


class Asked:
    """A connection to where a Terraform is told that its provider is."""

    def __init__(self, loan: Loan) -> None:
        (config,) = json.loads(loan.environ[VARIABLE]).values()
        assert config["Addr"]["Network"] == "unix"
        self.link = socket.socket(socket.AF_UNIX)
        self.link.connect(config["Addr"]["String"])

    def process(self) -> int:
        """The process id of the provider that answers."""
        self.link.sendall(b"?")
        return int(self.link.recv(100))


def test_each_connection_of_several_configurations_has_a_provider_of_its_own(
    tmp_path: Path,
) -> None:
    with attached(root_with(tmp_path, TWO), listening(tmp_path), os.environ) as loan:
        assert len(loan.line) == 1
        for _ in range(3):
            Asked(loan).link.close()  # as Terraform looks whether anybody listens
        first, second = Asked(loan), Asked(loan)
        processes = first.process(), second.process()
        assert len({*processes, os.getpid()}) == 3
        assert first.process() == processes[0]
        # More at once than configurations are known, for instance by a module of its own.
        third = Asked(loan)
        assert third.process() not in processes
        everybody = {*processes, third.process()}
        first.link.close()
        freed = [Asked(loan)]
        # The hub takes a moment to see it.
        while (found := freed[-1].process()) not in everybody:
            everybody.add(found)
            freed.append(Asked(loan))
        assert found == processes[0]
        assert all(is_alive(process) for process in everybody)


def test_all_connections_of_one_configuration_have_the_same_provider(tmp_path: Path) -> None:
    with (
        attached(root_with(tmp_path, ONE), listening(tmp_path), os.environ) as loan,
        Asked(loan).link as first,
        Asked(loan).link as second,
    ):
        for link in (first, second):
            link.sendall(b"?")
        assert first.recv(100) == second.recv(100)


def served(root: Path, data: Path, *, sound: bool = True) -> int:
    """The process id of the provider that a Terraform had, which ended by itself or not."""
    with attached(root, data, os.environ) as loan:
        asked = Asked(loan)
        process = asked.process()
        asked.link.close()
        loan.sound = sound
    return process


def test_the_next_terraform_has_the_same_provider_unless_the_last_was_broken_off(
    tmp_path: Path,
) -> None:
    root, data = root_with(tmp_path, ONE), listening(tmp_path)
    first = served(root, data)
    # Given back in a moment, not at once.
    deadline = time.monotonic() + 20
    while (again := served(root, data)) != first and time.monotonic() < deadline:
        first = again
    assert again == first
    broken_off = served(root, data, sound=False)
    assert ends(broken_off), "it may be at work for the Terraform that was broken off"
    assert served(root, data) != broken_off


def test_a_provider_that_has_ended_is_lent_to_nobody(tmp_path: Path) -> None:
    root, data = root_with(tmp_path, ONE), listening(tmp_path)
    process = served(root, data)
    os.kill(process, signal.SIGKILL)
    assert ends(process)
    assert is_alive(served(root, data))


def asking(folder: Path) -> Path:
    """A data folder with a provider that says what it is answered at its endpoint."""
    code = folder / "asks.py"
    code.write_text(
        f"""import json, os, socket, tempfile, urllib.request
listener = socket.socket(socket.AF_UNIX)
path = tempfile.mkdtemp() + "/p"
listener.bind(path)
listener.listen()
said = {{"some/provider": {{"Addr": {{"Network": "unix", "String": path}}}}}}
print("{VARIABLE}='" + json.dumps(said) + "'", flush=True)
endpoints = os.environ["AWS_ENDPOINT_URL"], os.environ["AWS_ENDPOINT_URL_STS"]
direct = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
while True:
    link, _ = listener.accept()
    while link.recv(100):
        said = [direct.open(each).read().decode() for each in endpoints]
        link.sendall(f"{{os.getpid()}} {{' '.join(said)}}".encode())
""",
        encoding="utf-8",
    )
    return provider_that(folder, f'exec "{sys.executable}" "{code}"\n')


@contextlib.contextmanager
def cloud(name: str) -> Iterator[dict[str, str]]:
    """An environment whose endpoint answers with a name."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(name)))
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield {**os.environ, "AWS_ENDPOINT_URL": url, "AWS_ENDPOINT_URL_STS": url}
        server.shutdown()


def test_shared_providers_call_the_cloud_that_they_are_lent_for(tmp_path: Path) -> None:
    root, data = root_with(tmp_path, ONE), asking(tmp_path)
    said = []
    with cloud("here") as here, cloud("there") as there:
        share(data, here)
        for environ in (here, there, here, there, here):
            with attached(root, data, environ) as loan:
                asked = Asked(loan)
                asked.link.sendall(b"?")
                said.append(asked.link.recv(100).decode().split())
                asked.link.close()
    assert [each[1:] for each in said] == [
        ["here", "here"],
        ["there", "there"],
        ["here", "here"],
        ["there", "there"],
        ["here", "here"],
    ]
    assert len({each[0] for each in said}) < len(said), "each had a provider of its own"


def test_one_of_several_releases_is_not_guessed(tmp_path: Path) -> None:
    provider_that(tmp_path, speaks(tmp_path / "pid"), "5.101.0")
    data = provider_that(tmp_path, speaks(tmp_path / "pid"))
    with attached(root_with(tmp_path, ONE), data, os.environ) as loan:
        assert (loan.environ, loan.line) == ({}, ())


@pytest.mark.parametrize("text", [ONE, TWO], ids=["one", "two"])
@pytest.mark.parametrize("script", ["exit 1\n", "echo hello\n"])
def test_a_provider_that_does_not_start_is_left_to_terraform(
    tmp_path: Path, script: str, text: str
) -> None:
    data = provider_that(tmp_path, script)
    with attached(root_with(tmp_path, text), data, os.environ) as loan:
        assert (loan.environ, loan.line) == ({}, ())


@pytest.mark.parametrize("text", [ONE, TWO], ids=["one", "two"])
def test_the_provider_ends_with_whoever_started_it(tmp_path: Path, text: str) -> None:
    pid = tmp_path / "pid"
    data = provider_that(tmp_path, speaks(pid))
    root = root_with(tmp_path, text)
    code = (
        "import os, time; from pathlib import Path; from harness.deploy.provider import attached\n"
        f"with attached(Path({str(root)!r}), Path({str(data)!r}), os.environ):\n"
        "    print('ready', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None and starter.stdout.readline() == b"ready\n"
        process = int(pid.read_text())
        assert is_alive(process)
        starter.send_signal(signal.SIGKILL)
    assert ends(process)


@pytest.mark.parametrize("text", [ONE, TWO], ids=["one", "two"])
def test_the_provider_stays_for_a_terraform_that_has_its_line(tmp_path: Path, text: str) -> None:
    """So that a Terraform whose starter was killed comes to its end."""
    pid, other = tmp_path / "pid", tmp_path / "other"
    data = provider_that(tmp_path, speaks(pid))
    root = root_with(tmp_path, text)
    code = (
        "import os, subprocess, time; from pathlib import Path\n"
        "from harness.deploy.provider import attached\n"
        f"with attached(Path({str(root)!r}), Path({str(data)!r}), os.environ) as loan:\n"
        "    child = subprocess.Popen(['sleep', '60'], pass_fds=loan.line)\n"
        f"    Path({str(other)!r}).write_text(str(child.pid))\n"
        "    print('ready', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None and starter.stdout.readline() == b"ready\n"
        provider, terraform = int(pid.read_text()), int(other.read_text())
        starter.send_signal(signal.SIGKILL)
    assert is_alive(provider)
    os.kill(terraform, signal.SIGKILL)
    assert ends(provider)
