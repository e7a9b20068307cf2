"""Plans of all roots come in the order of the apply, and none waits for another's."""

from __future__ import annotations

import shutil
import threading
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.deploy.drift import plan_all
from harness.deploy.environment import load_environment
from harness.deploy.preview import preview
from harness.deploy.run import Scope, root_names
from harness.deploy.terraform import Changes, Terraform

ROOT = Path(__file__).parents[2]
PATIENCE = 60


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is planned, by a Terraform that is played: bootstraps are planned when operations is."""
    path = tmp_path / "environments" / "embedded"
    left = shutil.ignore_patterns(".terraform*")
    shutil.copytree(ROOT / "environments" / "embedded", path, ignore=left)
    (tmp_path / "modules").symlink_to(ROOT / "modules")
    asked = threading.Event()

    def plan(root: Terraform, _variables: Any) -> Changes:
        if root.label == "operations":
            asked.set()
        assert not root.label.startswith("bootstrap") or asked.wait(PATIENCE)
        return Changes(planned=[f"create {root.label}"])

    monkeypatch.setattr(Terraform, "plan", plan)
    target = SimpleNamespace(real=False, environ=lambda _account: {})
    return SimpleNamespace(
        environment=load_environment(path),
        target=lambda: target,
        fleets=defaultdict(lambda: SimpleNamespace(handover={})),
    )


def test_a_drift_report_asks_for_all_plans(deployment: Any, tmp_path: Path) -> None:
    planned = plan_all(deployment, tmp_path / "run")
    names = root_names(deployment.environment)
    assert list(planned) == names
    assert [each.planned for each in planned.values()] == [[f"create {name}"] for name in names]


@pytest.mark.parametrize("organization", [True, False])
def test_a_preview_asks_for_the_plans_of_its_scope(
    deployment: Any, tmp_path: Path, organization: bool
) -> None:
    environment = deployment.environment
    scope = Scope(environment.bootstrapped_accounts[:3], organization, frozenset())
    text = (environment.path / "customers.yaml").read_text(encoding="utf-8")
    planned = preview(deployment, text, scope, tmp_path / "run")
    names = root_names(environment, scope)
    assert list(planned) == names and ("organization" in names) is organization
    assert [each.planned for each in planned.values()] == [[f"create {name}"] for name in names]
