"""One embedded deployment for all pytest processes of a run.

Whoever needs it first deploys while the others wait. A cloud ends with the process that started it,
so that process stays until nobody uses the deployment any more. File locks, which the system
releases when a process dies, do the counting.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from harness.cloud.process import CloudProcess
from harness.deploy.apply import DEPLOYMENT_FILE, deploy
from harness.deploy.embedded_plan import cloud_plan
from harness.deploy.environment import Environment, load_environment
from harness.deploy.workspace import environment_folder, private_folder, runs_folder
from harness.errors import UserError
from harness.targets.embedded import EmbeddedTarget

NAME = "embedded"
_PAUSE = 0.1


def embedded_environment(root: Path) -> Environment:
    """The environment that tests deploy when they are given no deployment."""
    return load_environment(environment_folder(NAME, root))


class SharedDeployment:
    """This process's hold on the deployment of its run."""

    def __init__(self, root: Path, run: str) -> None:
        self._root = root
        self._folder = runs_folder(root) / f"test-{run}"
        self._saved = self._folder / DEPLOYMENT_FILE
        self._failed = self._folder / "failed"
        self._cloud: CloudProcess | None = None
        self._use: IO[str] | None = None

    def path(self) -> Path:
        """The saved deployment, made now if nobody has.

        Raises `UserError` when it cannot be made; later calls of any process then fail at once,
        for the same reason.
        """
        private_folder(self._folder)
        with self._alone():
            if self._use is None:
                if self._failed.exists():
                    raise UserError(self._failed.read_text(encoding="utf-8"))
                if not self._saved.exists():
                    self._deploy()
                self._use = (self._folder / "users").open("a", encoding="utf-8")
                fcntl.flock(self._use, fcntl.LOCK_SH)
        return self._saved

    def close(self) -> None:
        """Give up this process's hold. The process that started the cloud waits for the others and
        stops it; who asks later starts another."""
        if self._use is not None:
            self._use.close()
            self._use = None
        while self._cloud is not None:
            with self._alone(), (self._folder / "users").open("a", encoding="utf-8") as users:
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    pass
                else:
                    self._saved.unlink(missing_ok=True)
                    self._cloud.stop()
                    self._cloud = None
            if self._cloud is not None:
                time.sleep(_PAUSE)

    def remove(self) -> None:
        """Remove what the run left behind, external ids included, once nobody uses it."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _deploy(self) -> None:
        try:
            environment = embedded_environment(self._root)
            cloud = CloudProcess.start(
                cloud_plan(environment), credentials=self._folder / "credentials"
            )
            self._cloud = cloud
            deploy(environment, lambda: EmbeddedTarget(cloud), self._folder)
        except UserError as error:
            self._failed.write_text(str(error), encoding="utf-8")
            raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self._folder / "lock").open("a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
