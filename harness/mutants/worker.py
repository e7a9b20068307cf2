"""Tries mutants, each in a fork of this process: `python -m harness.mutants.worker DEPLOYMENT`.

Takes ids of mutants (joined by `+`; an empty line is the unweakened twin) on standard input, one
line each, and answers each with one JSON line. All imports are done once, before the first fork:
they take longer than most attempts. This process has one thread, so that forks are whole.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from harness.deploy.deployment import Deployment
from harness.deploy.workspace import project_root
from harness.errors import UserError
from harness.mutants.attempt import Attempt, Grounds, attempt, output_to
from harness.mutants.catalogue import mutant
from harness.mutants.model import SECURITY
from harness.mutants.site import Site
from harness.probes.stage import Stage
from harness.targets.embedded import EmbeddedTarget

USES_THE_CLIENT = "tests/security/test_canaries.py"
LIMIT = 240
"""Seconds after which an attempt is ended."""

# What the suite imports, and the services whose API models it loads.
_MODULES = (
    "langchain_aws",
    "langchain_core.messages",
    "_pytest.pytester",
    "harness.probes.hostile",
)
_SERVICES = (
    *("bedrock", "bedrock-runtime", "cloudtrail", "cloudwatch", "events", "iam", "kinesis", "kms"),
    *("lambda", "logs", "oam", "observabilityadmin", "organizations", "s3", "secretsmanager"),
    *("sns", "sqs", "sts", "xray"),
)


def serve(path: Path) -> None:
    """Answers until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Nobody reads what else is said.
    os.dup2(2, 1)
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    deployment = Deployment.load(path)
    _warm_up(deployment, path)
    with deployment.cloud().fork() as cloud:
        target = EmbeddedTarget(cloud)
        bare = deployment.on(target)
        Site(Stage.of(bare, target)).without_guardrails()
        for line in sys.stdin:
            done = _forked(line.strip(), Grounds(deployment, bare, path.parent))
            print(done.as_json(), file=answers, flush=True)


def _warm_up(deployment: Deployment, path: Path) -> None:
    for module in _MODULES:
        importlib.import_module(module)
    target = deployment.target()
    session = target.session(deployment.environment.operations_account)
    for service in _SERVICES:
        target.client(session, service, deployment.environment.region)
    _read_trails(target, deployment)
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


def _read_trails(target: EmbeddedTarget, deployment: Deployment) -> None:
    """Have the events of the deployment made once, and not in every fork that is searched."""
    for place in Stage.of(deployment, target).places:
        trail = target.client(target.session(place.account), "cloudtrail", place.region)
        for _ in trail.get_paginator("lookup_events").paginate():
            pass


def _forked(names: str, grounds: Grounds) -> Attempt:
    """One attempt in a child, which leaves its answer in a file."""
    with tempfile.TemporaryDirectory(prefix="bulkhead-answer-") as folder:
        answer = Path(folder) / "answer"
        child = os.fork()
        if child == 0:
            _try(names, grounds, answer)
        _, status = os.waitpid(child, 0)
        if answer.exists():
            return Attempt.from_json(answer.read_text(encoding="utf-8"))
        reason = f"ended with status {os.waitstatus_to_exitcode(status)}"
        return Attempt(names, 0.0, error=f"the attempt said nothing: {reason}")


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
    serve(Path(sys.argv[1]))
