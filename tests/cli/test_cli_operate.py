"""The operator's day on the embedded cloud, command by command, interruptions included.

Each test has a fork of the deployment that all tests share, and a copy of its environment to edit.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from support.runs import copy_run

from bulkhead.ownership import signed
from harness.cli import start
from harness.deploy import edit
from harness.deploy.apply import DEPLOYMENT_FILE
from harness.deploy.deployment import Deployment
from harness.deploy.environment import load_environment
from harness.deploy.journal import unfinished
from harness.deploy.live import live_sessions, may_assume
from harness.deploy.preview import preview
from harness.deploy.rotation import previous_ids
from harness.deploy.run import EXTERNAL_IDS_FILE, Scope
from harness.deploy.terraform import Changes
from harness.errors import UserError
from harness.targets.embedded import EmbeddedTarget

ROOT = Path(__file__).parents[2]
NEW = "555555555555"
MODEL = "amazon.nova-lite-v1:0"
ADD = ["--account", f"{NEW}:lambda", "--model", MODEL]
NOW = ["--yes", "--verify", "none"]

SCRIPT = """
import sys
from pathlib import Path
import harness.cli.clouds as clouds
import harness.cli.environments as environments
clouds.runs_folder = environments.runs_folder = lambda: Path(sys.argv[1])
from harness.cli import start
sys.exit(start(sys.argv[2:]))
"""


@dataclass
class Day:
    """A running environment, as an operator has it."""

    path: Path
    runs: Path
    capsys: pytest.CaptureFixture[str]
    started: subprocess.Popen[str] | None = None

    @property
    def file(self) -> Path:
        return self.path / "customers.yaml"

    @property
    def folder(self) -> Path:
        return self.runs / "embedded"

    @property
    def text(self) -> str:
        return self.file.read_text(encoding="utf-8")

    @property
    def made(self) -> Deployment:
        return Deployment.load(self.folder / DEPLOYMENT_FILE)

    @property
    def external_ids(self) -> dict[str, str]:
        ids: dict[str, str] = json.loads((self.folder / EXTERNAL_IDS_FILE).read_text("utf-8"))
        return ids

    def run(self, command: str, customer: str, *options: str) -> tuple[int, str]:
        """Runs `bulkhead customer COMMAND`; returns its exit code and all that it printed."""
        self.capsys.readouterr()
        code = start(["customer", command, str(self.path), customer, *options])
        printed = self.capsys.readouterr()
        said = printed.out + printed.err
        assert "Traceback" not in said
        assert not [c for c, secret in self.external_ids.items() if secret in said], "told an id"
        return code, said

    def begin(self, command: str, customer: str, *options: str) -> subprocess.Popen[str]:
        """The same in a process of its own."""
        arguments = ["customer", command, str(self.path), customer, *options]
        self.started = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(self.runs), *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        return self.started


@pytest.fixture
def day(
    deployment: Deployment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Day]:
    original = deployment.environment.path
    path = tmp_path / "environments" / "embedded"
    shutil.copytree(original, path, ignore=shutil.ignore_patterns(".terraform"))
    (tmp_path / "modules").symlink_to(ROOT / "modules")
    runs, before = tmp_path / "runs", deployment.place.credentials.parent
    folder = runs / "embedded"
    copy_run(before, folder)
    shutil.copy(deployment.place.credentials, folder)
    for module in ("clouds", "environments"):
        monkeypatch.setattr(f"harness.cli.{module}.runs_folder", lambda: runs)
    with deployment.cloud().fork(folder / deployment.place.credentials.name) as cloud:
        moved = replace(deployment.on(EmbeddedTarget(cloud)), environment=load_environment(path))
        moved.save(folder / DEPLOYMENT_FILE)
        # As the `bulkhead apply` does that keeps the cloud.
        with FileLock(folder / "apply.lock"):
            made = Day(path, runs, capsys)
            try:
                yield made
            finally:
                if made.started is not None and made.started.poll() is None:
                    made.started.kill()
                    made.started.wait()


def calls(made: Deployment, customer: str) -> list[str]:
    """What new sessions of the customer are told when they call: nothing where they may."""
    return [session.refusal() for session in live_sessions(made, customer)[0]]


def settled(day: Day) -> bool:
    """Whether another apply would leave guardrails and operations as they are."""
    planned = preview(day.made, day.text, Scope((), True, frozenset()), day.folder)
    return all(isinstance(each, Changes) and each.empty for each in planned.values())


def proof(day: Day, customer: str, account: str, signer: str | None = None) -> str:
    """A file with what the owner of an account answers to the challenge."""
    code, said = day.run("challenge", customer, account)
    assert code == 0
    (words,) = [line.split() for line in said.splitlines() if line.startswith("python -m")]
    session = day.made.target().session(signer or account)
    os.environ["AWS_ENDPOINT_URL"] = day.made.place.endpoint
    try:
        url = signed(words[3], words[5], session)
    finally:
        del os.environ["AWS_ENDPOINT_URL"]
    file = day.folder / "proof"
    file.write_text(url, encoding="utf-8")
    return f"{account}={file}"


def test_a_customer_is_proved_added_called_from_and_handed_over(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, ids = day.text, day.external_ids

    # An account with another part to play is nobody's to prove.
    listed = day.made.environment
    whom, its = listed.customer_accounts[0]
    for taken, whose in (
        (its.account_id, f"{whom.key}'s"),
        (listed.operations_account, "listed"),
        (listed.probes.accounts[0], "listed"),
    ):
        code, said = day.run("challenge", "newco", taken)
        assert code == 2 and f"account {taken} is {whose} already" in said
    # Nobody has shown whose the account is, or somebody else has.
    code, said = day.run("add", "newco", *ADD, *NOW)
    assert code == 2
    assert f"nobody has proved whose account {NEW} is: `bulkhead customer challenge" in said
    code, said = day.run(
        "add", "newco", *ADD, *NOW, "--proof", proof(day, "newco", NEW, "888888888888")
    )
    assert code == 2
    assert f"proof of account {NEW}: it was signed in account 888888888888" in said
    # STS itself refuses a challenge that was not the one signed.
    other = proof(day, "other", NEW)
    code, said = day.run("add", "newco", *ADD, *NOW, "--proof", other)
    assert code == 2
    assert "STS refuses the signature (SignatureDoesNotMatch)" in said
    assert (day.text, day.external_ids) == (before, ids)

    # The plan alone.
    good = proof(day, "newco", NEW)
    code, said = day.run("add", "newco", *ADD, "--dry-run", "--proof", good)
    assert code == 0, said
    assert f'+    accounts:\n+      - {{ account_id: "{NEW}", caller: lambda }}' in said
    assert "operations: 5 to create" in said
    assert 'create module.fleet.aws_iam_role.fleet["newco"]' in said
    assert f"newco {NEW}: is planned when what it needs is applied" in said
    assert (day.text, day.external_ids) == (before, ids)
    assert "newco" not in day.made.fleets
    # Nobody is asked where nobody is.
    code, said = day.run("add", "newco", *ADD)
    assert code == 2 and "--yes goes on without" in said
    assert day.text == before

    probed: list[str | None] = []

    class Suite:
        def __init__(self, *arguments: Any) -> None:
            probed.append(arguments[4])

        def __enter__(self) -> Suite:
            return self

        def __exit__(self, *_: object) -> None: ...

        def finish(self, _console: object) -> bool:
            return len(probed) > 1

    monkeypatch.setattr("harness.cli.desk.Suite", Suite)
    code, said = day.run("add", "newco", *ADD, "--yes")
    assert (code, probed) == (1, ["newco"]), "what does not hold is an exit code"
    assert edit.remove(day.text, ["customers", "newco"]) == before
    assert day.external_ids.keys() == {*ids, "newco"}
    made = day.made
    assert calls(made, "newco") == [""]
    assert calls(made, "acme") == ["", ""]
    page = (day.folder / "handover" / "newco.md").read_text(encoding="utf-8")
    assert made.fleets["newco"].fleet_role_arn in page
    assert day.external_ids["newco"] not in page
    assert "Account 555555555555" in page
    assert settled(day), "another apply would change something"

    # Once more changes nothing, and needs no proof; another customer of the name is refused.
    text, identity = day.text, day.external_ids
    code, said = day.run("add", "newco", *ADD, "--yes", "--verify", "all")
    assert (code, probed) == (0, ["newco", None])
    assert (day.text, day.external_ids) == (text, identity)
    code, said = day.run("add", "newco", *ADD, "--region", "eu-west-1", *NOW)
    assert code == 2 and "newco is listed already, and otherwise" in said
    # What the schema does not take is told with its line, and not written.
    code, said = day.run("change", "newco", "--add-region", "mars-1", *NOW)
    assert code == 2 and f"{day.file}:" in said and "regions[1]" in said
    assert "(in the file as this would leave it)" in said
    assert day.text == text


def test_what_only_others_can_plan_is_told_by_a_dry_run(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = day.text
    code, said = day.run("add", "newco", *ADD, "--without-proof", "--dry-run")
    assert code == 2 and '+      - { account_id: "555555555555", caller: lambda }' in said
    assert f"`bulkhead customer challenge embedded newco {NEW}` opens it" in said
    # Where somebody is asked, it is opened, and can be planned.
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    code, said = day.run("add", "newco", *ADD, "--without-proof")
    assert code == 2 and f"bootstrap {NEW}: " in said and "--yes goes on without" in said
    assert day.run("add", "newco", *ADD, "--without-proof", "--dry-run")[0] == 0
    assert day.text == before
    code, said = day.run("stop", "acme", "--yes", "--profile", f"{NEW}=me")
    assert code == 2 and "--profile is for real accounts; give --target aws" in said
    code, said = day.run("stop", "acme", "--yes", "--target", "aws")
    assert code == 2 and "embedded is not deployed in its accounts; run `bulkhead apply" in said


def wait_for(process: subprocess.Popen[str], holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.poll() is None, process.stdout and process.stdout.read()


def test_an_addition_that_is_interrupted_and_killed_goes_on_where_it_was(day: Day) -> None:
    options = [*ADD, "--without-proof", *NOW]

    # Ctrl-C while roots are applied: the file says what is meant, and what is left is told.
    process = day.begin("add", "newco", *options)
    state = day.folder / "state" / f"bootstrap-{NEW}" / "terraform.tfstate"
    wait_for(process, state.exists)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "bulkhead: left: " in said and f"newco {NEW}" in said.split("left:")[1]
    assert "newco" in edit.read(day.text)["customers"]
    assert f"newco {NEW}" in unfinished(day.folder)["apply"].left
    identity = day.external_ids["newco"]

    # A second one is not let in while the first works; killed, it leaves a Terraform alone.
    process = day.begin("add", "newco", *options)
    wait_for(process, lambda: operations_done(day) or running(day, "operations"))
    code, refused = day.run("stop", "acme", "--yes")
    assert code == 2 and "is being changed by another bulkhead" in refused
    process.kill()
    process.communicate()

    code, said = day.run("add", "newco", *options)
    assert code == 0, said
    assert f"bootstrap {NEW}: done before" in said or f"bootstrap {NEW}: 0 changes" in said
    assert day.external_ids["newco"] == identity
    assert not unfinished(day.folder)
    assert calls(day.made, "newco") == [""]
    assert settled(day)


def operations_done(day: Day) -> bool:
    found = unfinished(day.folder)
    return "apply" in found and "operations" in found["apply"].done


def running(day: Day, root: str) -> bool:
    return (day.folder / "state" / root / "terraform.out").exists()


def test_models_regions_and_accounts_change(day: Day) -> None:
    before, pro = day.text, "amazon.nova-pro-v1:0"
    models = load_environment(day.path).customers["globex"].models
    code, said = day.run("change", "globex", "--add-model", pro, "--add-region", "eu-west-1", *NOW)
    assert code == 0, said
    changed = load_environment(day.path).customers["globex"]
    assert changed.models == (*models, pro)
    assert changed.regions == ("eu-central-1", "eu-west-1")
    profiles = day.made.fleets["globex"].inference_profiles
    assert {region: set(of) for region, of in profiles.items()} == {
        region: {*models, pro} for region in changed.regions
    }
    assert "acme 2" not in said and "initech 4" not in said, "a neighbour's root was applied"

    less = ["--remove-model", pro, "--remove-region", "eu-west-1"]
    code, said = day.run("change", "globex", *less, "--dry-run")
    assert code == 0, said
    assert f'delete module.profiles.aws_bedrock_inference_profile.this["globex/{pro}"]' in said
    all_models = [option for model in (*models, pro) for option in ("--remove-model", model)]
    code, said = day.run("change", "globex", *all_models, *NOW)
    assert code == 2 and "customers.globex.models: is empty" in said
    with_models = edit.put(day.text, ["customers", "globex", "models"], list(models))
    assert edit.remove(with_models, ["customers", "globex", "regions"]) == before

    added = ["--account", f"{NEW}:ecs", "--proof", proof(day, "globex", NEW)]
    code, said = day.run("add-account", "globex", *added, *NOW)
    assert code == 0, said
    assert calls(day.made, "globex") == ["", ""]
    assert day.made.accounts[NEW].caller == "ecs"


def test_an_external_id_is_replaced_with_a_grace_that_ends(day: Day) -> None:
    old, file = day.external_ids["globex"], day.text
    code, said = day.run("rotate-external-id", "globex", "--dry-run")
    assert code == 0, said
    assert "globex gets a new external id" in said
    assert 'update module.fleet.aws_iam_role.fleet["globex"]' in said
    assert day.external_ids["globex"] == old

    code, said = day.run("rotate-external-id", "globex", "--grace", "1", *NOW)
    assert code == 0, said
    new, account = day.external_ids["globex"], "333333333333"
    assert new != old and old not in said
    for external_id in (old, new):
        assert may_assume(day.made, "globex", account, external_id) is not None
    assert may_assume(day.made, "globex", account, day.external_ids["acme"]) is None
    ssm = day.made.target().client(day.made.target().session(account), "ssm", "eu-central-1")
    kept = ssm.get_parameter(Name="/bulkhead/globex/external-id", WithDecryption=True)
    assert kept["Parameter"]["Value"] == new

    # Within the grace the same command begins no other; --end ends it.
    code, said = day.run("rotate-external-id", "globex", *NOW)
    assert code == 0 and "is being given a new external id" in said
    assert day.external_ids["globex"] == new
    code, said = day.run("rotate-external-id", "globex", "--end", *NOW)
    assert code == 0 and old not in said
    assert may_assume(day.made, "globex", account, old) is None
    assert may_assume(day.made, "globex", account, new) is not None
    assert previous_ids(day.folder, ["globex"]) == {}
    assert day.text == file
    assert settled(day)


def test_a_grace_ends_without_anybodys_doing(day: Day) -> None:
    old = day.external_ids["initech"]
    code, said = day.run("rotate-external-id", "initech", "--grace", "0", *NOW)
    assert code == 0, said
    # Nothing was applied since; the old id stands in the trust, and its time is over.
    assert previous_ids(day.folder, ["initech"])["initech"]["external_id"] == old
    assert may_assume(day.made, "initech", "444444444444", old) is None
    assert calls(day.made, "initech") == [""]
    code, said = day.run("rotate-external-id", "initech", *NOW)
    assert code == 0 and "is taken no more" in said
    assert previous_ids(day.folder, ["initech"]) == {}


def test_a_customer_is_stopped_and_let_in_again(day: Day) -> None:
    before = day.text
    ((session,), _) = live_sessions(day.made, "globex")
    neighbours, _ = live_sessions(day.made, "acme")
    assert session.refusal() == ""
    code, said = day.run("stop", "globex", "--dry-run")
    assert code == 0, said
    assert "+    stopped: true" in said and "operations: " in said
    assert (day.text, session.refusal()) == (before, "")

    code, said = day.run("stop", "globex", "--yes")
    assert code == 0, said
    assert "globex is denied; 1 live session of it tried to call, and could not." in said
    assert "explicit deny" in session.refusal()
    assert [each.refusal() for each in neighbours] == ["", ""]
    assert edit.remove(day.text, ["customers", "globex", "stopped"]) == before
    assert settled(day), "another apply would let it in"
    assert day.run("stop", "globex", "--yes")[0] == 0, "to stop twice is no error"
    assert "explicit deny" in session.refusal()

    code, said = day.run("resume", "globex", *NOW)
    assert code == 0, said
    assert (day.text, session.refusal(), calls(day.made, "globex")) == (before, "", [""])


def test_a_customer_leaves_even_when_the_command_is_killed(day: Day) -> None:
    before, account = day.text, "333333333333"
    ((session,), _) = live_sessions(day.made, "globex")
    code, said = day.run("offboard", "globex", "--dry-run")
    assert code == 0, said
    assert "-  globex:" in said and "+former_customers:" in said
    assert 'delete module.fleet.aws_iam_role.fleet["globex"]' in said
    assert (day.text, session.refusal()) == (before, "")

    process = day.begin("offboard", "globex", *NOW)
    wait_for(process, lambda: running(day, f"globex-{account}"))
    process.kill()
    process.communicate()
    # Denied before anything went, and every apply would keep it so.
    assert "explicit deny" in session.refusal()
    assert load_environment(day.path).customers["globex"].stopped

    code, said = day.run("offboard", "globex", *NOW)
    assert code == 0, said
    assert session.refusal()
    text = edit.read(day.text)
    assert "globex" not in text["customers"] and "globex" not in day.external_ids
    assert text["former_customers"]["globex"]["accounts"] == [account]
    made = day.made
    target = made.target()
    operations = target.client(target.session("111111111111"), "iam", "us-east-1")
    pages = operations.get_paginator("list_roles").paginate(PathPrefix="/bulkhead/")
    names = {role["RoleName"] for page in pages for role in page["Roles"]}
    assert "bulkhead-acme" in names and "bulkhead-globex" not in names
    home = target.client(target.session(account), "iam", "us-east-1")
    pages = home.get_paginator("list_roles").paginate(PathPrefix="/bulkhead/")
    assert [role["RoleName"] for page in pages for role in page["Roles"]] == []
    assert settled(day)

    # Nobody gets the name by accident; by the command or by hand.
    code, said = day.run("add", "globex", "--account", f"{account}:lambda", "--model", MODEL, *NOW)
    assert code == 2 and "globex was a customer until" in said
    left = day.text
    day.file.write_text(
        edit.put(left, ["customers", "globex"], edit.read(before)["customers"]["globex"]), "utf-8"
    )
    with pytest.raises(UserError, match=r"customers\.globex: globex was a customer until"):
        load_environment(day.path)
    day.file.write_text(left, "utf-8")
    assert day.run("offboard", "globex", *NOW)[0] == 0, "to offboard twice is no error"
    code, said = day.run("offboard", "nobody", *NOW)
    assert code == 2 and "no customer nobody; there are acme, initech" in said
