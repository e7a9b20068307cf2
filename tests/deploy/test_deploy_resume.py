"""Applies and destroys that do not come to their end: what goes on, what is left, what comes back.

Terraform itself is played, so that any root fails at will; with the real one it is shown beside the
commands (`tests/cli/test_cli_operate.py`).
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.deploy.apply import DEPLOYMENT_FILE, PARTIAL_FILE, deploy, destroy, retire
from harness.deploy.deployment import Deployment
from harness.deploy.environment import load_environment
from harness.deploy.journal import FILE, Journal, Verb, fingerprint, unfinished
from harness.deploy.run import EXTERNAL_IDS_FILE, RootEvent, Scope, root_names
from harness.deploy.terraform import Changes, Terraform
from harness.errors import UserError
from harness.targets.embedded import EmbeddedTarget

CUSTOMER = "globex 333333333333"


class Played:
    """Which roots Terraform was run on, and which are to fail or end everything."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.failing: dict[str, BaseException] = {}

    def play(self, root: Terraform) -> Changes:
        if root.label in self.failing:
            raise self.failing[root.label]
        self.ran.append(root.label)
        return Changes()


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    terraform = Played()

    def play(root: Terraform, *_: Any, **__: Any) -> Changes:
        return terraform.play(root)

    for name in ("apply", "destroy"):
        monkeypatch.setattr(Terraform, name, play)
    monkeypatch.setattr(Terraform, "init", lambda _root: None)
    monkeypatch.setattr(Terraform, "forget", lambda _root, _kinds: [])
    monkeypatch.setattr(Terraform, "output", _outputs)
    for name in ("set_baseline", "deny_sessions"):
        monkeypatch.setattr(f"harness.deploy.apply.{name}", lambda *_: None)
    for name in ("keep_external_id", "forget_external_id"):
        monkeypatch.setattr(f"harness.deploy.run.{name}", lambda *_: None)
    return terraform


def _outputs(root: Terraform) -> dict[str, Any]:
    state = json.loads(root.state.read_text(encoding="utf-8"))
    return {name: output["value"] for name, output in state["outputs"].items()}


@pytest.fixture
def run_dir(deployment: Deployment, tmp_path: Path) -> Path:
    before = deployment.place.credentials.parent
    shutil.copytree(before / "state", tmp_path / "run" / "state")
    shutil.copy(before / EXTERNAL_IDS_FILE, tmp_path / "run")
    return tmp_path / "run"


def test_a_failure_keeps_nothing_waiting_and_the_next_apply_does_only_what_is_left(
    deployment: Deployment, run_dir: Path, played: Played
) -> None:
    environment, target = deployment.environment, deployment.target()
    names = root_names(environment)
    played.failing = {
        CUSTOMER: UserError("it broke"),
        "bootstrap 444444444444": OSError(errno.ENOSPC, "No space left on device"),
    }
    events: list[RootEvent] = []
    with pytest.raises(UserError) as error:
        deploy(environment, target, run_dir, events.append)
    failed = [*played.failing, "initech 444444444444"]
    assert sorted(played.ran) == sorted(set(names) - set(failed))
    left = ", ".join(name for name in names if name in failed)
    assert sorted(error.value.messages) == [
        f"3 of {len(names)} roots are left: {left}",
        "bootstrap 444444444444: [Errno 28] No space left on device",
        "it broke",
    ]
    assert {event.root for event in events if event.state == "failed"} == set(played.failing)
    assert unfinished(run_dir)["apply"].left == [name for name in names if name in failed]
    part = Deployment.load(run_dir / PARTIAL_FILE)
    assert set(part.accounts) == {"222222222222", "222222222223"}
    assert not (run_dir / DEPLOYMENT_FILE).exists()

    played.failing, played.ran = {}, []
    events.clear()
    made = deploy(environment, target, run_dir, events.append)
    assert sorted(played.ran) == sorted(failed)
    kept = {event.root for event in events if event.kept}
    assert kept == set(names) - set(failed)
    assert made.accounts == deployment.accounts and made.fleets == deployment.fleets
    assert not unfinished(run_dir) and not (run_dir / PARTIAL_FILE).exists()

    # One that came to its end is no reason to overlook drift.
    played.ran = []
    deploy(environment, target, run_dir)
    assert sorted(played.ran) == sorted(names)


