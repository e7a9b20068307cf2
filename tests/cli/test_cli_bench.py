"""The benchmark runs, and its figures are of what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def test_it_measures_a_little(tmp_path: Path, pytestconfig: object) -> None:
    report = tmp_path / "bench.json"
    command = "from harness.cli import main; main()"
    arguments = ["bench", "--rounds", "2", "--customers", "5", "--no-jobs", "--json", str(report)]
    done = subprocess.run(
        [sys.executable, "-c", command, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "120"},
    )
    assert done.returncode in (0, 1), done.stderr  # how fast is not asked here
    assert "bedrock Converse" in done.stdout
    data = json.loads(report.read_text(encoding="utf-8"))
    assert data["customers"] == 5
    assert {each["operation"].split()[0] for each in data["requests"]} == {
        *("bedrock", "iam", "logs", "s3", "sts"),
    }
    for each in data["requests"]:
        assert each["bare"] > 0
        assert each["ratio"] == each["gateway"] / each["bare"]
        assert 0 < each["decision"] < each["gateway"]
    assert all(each["per_second"] > 0 for each in data["decisions"])
    assert {each["name"].split()[0] for each in data["limits"]} == {"AssumeRole's", "a", "decide"}
