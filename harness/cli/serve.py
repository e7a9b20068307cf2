"""A cloud in the foreground: started, announced, ended by Ctrl-C or by a termination signal."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import click

from harness.cli.quota_option import read_quotas
from harness.cloud.plan import CREDENTIALS_HEAD, CloudPlan
from harness.cloud.process import CloudProcess
from harness.errors import UserError

_LOOK = 0.5


def serve(
    port: int,
    accounts: tuple[str, ...],
    credentials: Path,
    quotas: tuple[str, ...] = (),
    issuers: tuple[str, ...] = (),
    profile_key: str | None = None,
) -> None:
    """Runs a cloud with these accounts, all in no organization, until Ctrl-C.

    `quotas` are in the form of `quota_option`. `issuers` are `URL=FILE`: whose tokens
    AssumeRoleWithWebIdentity can verify, by which keys. `profile_key` is a value of
    `InferenceProfileKey`. Raises `UserError`.
    """
    doubled = sorted({a for a in accounts if accounts.count(a) > 1})
    if doubled:
        raise UserError(f"--account {doubled[0]} is given twice; give each once")
    plan = CloudPlan(
        accounts,
        quotas=read_quotas(quotas, accounts),
        issuers=dict(map(_issuer, issuers)),
        inference_profile_key=profile_key,
    )
    # Another file's profiles would be lost: the cloud writes its file whole.
    refuse_own_credentials(credentials)
    with (
        terminable(),
        CloudProcess.start(plan, credentials=credentials.absolute(), port=port) as cloud,
    ):
        announce(cloud)
        click.echo("# Ctrl-C ends the cloud; everything in it is gone then.")
        wait_for_end(cloud)


def announce(cloud: CloudProcess) -> None:
    """Prints what points a tool at the cloud, so that a shell can read it."""
    click.echo(f"export AWS_ENDPOINT_URL={cloud.endpoint}")
    click.echo(f"export AWS_SHARED_CREDENTIALS_FILE={shlex.quote(str(cloud.credentials))}")
    click.echo("export AWS_CONFIG_FILE=/dev/null")


def wait_for_end(cloud: CloudProcess) -> None:
    """Returns at Ctrl-C or a termination signal. Raises `UserError` when the cloud ends itself, or
    the LocalStack behind it."""
    with contextlib.suppress(KeyboardInterrupt):
        while answers(cloud.endpoint):
            if cloud.behind and not answers(cloud.behind):
                raise UserError(
                    f"the LocalStack at {cloud.behind} answers no more, and what it stored is gone "
                    "with it; apply again"
                )
            time.sleep(_LOOK)
        raise UserError("the embedded cloud ended by itself")


def answers(endpoint: str) -> bool:
    """Whether something listens there."""
    host, _, port = endpoint.removeprefix("http://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP end the command as Ctrl-C does, so that nothing is left behind."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {s: signal.signal(s, end) for s in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _issuer(option: str) -> tuple[str, Mapping[str, Any]]:
    url, _, name = option.partition("=")
    if not url.startswith("https://") or not name:
        raise UserError(f"--issuer {option} is not an issuer; write https://ISSUER=FILE")
    try:
        keys = json.loads(Path(name).read_text())
    except (OSError, ValueError) as error:
        raise UserError(
            f"--issuer {option}: {name} cannot be read as JSON ({error}); give a key set"
        ) from None
    if not isinstance(keys, dict) or not isinstance(keys.get("keys"), list):
        raise UserError(f"--issuer {option}: {name} has no list `keys`; give a key set (JWKS)")
    return url, keys


def refuse_own_credentials(path: Path) -> None:
    """Raises `UserError` where a cloud would overwrite credentials that no cloud wrote."""
    own = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials").expanduser()
    default = Path("~/.aws/credentials").expanduser()
    if path.absolute() != default and _of_a_cloud(path):
        # The variables that the last cloud printed are still set in this shell.
        return
    if path.absolute() == default or (path.exists() and own.exists() and path.samefile(own)):
        raise UserError(
            f"--credentials {path} is your own credentials file and would be overwritten; "
            "name another"
        )


def _of_a_cloud(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().strip() == CREDENTIALS_HEAD
    except (OSError, UnicodeDecodeError):
        return False
