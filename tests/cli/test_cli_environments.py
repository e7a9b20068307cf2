"""What is refused of an environment that is not as it was applied."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from harness.cli import accounts
from harness.cli.accounts import share_deployed as share
from harness.cli.environments import (
    APPLY_LOCK,
    alone,
    apply_roots,
    changing,
    configure_client,
    destroy_environment,
    refuse_changes,
    verify_environment,
)
from harness.cli.watched import Watched, watched
from harness.deploy.apply import DEPLOYMENT_FILE, PARTIAL_FILE
from harness.deploy.environment import Environment, load_environment
from harness.deploy.journal import Unfinished
from harness.errors import UserError

ENVIRONMENT = load_environment(Path(__file__).parents[2] / "environments" / "embedded")


def applied(environment: Environment) -> Any:
    """All that the file lists."""
    return SimpleNamespace(
        fleets={
            key: SimpleNamespace(
                inference_profiles={r: dict.fromkeys(c.models, "arn") for r in c.regions}
            )
            for key, c in environment.customers.items()
        },
        accounts={
            account.account_id: SimpleNamespace(customer=customer.key)
            for customer, account in environment.customer_accounts
        },
    )


def test_an_apply_that_did_not_end_is_looked_for_where_its_run_lies(tmp_path: Path) -> None:
    running = applied(ENVIRONMENT)
    refuse_changes(ENVIRONMENT, running, tmp_path)
    (tmp_path / PARTIAL_FILE).touch()
    with pytest.raises(UserError, match="is not applied whole; run `bulkhead apply embedded` to"):
        refuse_changes(ENVIRONMENT, running, tmp_path)
    with pytest.raises(UserError, match="`bulkhead apply embedded --target localstack` to"):
        refuse_changes(ENVIRONMENT, running, tmp_path, option=" --target localstack")
    refuse_changes(ENVIRONMENT, running, tmp_path, but="globex")  # who may go on with it


def test_other_models_are_refused_but_those_of_the_customer_who_is_changed(tmp_path: Path) -> None:
    running = applied(ENVIRONMENT)
    running.fleets["globex"].inference_profiles = {}
    with pytest.raises(UserError, match="has changed since it was applied"):
        refuse_changes(ENVIRONMENT, running, tmp_path)
    refuse_changes(ENVIRONMENT, running, tmp_path, but="globex")


def test_what_is_applied_in_part_in_real_accounts_is_no_deployment(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not deployed in its accounts"):
        accounts.deployment_of(ENVIRONMENT, tmp_path)
    (tmp_path / DEPLOYMENT_FILE).touch()
    (tmp_path / PARTIAL_FILE).touch()
    with pytest.raises(UserError, match="not applied whole; run `bulkhead apply embedded --target"):
        accounts.deployment_of(ENVIRONMENT, tmp_path)


@pytest.mark.parametrize("aws", [False, True])
def test_who_watches_while_it_is_changed_is_told_that(tmp_path: Path, aws: bool) -> None:
    option = accounts.OPTION if aws else ""
    seen = Watched(ENVIRONMENT, applied(ENVIRONMENT), SimpleNamespace(), tmp_path, option)  # type: ignore[arg-type]
    lock = accounts.alone_in if aws else changing
    with lock(tmp_path):
        seen.refuse_changes()  # nothing that is looked at is on its way
    (tmp_path / PARTIAL_FILE).touch()
    with pytest.raises(UserError, match="is not applied whole; run `bulkhead apply"):
        seen.refuse_changes()
    with lock(tmp_path), pytest.raises(UserError, match="another bulkhead"):
        seen.refuse_changes()


def test_who_shares_real_accounts_while_they_are_changed_is_told_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "run_folder", lambda _: tmp_path)
    (tmp_path / PARTIAL_FILE).touch()
    for ask in (lambda: watched("embedded", aws=True), lambda: share("embedded", tmp_path / "d")):
        with pytest.raises(UserError, match="not applied whole; run `bulkhead apply embedded --t"):
            ask()
        with accounts.alone_in(tmp_path), pytest.raises(UserError, match="another bulkhead works"):
            ask()


def test_one_that_is_destroyed_is_told_from_one_that_is_being_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = SimpleNamespace(folder=lambda _: tmp_path, option="", localstack=False)
    with pytest.raises(UserError, match="embedded is not running"):
        destroy_environment("embedded", kind)  # type: ignore[arg-type]
    with alone(tmp_path / APPLY_LOCK, ""):
        with pytest.raises(UserError, match="is destroyed already; end its `bulkhead apply`"):
            destroy_environment("embedded", kind)  # type: ignore[arg-type]
        with changing(tmp_path), pytest.raises(UserError, match="is being changed by another"):
            destroy_environment("embedded", kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("first", [True, False])
def test_an_interruption_says_what_the_same_command_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], first: bool
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.cli.environments.deploy", interrupted)
    target: Any = (lambda: None) if first else SimpleNamespace()
    with pytest.raises(KeyboardInterrupt):
        apply_roots(ENVIRONMENT, target, tmp_path, Console())
    told = capsys.readouterr().err
    assert "left: " in told
    assert ("the same command begins anew" in told) is first
    assert ("the same command goes on with these" in told) is not first


def test_who_verifies_while_it_is_changed_is_told_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = "harness.cli.environments"
    kind = SimpleNamespace(folder=lambda _: tmp_path, option="", localstack=False)
    monkeypatch.setattr(f"{at}._running", lambda _: applied(ENVIRONMENT))
    (tmp_path / PARTIAL_FILE).touch()
    with pytest.raises(UserError, match="is not applied whole; run `bulkhead apply"):
        verify_environment("embedded", kind)  # type: ignore[arg-type]
    with changing(tmp_path), pytest.raises(UserError, match="is being changed by another bulkhead"):
        verify_environment("embedded", kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("verb", ["apply", "destroy"])
def test_nobody_is_configured_for_what_is_half_destroyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    at = "harness.cli.environments"
    written: list[Any] = []
    monkeypatch.setattr(f"{at}.run_folder", lambda _: tmp_path)
    monkeypatch.setattr(f"{at}._running", lambda _: applied(ENVIRONMENT))
    monkeypatch.setattr(f"{at}.unfinished", lambda _: {verb: Unfinished(whole=True)})
    monkeypatch.setattr(f"{at}.write_client_config", lambda *given: written.append(given))
    refused = pytest.raises(UserError, match="is destroyed in part")
    with refused if verb == "destroy" else contextlib.nullcontext():
        configure_client("embedded", "globex", None, None)
    assert bool(written) is (verb == "apply")
    if verb == "destroy":
        with changing(tmp_path), pytest.raises(UserError, match="is being changed by another"):
            configure_client("embedded", "globex", None, None)
