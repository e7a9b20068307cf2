"""What an apply would make, and what that costs, from applying the very files to a throwaway cloud.

No plan can say it before the accounts are bootstrapped, since the roles that plan are not there
yet. The rehearsal is remembered until a file of the environment or a module changes.

Prices are list prices of us-east-1 from the pricing pages, looked up by hand and not asked of AWS:
https://aws.amazon.com/kms/pricing/ https://aws.amazon.com/cloudwatch/pricing/
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.cloud.process import CloudProcess
from harness.deploy.apply import deploy
from harness.deploy.embedded_plan import cloud_plan
from harness.deploy.environment import Environment
from harness.deploy.run import RootEvent
from harness.deploy.terraform import type_of
from harness.deploy.workspace import project_root, runs_folder, write_private
from harness.targets.embedded import EmbeddedTarget

FILE = "rehearsal.json"
MONTHLY: Mapping[str, float] = {
    "aws_kms_key": 1.00,
    # By each metric it looks at; ours look at up to four.
    "aws_cloudwatch_metric_alarm": 0.40,
    "aws_cloudwatch_dashboard": 3.00,
    "aws_budgets_budget_action": 3.00,
}
"""US dollars a month for one that is there, by type; what is not listed costs nothing to have."""
BY_USE = (
    "log data that is ingested ($0.50 to $0.76 per GB) and custom metrics ($0.30 each a month)",
    "model calls: each probe that calls a model asks for at most 8 tokens",
    "a trail's objects in S3, where there is one",
)
"""What depends on use."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How many resources of which type each root makes."""

    made: Mapping[str, Mapping[str, int]]

    @property
    def totals(self) -> Counter[str]:
        """By type, over all roots."""
        return sum((Counter(types) for types in self.made.values()), Counter())

    @property
    def monthly(self) -> float:
        """US dollars a month for what is there, used or not. A key costs until it is deleted, at
        least a week after its destruction."""
        return sum(MONTHLY.get(kind, 0.0) * count for kind, count in self.totals.items())


def remembered(environment: Environment, folder: Path) -> Rehearsal | None:
    """The last rehearsal of these files, if there was one."""
    try:
        document = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("of") != _digest(environment):
        return None
    return Rehearsal(document["made"])


def rehearse(environment: Environment, folder: Path) -> Rehearsal:
    """Applies the environment to an embedded cloud of its own, and remembers what that made.

    Raises `UserError` where it cannot be applied there.
    """
    made: dict[str, dict[str, int]] = {}
    lock = threading.Lock()

    def note(event: RootEvent) -> None:
        if event.state != "done":
            return
        created = [c.partition(" ") for c in event.changed]
        with lock:
            made[event.root] = Counter(type_of(a) for verb, _, a in created if verb == "create")

    work = Path(tempfile.mkdtemp(prefix=f"{environment.name}-rehearsal-", dir=runs_folder()))
    try:
        with CloudProcess.start(cloud_plan(environment), credentials=work / "credentials") as cloud:
            deploy(environment, lambda: EmbeddedTarget(cloud), work, note)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    document = {"of": _digest(environment), "made": made}
    write_private(folder / FILE, json.dumps(document, indent=2, sort_keys=True) + "\n")
    return Rehearsal(made)


def _digest(environment: Environment) -> str:
    """Of every file that decides what is made."""
    digest = hashlib.sha256()
    for base in (environment.path, project_root() / "modules"):
        for file in sorted(base.rglob("*")):
            hidden = any(part.startswith(".terraform") for part in file.relative_to(base).parts)
            if file.suffix in (".tf", ".yaml") and not hidden:
                digest.update(f"{file.relative_to(base)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()
