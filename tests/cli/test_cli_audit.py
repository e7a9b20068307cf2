"""`bulkhead audit` and `bulkhead drift`: what they say, and the exit codes that cron goes by."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.snapshots import ADMIN, OPERATIONS, STOP, fleet_arn, small

from harness.cli import start
from harness.deploy.baseline import Setting
from harness.deploy.terraform import Changes
from harness.errors import UserError
from harness.snapshot.files import save

Said = tuple[int, str, str]
Command = Callable[..., Said]
GOOD = Setting("data retention", "1 eu-central-1", "none", "none", "as wanted")
OFF = Setting("model access", "m", "no", "available", "left to you", advice="read the terms")


@pytest.fixture
def said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[[list[str]], Said]:
    """Runs a command line of a running environment whose own files lie in a folder of the test."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(
        "harness.cli.watched.running", lambda _: SimpleNamespace(target=lambda: None)
    )
    monkeypatch.setattr("harness.cli.watched.refuse_changes", lambda *_, **__: None)
    monkeypatch.setattr("harness.cli.watched.run_folder", lambda _: tmp_path)

    def run(arguments: list[str]) -> Said:
        code = start(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def audit(
    said: Callable[[list[str]], Said], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    """Audits what is read as `document`, with these settings and this verdict of the suite."""

    def run(
        *arguments: str,
        document: dict[str, Any] | None = None,
        settings: list[Setting] | None = None,
        holds: bool | None = None,
    ) -> Said:
        class Suite:
            def __init__(self, *_: Any) -> None:
                assert holds is not None, "the suite was run"

            def __enter__(self) -> Suite:
                return self

            def __exit__(self, *_: object) -> None: ...

            def finish(self, _console: Any) -> bool:
                return bool(holds)

        monkeypatch.setattr("harness.cli.audit.Suite", Suite)
        monkeypatch.setattr("harness.cli.audit.take", lambda *_: document or small())
        monkeypatch.setattr("harness.cli.audit.read_baseline", lambda *_: settings or [GOOD])
        return said(["audit", "embedded", "--key", str(tmp_path / "key"), *arguments])

    return run


def attached(*arns: str) -> dict[str, Any]:
    document = small()
    role = document["accounts"][OPERATIONS]["identity"]["roles"][fleet_arn("acme")]
    role["attached"] += arns
    return document


def test_all_well_is_exit_code_0(audit: Command) -> None:
    code, out, _ = audit(holds=True)
    assert code == 0
    assert out.strip() == "embedded is as it was deployed."


def test_without_probes_it_says_that_nothing_was_probed(audit: Command) -> None:
    code, out, _ = audit("--no-probes")
    assert code == 0
    assert "as far as reading tells: nothing was probed" in out


def test_an_extra_is_exit_code_1(audit: Command) -> None:
    code, out, _ = audit("--no-probes", document=attached(ADMIN))
    assert code == 1
    assert f"attached: {fleet_arn('acme')}: {ADMIN} is attached to it" in out
    assert "embedded is not as it should be: 1 finding." in out


def test_walls_that_do_not_hold_are_exit_code_1(audit: Command) -> None:
    code, out, _ = audit(holds=False)
    assert code == 1
    assert "The walls do not hold. Report: " in out
    assert "embedded is not as it should be: the walls do not hold." in out


def test_a_setting_that_is_off_is_exit_code_1(audit: Command) -> None:
    code, out, _ = audit("--no-probes", settings=[GOOD, OFF])
    assert code == 1
    assert "model access m is no, not available: read the terms" in out
    assert "data retention" not in out


def test_a_stop_is_told_and_no_finding(audit: Command) -> None:
    code, out, _ = audit("--no-probes", document=attached(STOP))
    assert code == 0
    assert f"stopped: {fleet_arn('acme')}: acme is stopped: {STOP}" in out


def test_access_since_an_earlier_snapshot_is_exit_code_1(audit: Command, tmp_path: Path) -> None:
    save(small(), tmp_path / "before.json")
    since = ("--since", str(tmp_path / "before.json"))
    assert audit("--no-probes", *since)[0] == 0
    code, out, _ = audit("--no-probes", *since, document=attached(STOP))
    assert code == 1
    assert "Access lost" in out and f"attached got {STOP}" in out
    assert " differ from the earlier snapshot." in out
    assert "0 findings" not in out


def test_an_earlier_snapshot_that_is_none_is_exit_code_2(audit: Command, tmp_path: Path) -> None:
    code, out, err = audit("--no-probes", "--since", str(tmp_path / "no.json"))
    assert (code, out) == (2, "")
    assert "no.json: cannot be read" in err


def test_the_snapshot_can_be_kept(audit: Command, tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    assert audit("--no-probes", "--out", str(file))[0] == 0
    assert json.loads(file.read_text("utf-8")) == small()


def test_as_json_everything_is_told_and_nothing_else(audit: Command, tmp_path: Path) -> None:
    save(small(), tmp_path / "before.json")
    code, out, _ = audit(
        *("--json", "--since", str(tmp_path / "before.json")),
        document=attached(ADMIN),
        settings=[GOOD, OFF],
        holds=True,
    )
    told = json.loads(out)
    assert code == 1 and told["holds"] is False
    assert told["findings"] == [
        {
            "check": "attached",
            "subject": fleet_arn("acme"),
            "what": f"{ADMIN} is attached to it",
        }
    ]
    assert [setting["standing"] for setting in told["settings"]] == ["as wanted", "left to you"]
    assert told["probes"]["holds"] is True and told["notes"] == []
    assert told["since"]["equal"] is False
    good = json.loads(audit("--json", holds=True)[1])
    assert (good["holds"], good["since"]) == (True, None)


@pytest.mark.parametrize("option", ["--profile", "--deployed", "--token"])
def test_other_means_are_for_real_accounts_and_without_probes(audit: Command, option: str) -> None:
    code, _, err = audit("--no-probes", option, "x")
    assert code == 2
    assert "are for real accounts; give --target aws" in err
    code, _, err = audit("--target", "aws", option, "x")
    assert code == 2
    assert "give --no-probes to read by other means" in err


def test_real_accounts_that_nothing_is_deployed_in_are_named(
    audit: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("harness.cli.accounts.run_folder", lambda _: tmp_path)
    code, _, err = audit("--target", "aws", "--no-probes")
    assert code == 2
    assert "embedded is not deployed in its accounts; run `bulkhead apply embedded" in err


# --- drift ---------------------------------------------------------------------------------------


@pytest.fixture
def drift(said: Callable[[list[str]], Said], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Tells the drift of these roots."""

    def run(*arguments: str, unlisted: tuple[str, ...] = (), **roots: Changes | UserError) -> Said:
        monkeypatch.setattr("harness.cli.audit.plan_all", lambda *_: roots)
        monkeypatch.setattr("harness.cli.audit.unlisted_roots", lambda *_: list(unlisted))
        return said(["drift", "embedded", *arguments])

    return run


SAME = Changes()
OTHER = Changes(["update aws_iam_role.fleet"])


def test_no_drift_is_exit_code_0(drift: Command) -> None:
    code, out, _ = drift(organization=SAME, operations=SAME)
    assert (code, out) == (0, "No drift: all 2 roots are as deployed.\n")


def test_drift_is_exit_code_1_and_says_what_of_which_root(drift: Command) -> None:
    code, out, _ = drift(organization=SAME, operations=OTHER)
    assert code == 1
    assert "operations: 1 to change\n  update aws_iam_role.fleet\n" in out
    assert "1 of 2 roots are as an apply would make them." in out


def test_an_output_that_changes_is_drift(drift: Command) -> None:
    assert drift(operations=Changes(outputs=True))[0] == 1


def test_a_root_that_cannot_be_planned_is_exit_code_2_and_hides_no_other(drift: Command) -> None:
    code, out, _ = drift(organization=UserError("organization: no such bucket"), operations=OTHER)
    assert code == 2
    assert "organization: could not be planned\n  organization: no such bucket\n" in out
    assert "update aws_iam_role.fleet" in out


def test_a_root_that_is_listed_no_more_is_drift(drift: Command) -> None:
    code, out, _ = drift(unlisted=("acme 222222222222",), operations=SAME)
    assert code == 1
    assert "acme 222222222222 was applied and is listed no more" in out


def test_drift_as_json(drift: Command) -> None:
    roots = {"organization": UserError("no"), "operations": OTHER, "bootstrap": SAME}
    code, out, _ = drift("--json", **roots)
    told = json.loads(out)
    assert code == told["drift"] == 2
    assert told["roots"] == [
        {"root": "organization", "state": "failed", "error": "no"},
        {
            "root": "operations",
            "state": "changes",
            "changes": ["update aws_iam_role.fleet"],
            "outputs": False,
        },
        {"root": "bootstrap", "state": "same", "changes": [], "outputs": False},
    ]
