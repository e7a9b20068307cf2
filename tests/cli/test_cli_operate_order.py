"""What the operator's commands do in which order, and what they say of accounts that nobody can try
from here; with a played deployment. What they do to a cloud is in `test_cli_operate`.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from harness.cli import desk as at
from harness.cli import leave, operate, trying
from harness.cli import rotate as rotating
from harness.deploy import edit
from harness.deploy.environment import load_environment
from harness.deploy.live import until
from harness.deploy.ownership import challenge
from harness.deploy.rotation import known_ids, none_made, previous_ids, rotate
from harness.deploy.run import EXTERNAL_IDS_FILE
from harness.errors import UserError

ROOT = Path(__file__).parents[2]
ROLE = "arn:aws:iam::111111111111:role/bulkhead/bulkhead-globex"
MODEL = "eu.model"
NOW: dict[str, Any] = {"yes": True, "verify": "none"}


def refused(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Call")


@dataclass
class Played:
    """A target, a deployment, and all that is asked of them, in order."""

    path: Path
    folder: Path
    callers: dict[str, str]
    """By account of globex."""
    taken: set[str] = field(default_factory=lambda: {"current"})
    """The external ids that the trust accepts."""
    refused: set[str] = field(default_factory=set)
    """Those that it does not accept even if it should."""
    current: str = "current"
    handed_over: str = "current"
    denied: bool = False
    said: list[str] = field(default_factory=list)
    scopes: list[Any] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.path / "customers.yaml"

    @property
    def listed(self) -> dict[str, Any]:
        found: dict[str, Any] = edit.read(self.file.read_text("utf-8"))
        return found

    def target(self) -> Played:
        return self

    @property
    def fleets(self) -> dict[str, Any]:
        profiles = {"eu-central-1": {"m": MODEL}}
        prefix = dict.fromkeys(self.callers, "globex-")
        made = SimpleNamespace(
            external_id=self.current,
            fleet_role_arn=ROLE,
            region="eu-central-1",
            inference_profiles=profiles,
            session_name_prefix=prefix,
        )
        return {"globex": made}

    @property
    def accounts(self) -> dict[str, Any]:
        return {
            account: SimpleNamespace(
                account_id=account,
                customer="globex",
                caller=caller,
                caller_role_arn=f"arn:aws:iam::{account}:role/bulkhead/bulkhead-caller",
                region="eu-central-1",
            )
            for account, caller in self.callers.items()
        }

    def caller_session(self, _arn: str, caller: str, **_: Any) -> str:
        if caller == "ecs":
            raise UserError("name a profile for it")
        return caller

    def assumed(self, _credentials: Any) -> str:
        return "fleet"

    def client(self, _session: str, service: str, _region: str) -> Any:
        return SimpleNamespace(assume_role=self._assume) if service == "sts" else self

    def _assume(self, ExternalId: str, **_: Any) -> Any:
        if ExternalId not in self.taken:
            raise refused("AccessDenied")
        return {"Credentials": {"AccessKeyId": "A"}}

    def invoke_model(self, **_: Any) -> None:
        if self.denied:
            raise refused("AccessDeniedException", "with an explicit deny")
        raise refused("ValidationException")

    def deny(self, _target: Any, role: str) -> None:
        assert role == ROLE
        stopped = self.listed["customers"].get("globex", {}).get("stopped")
        assert stopped is True, "another apply would undo the denial"
        self.denied = True

    def apply(self, environment: Any, *_: Any, scope: Any) -> Played:
        self.scopes.append(scope)
        ids = json.loads((self.folder / EXTERNAL_IDS_FILE).read_text("utf-8"))
        previous = previous_ids(self.folder, ids)
        self.current = ids["globex"]
        self.taken = {self.current} - self.refused
        if "globex" in previous:
            # It is made to be over in some tests, and taken all the same: what is tested is order.
            self.taken |= {previous["globex"]["external_id"]}
        if "globex" in scope.customers:
            self.handed_over = self.current
        assert self.handed_over in self.taken | self.refused, "locked out"
        customer = environment.customers.get("globex")
        self.denied = customer is None or customer.stopped
        return self


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Played:
    path = tmp_path / "environments" / "embedded"
    path.mkdir(parents=True)
    for name in ("customers.yaml", "customers.schema.json"):
        shutil.copy(ROOT / "environments" / "embedded" / name, path)
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / EXTERNAL_IDS_FILE).write_text('{"globex": "current"}', "utf-8")
    made = Played(path, folder, {"333333333333": "lambda"})

    @contextlib.contextmanager
    def desk(_name: str, customer: str, **asked: Any) -> Iterator[Any]:
        text = made.file.read_text("utf-8")
        yield at.Desk(
            load_environment(path),
            made,  # type: ignore[arg-type]
            folder,
            Console(),
            text,
            customer,
            **asked,
        )

    for module in (operate, leave, rotating):
        monkeypatch.setattr(module, "at_desk", desk)
    for module in (operate, rotating, leave, trying):
        monkeypatch.setattr(module, "until", lambda holds, text: until(holds, text, patience=0))
    for module in (at, leave):
        monkeypatch.setattr(module, "show_plan", lambda *_: made.said.append("the plan"))
    monkeypatch.setattr(trying, "deny_sessions", made.deny)
    monkeypatch.setattr(at, "open_accounts", lambda *_: [])
    monkeypatch.setattr(at, "apply_roots", made.apply)
    monkeypatch.setattr(at, "say", lambda _console, text: made.said.append(text))
    return made


def stop() -> bool:
    return operate.stop_customer(environment="embedded", customer="globex", **NOW)


def is_denied(played: Played) -> bool:
    return played.denied


def resume() -> bool:
    return operate.resume_customer(environment="embedded", customer="globex", **NOW)


def test_a_customer_is_denied_when_the_file_says_so_and_a_session_tries_it(played: Played) -> None:
    assert stop()
    assert is_denied(played)
    assert "globex is denied; 1 live session of it tried to call, and could not." in played.said
    assert resume()
    assert not is_denied(played) and "stopped" not in played.listed["customers"]["globex"]


@pytest.mark.parametrize(
    ("caller", "why"),
    [
        ("eks-irsa", r"only what runs there can act as its caller \(eks-irsa\)"),
        ("existing", r"only what runs there can act as its caller \(existing\)"),
        ("ecs", "name a profile for it"),
    ],
)
def test_a_customer_that_nobody_can_try_from_here_is_denied_all_the_same(
    played: Played, caller: str, why: str
) -> None:
    played.callers = {"333333333333": caller}
    assert stop()
    assert is_denied(played)
    line = f"account 333333333333 could not be tried: {why}."
    assert match(line, played.said)
    assert "globex is denied; no session of it could be had to try that." in played.said
    played.said.clear()
    assert resume()
    assert match(line, played.said)


def test_an_account_without_a_session_is_named_by_a_stop_and_ends_a_resume(played: Played) -> None:
    played.callers = {"333333333333": "lambda", "333333333334": "eks-irsa"}
    assert stop()
    assert "globex is denied; 1 live session of it tried to call, and could not." in played.said
    assert match("account 333333333334 could not be tried: only", played.said)
    played.taken, played.refused = set(), {"current"}
    assert stop()
    assert match("account 333333333333 could not be tried: it is let into no new", played.said)
    with pytest.raises(UserError, match="account 333333333333: globex is still refused"):
        resume()


def rotated(**asked: Any) -> bool:
    return rotating.rotate_id(environment="embedded", customer="globex", **asked, **NOW)


@pytest.mark.parametrize(("hours", "end"), [(0, False), (1, True)])
def test_a_rotation_that_was_killed_is_handed_over_before_the_old_id_ends(
    played: Played, hours: int, end: bool
) -> None:
    ids = played.folder / EXTERNAL_IDS_FILE
    rotate(played.folder, ids, "globex", timedelta(hours=hours))  # and killed before any apply
    assert rotated(grace=1, end=end)
    assert [sorted(scope.customers) for scope in played.scopes] == [["globex"], []]
    assert played.handed_over == json.loads(ids.read_text("utf-8"))["globex"] != "current"
    assert played.taken == {played.handed_over}
    assert previous_ids(played.folder, ["globex"]) == {}


def test_the_old_id_stays_where_the_new_one_is_refused(played: Played) -> None:
    ids = played.folder / EXTERNAL_IDS_FILE
    rotate(played.folder, ids, "globex", timedelta(hours=1))
    played.refused = {json.loads(ids.read_text("utf-8"))["globex"]}
    with pytest.raises(UserError, match="its new external id is refused, so the old one was not"):
        rotated(grace=1, end=True)
    assert previous_ids(played.folder, ["globex"])["globex"]["external_id"] == "current"
    assert "current" in played.taken


@pytest.mark.parametrize("end", [True, False])
def test_an_end_that_was_interrupted_is_mended_by_the_same_command(
    played: Played, monkeypatch: pytest.MonkeyPatch, end: bool
) -> None:
    assert rotated(grace=1, end=False)
    assert "current" in played.taken

    def interrupted(environment: Any, *given: Any, scope: Any) -> Played:
        if not scope.customers:
            raise KeyboardInterrupt
        return played.apply(environment, *given, scope=scope)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(at, "apply_roots", interrupted)
        rotated(grace=1, end=True)
    # It stands in the trust, and for an hour still.
    assert "current" in played.taken and previous_ids(played.folder, ["globex"]) == {}
    played.said.clear()
    assert rotated(grace=1, end=end)
    assert "The old external id of globex is taken no more." in played.said
    assert played.taken == {played.handed_over} and known_ids(played.folder, ["globex"]) == {}
    assert rotated(grace=1, end=True)
    assert played.said[-1] == "No external id of globex is being replaced."


@pytest.mark.parametrize(("hours", "end"), [(0, False), (1, True)])
def test_a_rotation_that_was_killed_before_it_made_an_id_ends_none(
    played: Played, monkeypatch: pytest.MonkeyPatch, hours: int, end: bool
) -> None:
    ids = played.folder / EXTERNAL_IDS_FILE

    def killed() -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("harness.deploy.rotation.new_external_id", killed)
        rotate(played.folder, ids, "globex", timedelta(hours=hours))
    assert none_made(played.folder, ids, "globex")
    assert rotated(grace=1, end=end)
    assert "A rotation of globex was interrupted before it made a new id." in played.said
    if end:
        assert played.scopes == [] and previous_ids(played.folder, ["globex"]) == {}
        assert json.loads(ids.read_text("utf-8"))["globex"] == "current"
    else:  # a new one begins
        assert played.taken == {"current", played.handed_over} != {"current"}


def test_a_rotation_says_which_account_cannot_be_tried(played: Played) -> None:
    played.callers["333333333334"] = "existing"
    assert rotated(grace=1, end=False)
    assert match("account 333333333334 could not be tried: only", played.said)
    assert rotated(grace=1, end=True)


def offboard(**asked: Any) -> bool:
    return leave.offboard_customer(environment="embedded", customer="globex", **asked)


@pytest.fixture
def left(played: Played, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What of retiring was asked for."""
    retired: list[str] = []
    monkeypatch.setattr(
        leave, "retire", lambda _made, _folder, customer, _progress: retired.append(customer)
    )
    return retired


