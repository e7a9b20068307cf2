"""A legal hold ends when a list says so, and not by what the list leaves out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.deploy.environment import Environment, load_environment
from harness.deploy.holds import held_accounts, refuse_destroyed, refuse_lost
from harness.errors import UserError

EMBEDDED = Path(__file__).parents[2] / "environments/embedded"
GLOBEX, ACME = "333333333333", ("222222222222", "222222222223")
LISTED = """  globex:
    accounts:
      - { account_id: "333333333333", caller: lambda }
    models: ["amazon.nova-lite-v1:0", "eu.anthropic.claude-3-haiku-20240307-v1:0"]
"""


INITECH = "  initech:\n"


def environment(
    folder: Path, more: str = "", *, globex: str | None = "", initech: str = ""
) -> Environment:
    """The embedded one with this at its end; of globex and initech it says this besides, and it
    has no globex for None."""
    path = folder / "embedded"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    shutil.copy(EMBEDDED / "customers.schema.json", path)
    text = (EMBEDDED / "customers.yaml").read_text(encoding="utf-8")
    assert LISTED in text and INITECH in text
    text = text.replace(LISTED, "" if globex is None else LISTED + globex)
    text = text.replace(INITECH, INITECH + initech)
    (path / "customers.yaml").write_text(text + more, encoding="utf-8")
    return load_environment(path)


def left(legal_hold: str = "") -> str:
    return (
        "former_customers:\n"
        f'  globex: {{ left: "2026-01-31", accounts: ["{GLOBEX}"]{legal_hold} }}\n'
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that holds the account of globex, by its state."""

    def instance(policy: str, account: str) -> dict[str, object]:
        attributes = {"policy_id": "p-1", "target_id": account}
        return {"index_key": f"{policy}/{account}", "attributes": attributes}

    instances = [
        instance("held-scp", GLOBEX),
        *(instance("customers-scp", account) for account in (*ACME, GLOBEX)),
    ]
    attachments = {
        "mode": "managed",
        "module": "module.guardrails",
        "type": "aws_organizations_policy_attachment",
        "name": "this",
        "instances": instances,
    }
    other = {"mode": "data", "type": "aws_region", "name": "this", "instances": [{}]}
    state = tmp_path / "run/state/organization/terraform.tfstate"
    state.parent.mkdir(parents=True)
    state.write_text(json.dumps({"resources": [attachments, other]}), encoding="utf-8")
    return tmp_path / "run"


def test_the_state_says_who_is_held(run: Path, tmp_path: Path) -> None:
    assert held_accounts(run) == {GLOBEX}
    assert held_accounts(tmp_path / "nothing") == frozenset()


@pytest.mark.parametrize(
    ("more", "globex", "initech"),
    [
        ("", None, ""),
        (left(), None, ""),
        ("", "", ""),
        ("", "", "    legal_hold: false\n"),
    ],
    ids=["struck", "left", "silent", "said of another"],
)
def test_a_hold_does_not_end_in_silence(
    run: Path, tmp_path: Path, more: str, globex: str | None, initech: str
) -> None:
    listed = environment(tmp_path, more, globex=globex, initech=initech)
    with pytest.raises(UserError, match=f"{GLOBEX} is held, and nobody says any more"):
        refuse_lost(listed, run)
    refuse_lost(listed, tmp_path / "nothing")


@pytest.mark.parametrize("hold", ["true", "false"])
def test_a_customer_that_is_listed_keeps_its_hold_or_loses_it_by_a_word(
    run: Path, tmp_path: Path, hold: str
) -> None:
    refuse_lost(environment(tmp_path, globex=f"    legal_hold: {hold}\n"), run)


@pytest.mark.parametrize("hold", ["true", "false"])
def test_one_that_leaves_takes_its_hold_or_loses_it_by_a_word(
    run: Path, tmp_path: Path, hold: str
) -> None:
    refuse_lost(environment(tmp_path, left(f", legal_hold: {hold}"), globex=None), run)


def test_a_destroy_takes_nobodys_hold(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{GLOBEX} is held, and a destroy takes away"):
        refuse_destroyed(environment(tmp_path), run)
    refuse_destroyed(environment(tmp_path), tmp_path / "nothing")
