"""A LocalStack behind the gateway as a target: the gateway decides, LocalStack stores and answers.

To whoever calls, it is an embedded cloud: the same endpoint, profiles and denials. What LocalStack
does not have, the gateway's own services and moto supply (docs/targets.md).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from localstack_client import config

from harness.errors import UserError
from harness.targets.embedded import EmbeddedTarget

VENV = ".venv-localstack"
HOST_VARIABLE = "LOCALSTACK_HOST"
_RUNTIME = Path(__file__).with_name("localstack_runtime.py")
_HOST = "127.0.0.1"
_START_TIMEOUT = 120.0
_LOOK = 0.2
_TAIL = 3
# It downloads nothing, tells nobody of events, and serves names to nobody.
_SETTINGS = {
    "DISABLE_EVENTS": "1",
    "DNS_ADDRESS": "0",
    "OVERRIDE_IN_DOCKER": "0",
    "SERVICES": "iam,kms,logs",
    "SKIP_SSL_CERT_DOWNLOAD": "1",
}
# With these it would write requests, and what is in them, to its log or to files that stay.
_WITHHELD = frozenset({"DEBUG", "LS_LOG", "PERSISTENCE"})


class LocalStackTarget(EmbeddedTarget):
    """A running cloud whose IAM, KMS and Logs are a LocalStack's."""

    name = "localstack"

    def __repr__(self) -> str:
        return f"LocalStackTarget({self.endpoint_url!r})"


def host_of(endpoint: str) -> str:
    """`HOST:PORT` of an endpoint as `--endpoint` and `LOCALSTACK_HOST` take it.

    Raises `UserError` where it is none.
    """
    text = endpoint.removeprefix("http://").removesuffix("/")
    try:
        host, port = config.parse_localstack_host(text)
    except RuntimeError:
        host, port = "", 0
    if not text or "/" in host or not 0 < port < 65536:
        raise UserError(f"{endpoint} is no endpoint of a LocalStack; write http://HOST:PORT")
    return f"{host}:{port}"


def python(root: Path) -> Path:
    """The Python that has LocalStack's open core. Raises `UserError` that says how to get it."""
    found = root / VENV / "bin" / "python"
    if not (root / VENV / ".installed").exists() or not found.exists():
        raise UserError(
            f"no LocalStack is installed in {VENV}: run `make localstack` (it needs Python 3.13), "
            f"or name one that runs with --endpoint or {HOST_VARIABLE}"
        )
    return found


@contextlib.contextmanager
def running(root: Path, folder: Path) -> Iterator[str]:
    """Within, LocalStack's open core runs with its files in `folder`; yields `HOST:PORT`.

    `root` is the project, in which `make localstack` has installed it. It ends with this process,
    too. Raises `UserError` where it is not installed or does not start.
    """
    interpreter = python(root)
    files = folder / "localstack"
    files.mkdir(parents=True, exist_ok=True)
    log = folder / "localstack.log"
    host = f"{_HOST}:{_free_port()}"
    environ = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("AWS_", "PYTHON")) and k not in _WITHHELD
    }
    environ |= _SETTINGS
    environ |= {"FILESYSTEM_ROOT": str(files), "GATEWAY_LISTEN": host, "HOME": str(files)}
    with log.open("wb") as out:
        process = subprocess.Popen(
            # -P: what happens to lie in the folder is no module of LocalStack's.
            [str(interpreter), "-P", str(_RUNTIME)],
            cwd=files,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    try:
        _wait(process, host, log)
        yield host
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(files, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], host: str, log: Path) -> None:
    """Returns when it answers. Raises `UserError` where it ends or takes too long."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + _START_TIMEOUT
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError):
            opener.open(f"http://{host}/_localstack/health", timeout=5).close()
            return
        time.sleep(_LOOK)
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_TAIL:]
    raise UserError(f"LocalStack did not start ({' / '.join(lines) or 'no output'}); see {log}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
