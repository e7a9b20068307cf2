"""The command line: what people see when it works, when they err, and when they press Ctrl-C."""

from __future__ import annotations

import configparser
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner

from harness.cli import EXIT_INTERRUPTED, EXIT_USAGE, start
from harness.cli.commands import commands, run
from harness.cli.options import Hours
from harness.cli.serve import refuse_own_credentials
from harness.cloud.plan import CREDENTIALS_HEAD
from harness.errors import UserError

NAMES = (
    *("apply", "audit", "cloud", "config", "customer", "decide", "demo", "deployed", "destroy"),
    "diff",
    *("drift", "preflight", "snapshot", "sweep", "validate", "verify"),
)
BULKHEAD = [sys.executable, "-c", "from harness.cli import main; main()"]


def test_help_names_every_command() -> None:
    result = CliRunner().invoke(commands, ["--help"])
    assert result.exit_code == 0
    for name in NAMES:
        assert f"\n  {name} " in result.output


def test_help_says_what_each_command_does_in_whole_sentences(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    printed = CliRunner().invoke(commands, ["--help"]).output
    assert "..." not in printed.replace("[ARGS]...", "")
    assert (
        "what the gateway and the client's logging cost, and how long the jobs of ENV take."
        in " ".join(printed.split())
    )
    assert max(map(len, printed.splitlines())) <= 80


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help(name: str) -> None:
    result = CliRunner().invoke(commands, [name, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith("Usage:")


@pytest.mark.parametrize("hours", ["nan", "-1", "inf", "721", "soon"])
def test_a_grace_is_a_number_of_hours(hours: str) -> None:
    command = ["customer", "rotate-external-id", "embedded", "acme", "--grace", hours]
    result = CliRunner().invoke(commands, command)
    assert result.exit_code == EXIT_USAGE
    assert "Invalid value for '--grace'" in result.output


@pytest.mark.parametrize("hours", ["0", "0.02", "720"])
def test_a_grace_may_be_short_or_a_month(hours: str) -> None:
    assert Hours(0, 24 * 30).convert(hours, None, None) == float(hours)


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from harness.cli.commands import run, commands; run(commands, ['--help']);"
        "bad = {'boto3', 'moto', 'rich', 'pytest'} & set(sys.modules); sys.exit(bool(bad))"
    )
    assert subprocess.run([sys.executable, "-c", script], stdout=subprocess.DEVNULL).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verify", "nowhere"], "no environment 'nowhere'"),
        (["cloud", "--account", "123", "--credentials", "x"], "not an account id"),
        (["cloud", "--credentials", "x"], "--account"),
        (["cloud", "--account", "111111111111"], "--credentials"),
        (["apply"], "ENV"),
        (["config", "embedded"], "CUSTOMER"),
        (["config", "embedded", "acme", "12"], "not an account id"),
        (["fly"], "fly"),
    ],
)
def test_bad_input_exits_2_without_traceback(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(commands, arguments) == EXIT_USAGE
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err


def test_an_account_twice_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    twice = ["--account", "111111111111"] * 2
    assert run(commands, ["cloud", *twice, "--credentials", str(tmp_path / "c")]) == EXIT_USAGE
    assert "given twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "content", "said"),
    [
        ("http://issuer={}", '{"keys": []}', "write https://ISSUER=FILE"),
        ("https://issuer", "", "write https://ISSUER=FILE"),
        ("https://issuer={}", "keys", "cannot be read as JSON"),
        ("https://issuer={}", "[]", "has no list `keys`"),
    ],
)
def test_an_issuer_has_a_key_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, content: str, said: str
) -> None:
    file = tmp_path / "keys.json"
    file.write_text(content, encoding="utf-8")
    arguments = ["--account", "111111111111", "--credentials", str(tmp_path / "c")]
    given = ["cloud", *arguments, "--issuer", option.format(file)]
    assert run(commands, given) == EXIT_USAGE
    assert said in capsys.readouterr().err


