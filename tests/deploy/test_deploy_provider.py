"""One provider process for a whole command: when there is one, and that it always ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.processes import ends, is_alive

from harness.deploy.provider import VARIABLE, attached
from harness.deploy.toolchain import current_platform

ONE = 'provider "aws" {\n  region = "eu-west-1"\n}\n'
TWO = ONE + '\nprovider "aws" {\n  alias = "other"\n}\n'
SPEAKS = f"""echo "$$" > "{{pid}}"
echo "{VARIABLE}='{{{{\\"here\\": 1}}}}'"
exec sleep 60
"""


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
    data = provider_that(tmp_path, SPEAKS.format(pid=pid))
    with attached(root_with(tmp_path, ONE), data, os.environ) as (address, line):
        assert address == {VARIABLE: '{"here": 1}'}
        assert len(line) == 1
        process = int(pid.read_text())
        assert is_alive(process)
    assert ends(process)


def test_a_root_of_several_configurations_starts_its_own(tmp_path: Path) -> None:
    data = provider_that(tmp_path, SPEAKS.format(pid=tmp_path / "pid"))
    with attached(root_with(tmp_path, TWO), data, os.environ) as (address, line):
        assert (address, line) == ({}, ())
    assert not (tmp_path / "pid").exists()


def test_one_of_several_releases_is_not_guessed(tmp_path: Path) -> None:
    provider_that(tmp_path, SPEAKS.format(pid=tmp_path / "pid"), "5.101.0")
    data = provider_that(tmp_path, SPEAKS.format(pid=tmp_path / "pid"))
    with attached(root_with(tmp_path, ONE), data, os.environ) as (address, line):
        assert (address, line) == ({}, ())


@pytest.mark.parametrize("script", ["exit 1\n", "echo hello\n"])
def test_a_provider_that_does_not_start_is_left_to_terraform(tmp_path: Path, script: str) -> None:
    data = provider_that(tmp_path, script)
    with attached(root_with(tmp_path, ONE), data, os.environ) as (address, line):
        assert (address, line) == ({}, ())


def test_the_provider_ends_with_whoever_started_it(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    data = provider_that(tmp_path, SPEAKS.format(pid=pid))
    root = root_with(tmp_path, ONE)
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


def test_the_provider_stays_for_a_terraform_that_has_its_line(tmp_path: Path) -> None:
    """So that a Terraform whose starter was killed comes to its end."""
    pid, other = tmp_path / "pid", tmp_path / "other"
    data = provider_that(tmp_path, SPEAKS.format(pid=pid))
    root = root_with(tmp_path, ONE)
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
