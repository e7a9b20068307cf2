"""Bare moto, to measure the embedded cloud against: `python -m harness.bench.bare_moto [serve]`.

In a process of its own, since the embedded cloud adapts the moto of its process. Its list of
modules is read once instead of at every request, or moto would lose by that alone. With `serve` it
answers over HTTP on a free port, which it prints, until its standard input ends. Otherwise it
prints the CPU seconds that one AssumeRole takes.
"""

from __future__ import annotations

import io
import json
import statistics
import sys
import threading
import time
from typing import Any
from urllib.parse import urlencode

import moto.backends as moto_backends
from moto.moto_server import werkzeug_app

from harness.cloud.http_server import LoopbackServer

ROUNDS = 300
ACCOUNT = "123456789012"
KEY = "AKIAIOSFODNN7EXAMPLE"


def application() -> Any:
    """moto's own server, its module list read once."""
    modules = list(moto_backends.list_of_moto_modules())
    moto_backends.list_of_moto_modules = lambda: iter(modules)
    app: Any = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)
    turn = threading.Lock()

    def taking_turns(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        # Calls at once fail in moto now and then, and it only computes: turns cost nothing.
        with turn:
            return [b"".join(app(environ, start_response))]

    return taking_turns


def _ask(app: Any, service: str, parameters: dict[str, str]) -> bytes:
    body = urlencode(parameters).encode()
    scope = f"Credential={KEY}/20260101/eu-central-1/{service}/aws4_request"
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-8",
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "127.0.0.1",
    }
    status: list[str] = []
    answer = b"".join(app(environ, lambda said, _headers, _error=None: status.append(said)))
    assert status == ["200 OK"], (status, answer)
    return answer


def assume_role_seconds() -> float:
    """CPU seconds of one AssumeRole of a role that exists: the median."""
    app = application()
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    _ask(
        app,
        "iam",
        {
            "Action": "CreateRole",
            "Version": "2010-05-08",
            "RoleName": "bench",
            "AssumeRolePolicyDocument": trust,
        },
    )
    wanted = {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/bench",
        "RoleSessionName": "bench",
        "ExternalId": f"{3:032}",
    }
    taken = []
    for _ in range(ROUNDS):
        started = time.process_time()
        _ask(app, "sts", wanted)
        taken.append(time.process_time() - started)
    return statistics.median(taken[ROUNDS // 10 :])


def serve() -> None:
    """Prints the port and answers until standard input ends."""
    server = LoopbackServer(application())
    server.start()
    print(server.port, flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        print(assume_role_seconds())
