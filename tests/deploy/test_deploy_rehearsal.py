"""What an apply would make, and what that costs, from a rehearsal that is remembered."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from support.real_accounts import sandbox

from harness.deploy import rehearsal
from harness.deploy.environment import load_environment
from harness.deploy.rehearsal import rehearse, remembered
from harness.deploy.run import RootEvent
from harness.deploy.terraform import Step


def test_a_rehearsal_counts_what_is_made_until_a_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = sandbox(tmp_path)

    def deploy(of: Any, target: Any, run_dir: Path, progress: Any) -> None:
        assert of is environment
        assert target().name == "embedded"
        assert run_dir.is_dir()
        step = Step("apply", 3, 3)
        progress(RootEvent("operations", "running", step))
        made = (
            'create module.fleet.aws_iam_role.fleet["a.b"]',
            "create module.fleet.aws_iam_role.other",
            "update aws_iam_policy.x",
        )
        progress(RootEvent("operations", "done", step, 1.0, made))
        keys = ("create module.keys.aws_kms_key.logs",)
        progress(RootEvent("bootstrap 1", "done", step, 1.0, keys))

    monkeypatch.setattr(rehearsal, "deploy", deploy)
    assert remembered(environment, tmp_path) is None
    made = rehearse(environment, tmp_path)
    assert made.made == {"operations": {"aws_iam_role": 2}, "bootstrap 1": {"aws_kms_key": 1}}
    assert made.totals == {"aws_iam_role": 2, "aws_kms_key": 1}
    assert made.monthly == 1.0
    assert remembered(environment, tmp_path) == made

    file = environment.path / "customers.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    assert remembered(load_environment(environment.path), tmp_path) is None
    shutil.rmtree(environment.path)