def test_your_own_credentials_are_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own"
    own.write_text("[default]\n", encoding="utf-8")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(own))
    arguments = ["cloud", "--account", "111111111111", "--credentials", str(own)]
    assert run(commands, arguments) == EXIT_USAGE
    assert "would be overwritten" in capsys.readouterr().err
    assert own.read_text(encoding="utf-8") == "[default]\n"


def test_what_a_cloud_wrote_may_be_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the shell that has its variables set; but never in the place of people's own."""
    written = tmp_path / ".aws" / "credentials"
    written.parent.mkdir()
    written.write_text(f"{CREDENTIALS_HEAD}\n[111111111111]\n", encoding="utf-8")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(written))
    refuse_own_credentials(written)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UserError, match="would be overwritten"):
        refuse_own_credentials(written)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("a: 1", "b: 2"), EXIT_USAGE, "bulkhead: a: 1\nbulkhead: b: 2\n"),
        (
            UserError("customers.yaml:3:\n  wrong"),
            EXIT_USAGE,
            "bulkhead: customers.yaml:3: wrong\n",
        ),
        (KeyboardInterrupt(), EXIT_INTERRUPTED, "bulkhead: interrupted\n"),
        (
            OSError(errno.EROFS, "Read-only file system", "a/b"),
            EXIT_USAGE,
            "bulkhead: a/b: Read-only file system\n",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            EXIT_USAGE,
            "bulkhead: a file: No space left on device\n",
        ),
    ],
)
def test_errors_take_one_line(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(**_options: object) -> None:
        raise error

    assert run(command) == code
    assert capsys.readouterr().err == said


def test_an_error_that_is_a_bug_keeps_its_traceback() -> None:
    def command(**_options: object) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    with pytest.raises(OSError, match="Bad file"):
        run(command)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_cloud_of_its_own_serves_and_ends_with_the_command(
    tmp_path: Path, end: signal.Signals
) -> None:
    accounts = ["111111111111", "222222222222"]
    credentials = tmp_path / "credentials"
    options = [option for account in accounts for option in ("--account", account)]
    process = subprocess.Popen(
        [*BULKHEAD, "cloud", *options, "--credentials", str(credentials)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        exports = dict(
            line.removeprefix("export ").strip().split("=", 1)
            for line in (process.stdout.readline() for _ in range(3))
        )
        assert credentials.stat().st_mode & 0o077 == 0
        assert credentials.read_text(encoding="utf-8").startswith(CREDENTIALS_HEAD)
        profiles = configparser.RawConfigParser()
        profiles.read(credentials)
        for account in accounts:
            profile = profiles[account]
            sts = boto3.client(
                "sts",
                region_name="us-east-1",
                endpoint_url=exports["AWS_ENDPOINT_URL"],
                aws_access_key_id=profile["aws_access_key_id"],
                aws_secret_access_key=profile["aws_secret_access_key"],
            )
            assert sts.get_caller_identity()["Account"] == account
        process.send_signal(end)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert "Traceback" not in err
    assert gone(exports["AWS_ENDPOINT_URL"])


def gone(endpoint: str) -> bool:
    host, _, port = endpoint.removeprefix("http://").rpartition(":")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_a_taken_port_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        arguments = ["--port", port, "--account", "111111111111"]
        code = run(commands, ["cloud", *arguments, "--credentials", str(tmp_path / "c")])
    assert code == EXIT_USAGE
    err = capfd.readouterr().err
    assert f"did not start: port {port} is taken; name another, or 0 for a free one" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["apply", "demo", "baseline"])
def test_profiles_of_real_accounts_are_not_overlooked(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever names them and forgets the target does not mean a cloud on this machine."""
    assert start([command, "embedded", "--profile", "111111111111=me"]) == 2
    assert "--profile is for real accounts; give --target aws" in capsys.readouterr().err
