"""Tries mutants, each in a fork of this process: `python -m harness.mutants.worker N`.

Takes the path of a saved deployment on standard input, which may come later, and then ids of
mutants (joined by `+`; an empty line is the unweakened twin), one line each. Tries up to N lines at
once, and answers each with one JSON line as it ends. All imports are done once, before the first
fork: they take longer than most attempts. This process has one thread, so that forks are whole.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import signal
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from harness.deploy.deployment import Deployment
from harness.deploy.environment import OPERATIONS_ROOT
from harness.deploy.places import Places
from harness.deploy.provider import share
from harness.deploy.workspace import project_root
from harness.errors import UserError
from harness.mutants.attempt import Attempt, Grounds, attempt, output_to
from harness.mutants.catalogue import mutant
from harness.mutants.model import SECURITY
from harness.mutants.site import Site
from harness.probes.stage import Stage
from harness.targets.base import Target
from harness.targets.embedded import EmbeddedTarget

USES_THE_CLIENT = "tests/security/test_canaries.py"
LIMIT = 240
"""Seconds after which an attempt is ended."""

# What the suite imports.
_MODULES = (
    "langchain_aws",
    "langchain_core.messages",
    "_pytest.pytester",
    "harness.probes.hostile",
)
_SERVICES = {
    "bedrock": "list_inference_profiles",
    "bedrock-runtime": "list_async_invokes",
    "cloudtrail": "lookup_events",
    "cloudwatch": "describe_alarms",
    "events": "list_rules",
    "iam": "list_roles",
    "kinesis": "list_streams",
    "kms": "list_aliases",
    "lambda": "list_functions",
    "logs": "describe_log_groups",
    "oam": "list_links",
    "observabilityadmin": "list_centralization_rules_for_organization",
    "organizations": "describe_organization",
    "s3": "list_buckets",
    "secretsmanager": "list_secrets",
    "sns": "list_topics",
    "sqs": "list_queues",
    "sts": "get_caller_identity",
    "xray": "list_resource_policies",
}
"""Services that the suite asks, whose API models this process and the cloud load, with a call that
does little."""
_NOBODY = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "-", "SessionToken": None}
"""Whose calls are errors, which a service words in its own way."""


def serve(count: int) -> None:
    """Answers until standard input ends, which ends what is under way."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Nobody reads what else is said.
    os.dup2(2, 1)
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    for module in _MODULES:
        importlib.import_module(module)
    said = _first_line()
    if not said:
        return
    path = Path(said)
    deployment = Deployment.load(path)
    _warm_up(deployment, path)
    share(path.parent / "data" / OPERATIONS_ROOT, deployment.target().environ(None))
    with deployment.cloud().fork() as cloud:
        target = EmbeddedTarget(cloud)
        bare = deployment.on(target)
        Site(Stage.of(bare, target)).without_guardrails()
        for done in _tried(Grounds(deployment, bare, path.parent), count):
            print(done.as_json(), file=answers, flush=True)


def _first_line() -> str:
    """The first line of standard input, and not a byte of the next; empty where it ended."""
    said = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        said += byte
    return said.decode("utf-8") if byte else ""


def _warm_up(deployment: Deployment, path: Path) -> None:
    target = deployment.target()
    session = target.session(deployment.environment.operations_account)
    for service, call in _SERVICES.items():
        # Once here, and not in every fork; answers and errors are worded by different parts.
        for asker in (session, target.assumed(_NOBODY)):
            with contextlib.suppress(ClientError):
                getattr(target.client(asker, service, deployment.environment.region), call)()
    _read_trails(target, deployment)
    Places.of_project()
    _collect(path)
    gc.collect()
    gc.freeze()


def _collect(path: Path) -> None:
    """Have pytest import the suite, but for the tests that import the client, which a weakening may
    replace."""
    with output_to(Path(os.devnull)):
        pytest.main(
            [
                *("--collect-only", "--quiet", "-p", "no:cacheprovider", "--deployment", str(path)),
                f"--ignore={project_root() / USES_THE_CLIENT}",
                str(project_root() / SECURITY),
            ]
        )
    if any(name.split(".")[0] == "bulkhead" for name in sys.modules):
        raise UserError(f"more tests than {USES_THE_CLIENT} import the client as they are imported")


def _read_trails(target: Target, deployment: Deployment) -> None:
    """Have the events of the deployment made once, and not in every fork that is searched."""
    for place in Stage.of(deployment, target).places:
        trail = target.client(target.session(place.account), "cloudtrail", place.region)
        for _ in trail.get_paginator("lookup_events").paginate():
            pass


def _tried(grounds: Grounds, count: int) -> Iterator[Attempt]:
    """What came of each line of standard input, in the order they end; none when it ended."""
    said, waiting = b"", deque[str]()
    running: dict[int, _Forked] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        while True:
            while waiting and len(running) < count:
                started = _Forked(waiting.popleft(), grounds)
                running[started.ends] = started
                selector.register(started.ends, selectors.EVENT_READ)
            for key, _ in selector.select():
                if key.fd in running:
                    selector.unregister(key.fd)
                    yield running.pop(key.fd).answer()
                    continue
                chunk = os.read(0, 1 << 16)
                if not chunk:
                    for attempt in running.values():
                        attempt.abandon()
                    return
                *lines, said = (said + chunk).split(b"\n")
                waiting.extend(line.decode("utf-8").strip() for line in lines)


class _Forked:
    """One attempt in a child, which leaves its answer in a file."""

    def __init__(self, names: str, grounds: Grounds) -> None:
        self._names = names
        self._folder = tempfile.TemporaryDirectory(prefix="bulkhead-answer-")
        self._file = Path(self._folder.name) / "answer"
        # Nothing is written to it: it ends with the child.
        self.ends, held = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            _try(names, grounds, self._file)
        os.close(held)

    def answer(self) -> Attempt:
        """What came of it; to be asked when it has ended."""
        _, status = os.waitpid(self._child, 0)
        os.close(self.ends)
        with self._folder:
            if self._file.exists():
                return Attempt.from_json(self._file.read_text(encoding="utf-8"))
        reason = f"ended with status {os.waitstatus_to_exitcode(status)}"
        return Attempt(self._names, 0.0, error=f"the attempt said nothing: {reason}")

    def abandon(self) -> None:
        """Ends it, with what it started in its group, if it has one yet."""
        for end in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError):
                end(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)
        self._folder.cleanup()


def _try(names: str, grounds: Grounds, answer: Path) -> None:
    """In the child: never returns."""
    try:
        signal.alarm(LIMIT)
        os.setpgid(0, 0)
        mutants = [mutant(name) for name in names.split("+") if name]
        answer.write_text(attempt(mutants, grounds).as_json(), encoding="utf-8")
    except BaseException as error:
        answer.write_text(
            Attempt(names, 0.0, error=f"{type(error).__name__}: {error}").as_json(),
            encoding="utf-8",
        )
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