def _for_a_while(played: Played, failing: dict[str, str], *changed: str) -> dict[str, int]:
    """Has these roots fail twice, and `changed` be what all change; returns how often each ran."""
    ran: dict[str, int] = {}
    real = played.play

    def play(root: Terraform) -> Changes:
        ran[root.label] = ran.get(root.label, 0) + 1
        if root.label in failing and ran[root.label] <= 2:
            raise UserError(f"terraform apply of {root.label}: {failing[root.label]}")
        root.changed = changed
        return real(root)

    played.play = play  # type: ignore[method-assign]
    return ran


UNSEEN = "PutRolePolicy, StatusCode: 404, NoSuchEntity: The role cannot be found."
DENIED = "AccessDenied: not authorized to perform: iam:CreateRole"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The target sees late what is new, as AWS does."""
    monkeypatch.setattr(EmbeddedTarget, "patience", 60.0)
    monkeypatch.setattr("harness.deploy.run._PAUSE", 0.01)


@pytest.mark.usefixtures("patient")
def test_what_is_not_seen_yet_is_waited_for(
    deployment: Deployment, run_dir: Path, played: Played
) -> None:
    failing = {
        "bootstrap 444444444444": "reading inline policies, error: couldn't find resource",
        CUSTOMER: UNSEEN,
        "operations": DENIED,
    }
    ran = _for_a_while(played, failing, "create a role")
    deploy(deployment.environment, deployment.target(), run_dir)
    assert {root: times for root, times in ran.items() if times > 1} == dict.fromkeys(failing, 3)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("said", "patience", "changed"),
    [
        pytest.param(DENIED, 60.0, [], id="denied-and-no-role-is-new"),
        pytest.param(UNSEEN, 0.0, ["create a role"], id="unseen-to-the-deadline"),
        pytest.param(DENIED, 0.0, ["create a role"], id="denied-to-the-deadline"),
        pytest.param("Throttling: Rate exceeded", 60.0, ["create a role"], id="throttled"),
    ],
)
def test_what_fails_otherwise_or_for_too_long_is_not_waited_for(
    deployment: Deployment,
    run_dir: Path,
    played: Played,
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    patience: float,
    changed: list[str],
) -> None:
    monkeypatch.setattr(EmbeddedTarget, "patience", patience)
    ran = _for_a_while(played, {"operations": said}, *changed)
    with pytest.raises(UserError, match=said):
        deploy(deployment.environment, deployment.target(), run_dir)
    assert ran["operations"] == 1


@pytest.mark.parametrize("failing", ["organization", "operations", "bootstrap 999999999999"])
def test_what_needs_a_root_that_failed_is_left_and_told(
    deployment: Deployment, run_dir: Path, played: Played, failing: str
) -> None:
    environment = deployment.environment
    played.failing = {failing: UserError("it broke")}
    with pytest.raises(UserError) as error:
        deploy(environment, deployment.target(), run_dir)
    names = root_names(environment)
    needing = [failing, *names[names.index("organization") :]]
    if failing == "operations":
        needing.remove("organization")
    left = [name for name in names if name in needing]
    assert error.value.messages == (
        "it broke",
        f"{len(left)} of {len(names)} roots are left: {', '.join(left)}",
    )
    assert sorted(played.ran) == sorted(set(names) - set(left)), "a bootstrap was kept waiting"


def test_after_an_interruption_only_the_rest_is_done(
    deployment: Deployment, run_dir: Path, played: Played
) -> None:
    environment = deployment.environment
    played.failing = {"operations": KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        deploy(environment, deployment.target(), run_dir)
    done = set(played.ran)
    assert "organization" in done and "operations" not in done
    played.failing, played.ran = {}, []
    deploy(environment, deployment.target(), run_dir)
    assert set(played.ran) == set(root_names(environment)) - done


def test_what_was_edited_since_is_done_again_and_all_of_it_if_asked(
    deployment: Deployment, run_dir: Path, played: Played, tmp_path: Path
) -> None:
    path = tmp_path / "environments" / "embedded"
    shutil.copytree(deployment.environment.path, path)
    (tmp_path / "modules").symlink_to(deployment.environment.path.parents[1] / "modules")
    environment, target = load_environment(path), deployment.target()
    names = sorted(root_names(environment))

    def again(change: Callable[[], object] = lambda: None, **options: bool) -> list[str]:
        played.failing, played.ran = {CUSTOMER: UserError("it broke")}, []
        change()
        with pytest.raises(UserError):
            deploy(environment, target, run_dir, **options)
        return sorted([*played.ran, CUSTOMER])

    assert again() == names
    assert again() == [CUSTOMER]
    main = path / "organization" / "main.tf"
    assert again(lambda: main.write_text(main.read_text("utf-8") + "# more\n", "utf-8")) == sorted(
        ["organization", CUSTOMER]
    )
    assert again(afresh=True) == names
    file = path / "customers.yaml"
    assert again(lambda: file.write_text(file.read_text("utf-8") + "# more\n", "utf-8")) == names


def test_a_destroy_goes_on_and_keeps_what_a_failure_needs(
    deployment: Deployment, run_dir: Path, played: Played
) -> None:
    environment = deployment.environment
    names = root_names(environment)
    deployment.save(run_dir / DEPLOYMENT_FILE)
    played.failing = {CUSTOMER: UserError("it broke")}
    with pytest.raises(UserError) as error:
        destroy(deployment, run_dir)
    stays = {
        *(CUSTOMER, "bootstrap 333333333333", "organization"),
        *("bootstrap 999999999999", "bootstrap 111111111111"),
    }
    left = [name for name in names if name in stays]
    assert error.value.messages == (
        "it broke",
        f"{len(left)} of {len(names)} roots are left: {', '.join(left)}",
    )
    assert set(played.ran) == set(names) - stays, "guardrails or a deploy role went too soon"
    assert (run_dir / DEPLOYMENT_FILE).exists() and unfinished(run_dir).keys() == {"destroy"}

    played.failing, played.ran = {}, []
    destroy(deployment, run_dir)
    assert sorted(played.ran) == sorted(stays)
    assert played.ran.index("organization") > played.ran.index(CUSTOMER)
    assert not (run_dir / DEPLOYMENT_FILE).exists() and not unfinished(run_dir)


def test_a_run_about_some_roots_keeps_what_a_whole_apply_left(
    deployment: Deployment, run_dir: Path, played: Played
) -> None:
    environment, target = deployment.environment, deployment.target()
    names = root_names(environment)
    played.failing = {"initech 444444444444": UserError("it broke")}
    with pytest.raises(UserError):
        deploy(environment, target, run_dir)

    # Of a customer that was done, and of one that is left.
    played.failing, played.ran = {}, []
    globex = Scope((), False, frozenset(["globex"]))
    made = deploy(environment, target, run_dir, scope=globex)
    assert set(made.accounts) == set(deployment.accounts) - {"444444444444"}
    assert unfinished(run_dir)["apply"].left == ["initech 444444444444"]
    assert (run_dir / PARTIAL_FILE).exists() and not (run_dir / DEPLOYMENT_FILE).exists()
    played.ran = []
    deploy(environment, target, run_dir)
    assert played.ran == ["initech 444444444444"], "what was done was done again"
    assert not unfinished(run_dir) and not (run_dir / PARTIAL_FILE).exists()

    played.failing = {"initech 444444444444": UserError("it broke")}
    with pytest.raises(UserError):
        deploy(environment, target, run_dir)
    played.failing = {}
    deploy(environment, target, run_dir, scope=Scope((), False, frozenset(["initech"])))
    assert not unfinished(run_dir) and (run_dir / DEPLOYMENT_FILE).exists()

    # Where nobody knows what is left, all of it is.
    (run_dir / PARTIAL_FILE).touch()
    shutil.copy(run_dir / DEPLOYMENT_FILE, run_dir / PARTIAL_FILE)
    deploy(environment, target, run_dir, scope=globex)
    left = unfinished(run_dir)["apply"].left
    assert left == [name for name in names if name not in ("operations", "globex 333333333333")]


def test_a_customer_that_leaves_is_no_more_left_and_others_are(
    deployment: Deployment, run_dir: Path, played: Played
) -> None:
    environment, target = deployment.environment, deployment.target()
    broken = ("globex 333333333333", "initech 444444444444")
    played.failing = {root: UserError("it broke") for root in broken}
    with pytest.raises(UserError):
        deploy(environment, target, run_dir)
    part = Deployment.load(run_dir / PARTIAL_FILE)

    played.failing = {"globex 333333333333": UserError("it broke")}
    with pytest.raises(UserError):
        retire(part, run_dir, "globex")
    found = unfinished(run_dir)
    assert found["apply"].left == ["initech 444444444444"]
    assert found["destroy"].left == ["bootstrap 333333333333", "globex 333333333333"]
    assert not found["destroy"].whole
    played.failing = {}
    retire(part, run_dir, "globex")
    assert {verb: each.left for verb, each in unfinished(run_dir).items()} == {
        "apply": ["initech 444444444444"]
    }

    # What is asked for last is what is meant.
    played.failing = {"globex 333333333333": UserError("it broke")}
    with pytest.raises(UserError):
        destroy(part, run_dir)
    assert unfinished(run_dir).keys() == {"destroy"} and unfinished(run_dir)["destroy"].whole
    with pytest.raises(UserError):
        deploy(environment, target, run_dir)
    assert unfinished(run_dir).keys() == {"apply"}


def test_a_root_that_is_worked_on_is_no_more_as_it_was(
    deployment: Deployment, run_dir: Path, played: Played, tmp_path: Path
) -> None:
    path = tmp_path / "environments" / "embedded"
    shutil.copytree(deployment.environment.path, path)
    (tmp_path / "modules").symlink_to(deployment.environment.path.parents[1] / "modules")
    environment, target = load_environment(path), deployment.target()
    main = path / "operations" / "main.tf"
    before = main.read_text("utf-8")

    def again(failing: str) -> None:
        played.failing, played.ran = {failing: UserError("it broke")}, []
        with pytest.raises(UserError):
            deploy(environment, target, run_dir)

    again(CUSTOMER)
    main.write_text(before + "# more\n", "utf-8")
    again("operations")
    # Edited back, it is what was done before, but not as it was left in between.
    main.write_text(before, "utf-8")
    again(CUSTOMER)
    assert played.ran == ["operations"]


def test_journals_are_by_kind_and_a_damaged_one_is_forgotten(tmp_path: Path) -> None:
    file = tmp_path / FILE

    def at(verb: Verb) -> Journal:
        return Journal(file, verb)

    journal = at("apply")
    journal.begin(["operations", "more"], ["operations", "more"])
    journal.add("operations", "x")
    journal.finish("operations")
    good = file.read_text(encoding="utf-8")
    assert at("apply").has("operations", "x") and at("apply").left == ["more"]
    assert not at("apply").has("operations", "y")
    assert not at("destroy").has("operations", "x") and at("destroy").left == []
    for text in (
        *("", "[]", '{"format": "bulkhead-unfinished/2", "apply": 1}', '{"apply": {"left": []}}'),
        good.replace("/2", "/1"),
        good.replace('"left": [', '"right": ['),
    ):
        file.write_text(text, encoding="utf-8")
        assert not at("apply").has("operations", "x") and not unfinished(tmp_path)
    file.write_text(good, encoding="utf-8")
    at("apply").begin(["operations"], ["operations"])
    assert at("apply").left == ["operations"], "nobody lists the other any more"


def test_a_fingerprint_is_of_all_that_a_root_is_made_of(tmp_path: Path) -> None:
    root = tmp_path / "environments" / "x" / "operations"
    (root / ".terraform").mkdir(parents=True)
    (root / "main.tf").write_text("a", encoding="utf-8")

    def now(modules: str = "m", place: str = "http://a", **variables: str) -> str:
        return fingerprint(root, modules, variables, place)

    seen = {now(), now("n"), now(place="http://b"), now(profile="x"), now(profile="y")}
    for file in (root / "main.tf", root.parent / "customers.yaml", root / "more.tf"):
        file.write_text("b", encoding="utf-8")
        seen.add(now())
    assert len(seen) == 8
    (root / ".terraform.lock.hcl").write_text("c", encoding="utf-8")
    (root / ".terraform" / "x").write_text("c", encoding="utf-8")
    assert now() in seen
