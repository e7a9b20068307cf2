"""A cloud in a process of its own, and its handle: start, fork, stop.

The process ends when its starter does. A fork is an isolated copy of the loaded cloud on another
port: it knows the same access keys, so the credentials file of the original serves it too.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from harness.cloud.asked import requests
from harness.cloud.plan import CloudPlan, OrganizationPlan, QuotaPlan
from harness.errors import UserError
from harness.iam import Request

_START_TIMEOUT = 60.0


@dataclass(slots=True)
class CloudProcess:
    """A running cloud: where it listens and how it is told to fork or stop."""

    endpoint: str
    credentials: Path
    control: Path
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)
    behind: str | None = None
    """`HOST:PORT` of the LocalStack behind it, where the starter knows of one."""

    @classmethod
    def start(cls, plan: CloudPlan, *, credentials: Path, port: int = 0) -> CloudProcess:
        """Start a cloud with `plan`'s accounts; returns when it answers.

        Writes `credentials`. Raises `UserError` where it cannot start, for instance on a port
        that is taken.
        """
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "harness.cloud.worker",
                json.dumps(asdict(plan)),
                str(credentials),
                str(port),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_environ(plan),
            # Signals of a terminal are for the starter, which decides when the cloud ends.
            process_group=0,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            process.wait(_START_TIMEOUT)
            raise UserError(f"the embedded cloud did not start (exit code {process.returncode})")
        said = json.loads(line)
        if "error" in said:
            process.wait(_START_TIMEOUT)
            raise UserError(f"the embedded cloud did not start: {said['error']}")
        return cls(said["endpoint"], credentials, Path(said["control"]), process, plan.localstack)

    @classmethod
    def attach(cls, endpoint: str, credentials: Path, control: Path) -> CloudProcess:
        """The handle of a cloud that another process started."""
        return cls(endpoint, credentials, control)

    def fork(self, credentials: Path | None = None) -> CloudProcess:
        """An isolated copy of the cloud as it is now. It ends with `stop`, or with the starter."""
        said = self._ask({"do": "fork"})
        return CloudProcess(
            said["endpoint"], credentials or self.credentials, Path(said["control"])
        )

    def open_account(self, account: str, management_account: str = "") -> None:
        """Have one more account, a member of the organization of `management_account` or of none,
        and its administrator among the credentials. One that is there stays as it is."""
        self._ask(
            {
                "do": "open",
                "account": account,
                "management_account": management_account,
                "credentials": str(self.credentials),
            }
        )

    def age_sessions(self, seconds: int) -> None:
        """Make every STS session older by `seconds`, so that expiry need not be waited for."""
        self._ask({"do": "age", "seconds": seconds})

    def explain(self, request_id: str) -> dict[str, Any] | None:
        """What was decided for a request and by which statements; see `trace.Trace.explain`."""
        decision: dict[str, Any] | None = self._ask({"do": "explain", "request": request_id})[
            "decision"
        ]
        return decision

    def asked(self, principal: str) -> list[Request]:
        """The permissions that a principal (the ARN of a user or role) asked for and was given,
        each once for each resource."""
        return requests(self._ask({"do": "asked", "principal": principal})["asked"])

    def differences(self) -> list[str]:
        """How what a LocalStack behind the gateway holds differs from what the gateway decides on,
        one line each. Raises RuntimeError where LocalStack does not answer."""
        lines: list[str] = self._ask({"do": "compare"})["differences"]
        return lines

    def stop(self) -> None:
        """End the cloud. Stopping one that has ended is not an error."""
        with contextlib.suppress(OSError, ValueError):
            self._ask({"do": "stop"})
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def __enter__(self) -> CloudProcess:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(_START_TIMEOUT)
            link.connect(str(self.control))
            link.sendall(json.dumps(question).encode() + b"\n")
            answer = link.makefile().readline()
        said: dict[str, Any] = json.loads(answer)
        if "error" in said:
            raise RuntimeError(f"the embedded cloud could not {question['do']}: {said['error']}")
        return said


def _environ(plan: CloudPlan) -> dict[str, str] | None:
    """The environment of the process; `None`: this one's."""
    if plan.localstack is None:
        return None
    # A variable that names an endpoint or a profile would lead to another place than LocalStack.
    return {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}


def plan_from(text: str) -> CloudPlan:
    """A plan from its JSON form."""
    data = json.loads(text)
    return CloudPlan(
        accounts=tuple(data["accounts"]),
        organizations=tuple(
            OrganizationPlan(o["management_account"], tuple(o["accounts"]))
            for o in data["organizations"]
        ),
        issuers=data.get("issuers", {}),
        quotas=tuple(QuotaPlan(**quota) for quota in data["quotas"]),
        administrator=data["administrator"],
        inference_profile_key=data.get("inference_profile_key"),
        localstack=data.get("localstack"),
    )
