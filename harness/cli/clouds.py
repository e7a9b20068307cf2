"""Which cloud an environment is deployed in on this machine, and how one is started."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from harness.cloud.process import CloudProcess
from harness.deploy.embedded_plan import cloud_plan
from harness.deploy.environment import Environment
from harness.deploy.workspace import private_folder, project_root, runs_folder
from harness.errors import UserError
from harness.targets.embedded import EmbeddedTarget
from harness.targets.localstack import HOST_VARIABLE, LocalStackTarget, host_of, python, running


@dataclass(frozen=True, slots=True)
class Kind:
    """An embedded cloud, by itself or with a LocalStack behind it."""

    localstack: bool = False
    host: str | None = None
    """`HOST:PORT` of a LocalStack that runs; `None`: one is started."""

    @classmethod
    def of(cls, target: str, endpoint: str | None) -> Kind:
        """From the options of a command and the environment. Raises `UserError`."""
        if target != LocalStackTarget.name:
            if endpoint is not None:
                raise UserError("--endpoint names a LocalStack; give --target localstack with it")
            return cls()
        given = endpoint or os.environ.get(HOST_VARIABLE) or None
        return cls(localstack=True, host=None if given is None else host_of(given))

    def need(self) -> None:
        """Raises `UserError` where what would be started is not installed."""
        if self.localstack and self.host is None:
            python(project_root())

    @property
    def words(self) -> str:
        """What is started."""
        if not self.localstack:
            return "an embedded cloud"
        where = f"the LocalStack at {self.host}" if self.host else "LocalStack"
        return f"an embedded cloud with {where} behind it"

    @property
    def option(self) -> str:
        """What other commands need to be told, to find it."""
        return f" --target {LocalStackTarget.name}" if self.localstack else ""

    def folder(self, environment: Environment) -> Path:
        """Where states and reports lie."""
        name = environment.name
        return private_folder(runs_folder() / (f"{name}-localstack" if self.localstack else name))

    @contextlib.contextmanager
    def started(
        self, environment: Environment, folder: Path
    ) -> Iterator[tuple[CloudProcess, EmbeddedTarget]]:
        """Within, a cloud with the environment's accounts runs. Raises `UserError`."""
        plan = cloud_plan(environment)
        with contextlib.ExitStack() as stack:
            if self.localstack:
                host = self.host or stack.enter_context(running(project_root(), folder))
                plan = replace(plan, localstack=host)
            cloud = CloudProcess.start(plan, credentials=folder / "credentials")
            stack.enter_context(cloud)
            yield cloud, LocalStackTarget(cloud) if self.localstack else EmbeddedTarget(cloud)