@pytest.mark.parametrize("caller", ["lambda", "existing"])
def test_a_customer_leaves_and_nothing_that_was_proved_of_it_stays(
    played: Played, left: list[str], caller: str
) -> None:
    played.callers = {"333333333333": caller}
    asked = challenge(played.folder, "embedded", "globex", "333333333333")
    other = challenge(played.folder, "embedded", "acme", "333333333333")
    assert offboard(**NOW)
    assert left == ["globex"]
    assert match("globex is denied; (1 live|no) session", played.said)
    assert "globex" not in played.listed["customers"]
    assert challenge(played.folder, "embedded", "globex", "333333333333").nonce != asked.nonce
    assert challenge(played.folder, "embedded", "acme", "333333333333").nonce == other.nonce


@pytest.mark.parametrize(("own", "kept"), [(False, True), (True, None)])
def test_a_customer_takes_its_hold_with_it(
    played: Played, left: list[str], own: bool, kept: bool | None
) -> None:
    text = played.file.read_text("utf-8")
    for field_, value in (("legal_hold", True), ("own_organization", own)):
        text = edit.put(text, ["customers", "globex", field_], value)
    played.file.write_text(text, "utf-8")
    assert offboard(**NOW)
    # Of an organization of its own that one alone holds it.
    assert played.listed["former_customers"]["globex"].get("legal_hold") is kept
    assert match("and so does the hold", played.said) is bool(kept)
    assert load_environment(played.path).holds == ({"333333333333": True} if kept else {})
    assert left == ["globex"]


def test_one_that_has_left_is_planned_and_asked_about_too(
    played: Played, left: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert offboard(**NOW)
    played.said.clear()
    played.scopes.clear()
    assert offboard(dry_run=True)
    assert "the plan" in played.said and not played.scopes
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(UserError, match="nobody is there to ask"):
        offboard()
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda _: False)
    with pytest.raises(UserError, match="nothing was changed"):
        offboard()
    assert not played.scopes
    monkeypatch.setattr("click.confirm", lambda _: True)
    assert offboard()
    assert len(played.scopes) == 1 and left == ["globex"]


def match(pattern: str, said: list[str]) -> bool:
    return any(re.search(pattern, line) for line in said)
