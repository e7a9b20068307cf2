"""The pytest plugin: what fails a test, and what reaches the results file from every worker."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from harness.report.summary import summarize

CONFTEST = """
import pytest
from harness.probes.result import Subject

class Who:
    label, kind, arn = "somebody", "caller", "arn:aws:sts::222222222222:assumed-role/x/y"

class Target:
    patience = 0.0

class Stage:
    secrets = ("s3cret",)
    target = Target()

@pytest.fixture(scope="session")
def stage():
    return Stage()

@pytest.fixture
def subject():
    return Subject("a-probe", ("T01",), "it holds", Who(), "sts:AssumeRole", "acme", ("arn:x",))
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    # Importing every installed plugin takes longer than these tests.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(CONFTEST)
    return pytester


def run(suite: pytest.Pytester, *arguments: str) -> tuple[int, dict[str, Any]]:
    results = suite.path / "results.json"
    # Alone, so that the plugins of this process are not in the way.
    done = suite.runpytest_subprocess(
        *("-p", "harness.pytest_plugin", "-p", "no:cacheprovider"),
        *("--results", str(results), *arguments),
    )
    return int(done.ret), json.loads(results.read_text())


def test_results_that_hold_pass(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_a(probe, subject): probe.allowed(subject, lambda: None)")
    code, data = run(suite)
    assert code == 0
    assert summarize(data).holds
    (result,) = data["results"]
    assert (result["probe"], result["verdict"], result["rows"]) == ("a-probe", "held", ["T01"])
    assert result["test"] == "test_results_that_hold_pass.py::test_a"


def test_a_result_that_does_not_hold_fails_its_test(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        "def test_a(probe, subject):"
        " probe.state(subject, expected='off', observed='on', holds=False, why='s3cret is on')"
    )
    code, data = run(suite)
    assert code == 1
    assert not summarize(data).holds
    assert data["results"][0]["message"] == "[redacted] is on"
    assert "s3cret" not in json.dumps(data)


def test_a_test_that_recorded_nothing_fails(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_a(probe): pass", test_b="def test_b(): pass")
    code, data = run(suite)
    assert code == 1
    outcomes = {test["id"].rpartition("::")[2]: test["outcome"] for test in data["tests"]}
    assert outcomes == {"test_a": "failed", "test_b": "passed"}
    assert "recorded no result" in data["tests"][0]["message"]


def test_results_of_a_test_that_breaks_are_kept(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        def test_a(probe, subject):
            probe.allowed(subject, lambda: None)
            raise RuntimeError("later")
        """
    )
    code, data = run(suite)
    assert code == 1
    assert len(data["results"]) == 1
    assert data["tests"][0]["outcome"] == "failed"


def test_errors_and_skips_are_not_passes(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.fixture
        def broken():
            raise RuntimeError("no role")

        def test_error(broken, probe): pass
        def test_skip(): pytest.skip("not here")
        def test_good(probe, subject): probe.allowed(subject, lambda: None)
        """
    )
    _, data = run(suite)
    assert [test["outcome"] for test in data["tests"]] == ["error", "skipped", "passed"]
    assert [test["message"] for test in data["tests"]] == [
        "RuntimeError: no role",
        "Skipped: not here",
        "",
    ]
    assert not summarize(data).holds


def test_results_and_progress_come_from_every_worker(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("n", range(6))
        def test_a(probe, subject, n): probe.allowed(subject, lambda: None)
        """
    )
    progress = suite.path / "progress.jsonl"
    code, data = run(suite, "-p", "xdist", "-n", "2", "--progress", str(progress))
    assert code == 0
    assert len(data["results"]) == 6
    assert data["complete"]
    events = [json.loads(line) for line in progress.read_text().splitlines()]
    assert events[0] == {"event": "start", "total": 6}
    assert [e["done"] for e in events if e["event"] == "test"] == [1, 2, 3, 4, 5, 6]
    assert events[-1] == {"event": "end", "complete": True}


def test_a_run_that_was_stopped_is_not_complete(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        def test_a(): assert False
        def test_b(probe, subject): probe.allowed(subject, lambda: None)
        """
    )
    assert run(suite, "-x")[1]["complete"] is False
    assert run(suite)[1]["complete"] is True


def test_a_missing_deployment_is_named(suite: pytest.Pytester, tmp_path: Path) -> None:
    suite.makeconftest("")
    suite.makepyfile("def test_a(probe): pass")
    missing = tmp_path / "none.json"
    _, data = run(suite, "--deployment", str(missing))
    assert str(missing) in data["tests"][0]["message"]


def test_junit_repeats_only_the_results_of_what_failed(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        def test_good(probe, subject): probe.allowed(subject, lambda: None)
        def test_bad(probe, subject):
            probe.state(subject, expected='off', observed='on', holds=False, why='on')
        """
    )
    junit = suite.path / "junit.xml"
    _, data = run(suite, f"--junit-xml={junit}")
    assert len(data["results"]) == 2
    text = junit.read_text()
    assert text.count("bulkhead-results") == 1
    assert "test_good" in text


def test_a_suite_waits_for_its_deployment(suite: pytest.Pytester) -> None:
    """It is started before the deployment is there; the time of waiting is not its own."""
    saved = suite.path / "deployment.json"
    suite.makeconftest("")
    suite.makepyfile("def test_a(deployment): assert deployment")
    maker = threading.Timer(3, saved.write_text, ["{}"])
    maker.start()
    code, data = run(suite, "--deployment", str(saved), "--environment", "embedded")
    maker.join()
    # What was written is no deployment: that is told, once it is there.
    assert code == 1
    assert "is not a saved deployment" in data["tests"][0]["message"]
    assert data["seconds"] < 3


REAL = """
import dataclasses
import harness.pytest_plugin as plugin
import pytest

plugin.target_of = lambda config: "aws"

@pytest.fixture
def copied():
    raise AssertionError("there is no copy")
"""
THREE = """
import pytest

def test_reads(probe, subject): probe.allowed(subject, lambda: None)

@pytest.mark.changing("makes helper roles")
def test_changes(probe, subject): probe.allowed(subject, lambda: None)

def test_copies(probe, subject, copied): probe.allowed(subject, lambda: None)
"""


@pytest.mark.parametrize(
    ("options", "run_there"),
    [((), {"test_reads"}), (("--changing",), {"test_reads", "test_changes"})],
)
def test_in_real_accounts_nothing_is_changed_or_copied_unasked(
    suite: pytest.Pytester, options: tuple[str, ...], run_there: set[str]
) -> None:
    suite.makeconftest(CONFTEST + REAL)
    suite.makepyfile(THREE)
    code, data = run(suite, *options)
    assert code == 0
    outcomes = {test["id"].rpartition("::")[2]: test for test in data["tests"]}
    assert {name for name, test in outcomes.items() if test["outcome"] == "passed"} == run_there
    assert outcomes["test_copies"]["outcome"] == "left out"
    assert "needs a copy of the cloud" in outcomes["test_copies"]["message"]
    summary = summarize(data)
    assert summary.holds
    assert summary.left_out == 3 - len(run_there)
    assert summary.sentence.startswith("All that was tried held")
    if not options:
        assert "(makes helper roles)" in outcomes["test_changes"]["message"]


def test_what_a_test_and_its_fixtures_may_change_is_written_down(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest
        from harness.targets.wiretap import note_change

        @pytest.fixture(scope="module")
        def made():
            note_change("iam CreateRole")

        def test_first(probe, subject, made): probe.allowed(subject, lambda: None)

        def test_second(probe, subject, made):
            note_change("logs PutLogEvents")
            probe.allowed(subject, lambda: None)
        """
    )
    changes = suite.path / "changes.jsonl"
    assert run(suite, "--changes", str(changes))[0] == 0
    assert [json.loads(line)["changes"] for line in changes.read_text().splitlines()] == [
        ["iam CreateRole"],
        ["iam CreateRole", "logs PutLogEvents"],
    ]
