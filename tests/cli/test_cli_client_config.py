"""`bulkhead config`: an application can be run by hand in a running environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.client_config import write_client_config
from harness.deploy.deployment import Deployment
from harness.errors import UserError

APPLICATION = Path(__file__).parents[2] / "client" / "examples" / "application.py"


def test_what_it_prints_runs_the_example(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_client_config(deployment, tmp_path, "globex", None)
    printed = capsys.readouterr().out
    exports = dict(
        line.removeprefix("export ").split("=", 1)
        for line in printed.splitlines()
        if line.startswith("export ")
    )
    (command,) = [line for line in printed.splitlines() if "application.py" in line]
    # As it stands there, it runs from here: the interpreter of this environment, not `python`.
    python = command.removeprefix("#").split()[0]
    assert Path(python).absolute() == Path(sys.executable)
    arguments = command.split("application.py ")[1].split()
    done = subprocess.run(
        [sys.executable, str(APPLICATION), *arguments, "--way", "invoke"],
        env={k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | exports,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "records: 1 of 1 delivered" in done.stdout


def test_the_file_is_private_and_the_external_id_is_nowhere(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_client_config(deployment, tmp_path, "acme", "222222222223")
    printed = capsys.readouterr().out
    (file,) = (tmp_path / "clients").iterdir()
    assert file.name == "222222222223.credentials"
    assert file.stat().st_mode & 0o077 == 0
    secret = deployment.fleets["acme"].external_id
    assert secret not in printed
    assert secret not in file.read_text()


def test_another_region_has_a_document_of_its_own(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_client_config(deployment, tmp_path, "acme", "222222222222", "eu-west-1")
    printed = capsys.readouterr().out
    source = deployment.accounts["222222222222"].configuration["eu-west-1"]
    assert source.endswith(":parameter/bulkhead/acme/client/eu-west-1")
    assert f" --config {source} " in printed
    with pytest.raises(UserError, match="globex has no region eu-west-1; it has eu-central-1"):
        write_client_config(deployment, tmp_path, "globex", None, "eu-west-1")


@pytest.mark.parametrize(
    ("customer", "account", "said"),
    [
        ("nobody", None, "there are acme, globex, initech"),
        ("acme", None, "222222222222, 222222222223; name one"),
        ("globex", "222222222222", "it has 333333333333"),
    ],
)
def test_what_is_not_there_is_said(
    deployment: Deployment, tmp_path: Path, customer: str, account: str | None, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        write_client_config(deployment, tmp_path, customer, account)
    assert not list(tmp_path.iterdir())
