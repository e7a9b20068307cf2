"""One provider process for a whole command: when there is one, and that it always ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support.processes import ends, is_alive

from harness.deploy.provider import VARIABLE, attached
from harness.deploy.toolchain import current_platform

ONE = 'provider "aws" {\n  region = "eu-west-1"\n}\n'
TWO = ONE + '\nprovider "aws" {\n  alias = "other"\n}\n'
SAID = '{"here": {"Addr": {"String": "x"}}}'


def speaks(pid: Path) -> str:
    """A provider that says where it listens, and nothing more."""
    return f"""echo "$$" > "{pid}"\necho '{VARIABLE}='"'"'{SAID}'"'"\nexec sleep 60\n"""


def root_with(folder: Path, text: str) -> Path:
    root = folder / "root"
    root.mkdir()
    (root / "main.tf").write_text(text, encoding="utf-8")
    return root


def provider_that(folder: Path, script: str, version: str = "5.100.0") -> Path:
    """A data folder as `init` leaves it, with a provider that is this shell script."""
    data = folder / "data"
    place = data / "providers/registry.terraform.io/hashicorp/aws" / version / current_platform()
    place.mkdir(parents=True)
    executable = place / f"terraform-provider-aws_v{version}_x5"
    executable.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
    executable.chmod(0o755)
    return data


def test_terraform_is_told_where_the_provider_listens(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    data = provider_that(tmp_path, speaks(pid))
    with attached(root_with(tmp_path, ONE), data, os.environ) as (address, line):
        assert address == {VARIABLE: SAID}
        assert len(line) == 1
        process = int(pid.read_text())
        assert is_alive(process)
    assert ends(process)


def listening(folder: Path) -> Path:
    """A data folder with a provider that answers with its own process id whatever it is told."""
    code = folder / "answers.py"
    code.write_text(
        f"""import json, os, socket, tempfile
listener = socket.socket(socket.AF_UNIX)
path = tempfile.mkdtemp() + "/p"
listener.bind(path)
listener.listen()
said = {{"some/provider": {{"Pid": os.getpid(), "Addr": {{"Network": "unix", "String": path}}}}}}
print("{VARIABLE}='" + json.dumps(said) + "'", flush=True)
while True:
    link, _ = listener.accept()
    while link.recv(100):
        link.sendall(str(os.getpid()).encode())
""",
        encoding="utf-8",
    )
    return provider_that(folder, f'exec "{sys.executable}" "{code}"\n')


class Asked:
    """A connection to where a Terraform is told that its provider is."""

    def __init__(self, address: dict[str, str]) -> None:
        (config,) = json.loads(address[VARIABLE]).values()
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
    with attached(root_with(tmp_path, TWO), listening(tmp_path), os.environ) as (address, line):
        assert len(line) == 1
        for _ in range(3):
            Asked(address).link.close()  # as Terraform looks whether anybody listens
        first, second = Asked(address), Asked(address)
        processes = first.process(), second.process()
        assert len({*processes, os.getpid()}) == 3
        assert first.process() == processes[0]
        # More at once than configurations are known, for instance by a module of its own.
        third = Asked(address)
        assert third.process() not in processes
        everybody = {*processes, third.process()}
        first.link.close()
        freed = [Asked(address)]
        # The hub takes a moment to see it.
        while (found := freed[-1].process()) not in everybody:
            everybody.add(found)
            freed.append(Asked(address))
        assert found == processes[0]
        assert all(is_alive(process) for process in everybody)
    assert all(ends(process) for process in everybody)


def test_one_of_several_releases_is_not_guessed(tmp_path: Path) -> None:
    provider_that(tmp_path, speaks(tmp_path / "pid"), "5.101.0")
    data = provider_that(tmp_path, speaks(tmp_path / "pid"))
    with attached(root_with(tmp_path, ONE), data, os.environ) as (address, line):
        assert (address, line) == ({}, ())


@pytest.mark.parametrize("text", [ONE, TWO], ids=["one", "two"])
@pytest.mark.parametrize("script", ["exit 1\n", "echo hello\n"])
def test_a_provider_that_does_not_start_is_left_to_terraform(
    tmp_path: Path, script: str, text: str
) -> None:
    data = provider_that(tmp_path, script)
    with attached(root_with(tmp_path, text), data, os.environ) as (address, line):
        assert (address, line) == ({}, ())


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
        f"with attached(Path({str(root)!r}), Path({str(data)!r}), os.environ) as (_, line):\n"
        "    child = subprocess.Popen(['sleep', '60'], pass_fds=line)\n"
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
