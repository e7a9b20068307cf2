"""The adapter over python-terraform, with a Terraform that writes down how it was called."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.deploy.orphans import held
from harness.deploy.terraform import Step, Terraform, stop_all
from harness.deploy.toolchain import Toolchain
from harness.errors import UserError

SECRET = "an-external-id-that-nobody-may-see"

Make = Callable[..., Terraform]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes an adapter whose Terraform is a shell script."""

    def build(script: str = "", **options: object) -> Terraform:
        root = tmp_path / "root"
        root.mkdir(exist_ok=True)
        (root / "variables.tf").write_text(
            'variable "external_ids" {\n}\nvariable "profile" {}\n', encoding="utf-8"
        )
        binary = tmp_path / "terraform"
        binary.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nenv > {tmp_path}/env\n{script}\n',
            encoding="utf-8",
        )
        binary.chmod(0o755)
        tools = Toolchain("terraform", binary, tmp_path / "rc", None, None)
        settings: dict[str, object] = {
            "folder": tmp_path / "state",
            "data": tmp_path / "data",
            "environ": {"PATH": "/usr/bin:/bin", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
            "hidden": [SECRET],
        }
        return Terraform(tools, root, **(settings | options))  # type: ignore[arg-type]

    return build


def say(*events: object) -> str:
    return "\n".join(f"cat <<'END'\n{json.dumps(event)}\nEND" for event in events)


def planned(address: str) -> dict[str, object]:
    return {
        "type": "planned_change",
        "change": {"action": "create", "resource": {"addr": address}},
    }


def complete(address: str, action: str = "create") -> dict[str, object]:
    return {
        "type": "apply_complete",
        "hook": {"action": action, "resource": {"addr": address}},
    }


def failure(summary: str, detail: str) -> dict[str, object]:
    return {
        "type": "diagnostic",
        "diagnostic": {
            "severity": "error",
            "summary": summary,
            "detail": detail,
            "address": "aws_iam_role.fleet",
            "range": {"filename": "main.tf", "start": {"line": 7}},
        },
    }


def calls(tmp_path: Path) -> list[list[str]]:
    text = (tmp_path / "calls").read_text(encoding="utf-8")
    return [line.split() for line in text.splitlines()]


def test_apply_asks_nothing_and_reports_steps(make: Make, tmp_path: Path) -> None:
    steps: list[Step] = []
    script = say(planned("a.b"), planned("c.d"), complete("a.b"), complete("c.d"))
    terraform = make(script, on_step=steps.append)
    changes = terraform.apply({"profile": "111111111111"})
    assert changes.planned == ["create a.b", "create c.d"]
    assert changes.done == 2
    assert steps[0] == Step("apply")
    assert steps[-1] == Step("apply", 2, 2, "c.d")
    (call,) = calls(tmp_path)
    assert call[0] == "apply"
    assert {"-auto-approve=true", "-input=false", "-lock=false", "-json"} <= set(call)
    assert f"-state={terraform.state}" in call


def test_reading_data_is_no_change(make: Make) -> None:
    terraform = make(say(planned("a.b"), complete("data.x.y", "read"), complete("a.b")))
    assert terraform.apply({}).done == 1


def test_destroy_really_destroys(make: Make, tmp_path: Path) -> None:
    make().destroy({})
    (call,) = calls(tmp_path)
    assert call[0] == "destroy"
    assert "-auto-approve" in call
    assert not [argument for argument in call if argument.startswith("-force")]


@pytest.mark.parametrize(("code", "empty"), [(0, True), (2, False)])
def test_plan_tells_changes_from_none(make: Make, code: int, empty: bool) -> None:
    assert make(f"exit {code}").plan({}).empty is empty


def test_a_planned_change_is_named(make: Make) -> None:
    changes = make(say(planned("a.b")) + "\nexit 2").plan({})
    assert changes.planned == ["create a.b"]
    assert not changes.outputs


def test_only_the_given_environment_reaches_terraform(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_VAR_profile", "stray")
    make().apply({})
    env = (tmp_path / "env").read_text(encoding="utf-8")
    assert "stray" not in env
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:1" in env
    assert f"TF_DATA_DIR={tmp_path / 'data'}" in env
    assert "TF_IN_AUTOMATION=1" in env


def test_variables_travel_in_a_private_file(make: Make, tmp_path: Path) -> None:
    make().apply({"external_ids": {"acme": SECRET}})
    (call,) = calls(tmp_path)
    assert SECRET not in " ".join(call)
    path = Path(next(a for a in call if a.startswith("-var-file=")).partition("=")[2])
    assert json.loads(path.read_text(encoding="utf-8")) == {"external_ids": {"acme": SECRET}}
    assert path.stat().st_mode & 0o077 == 0


def test_a_misspelt_variable_is_an_error(make: Make, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no variable external_id \(known: external_ids, profile"):
        make().apply({"external_id": {}})
    assert not (tmp_path / "calls").exists()


def test_an_error_is_one_line_without_secrets(make: Make) -> None:
    script = say(failure("creating IAM Role", f"MalformedPolicy:\n  {SECRET} is bad")) + "\nexit 1"
    with pytest.raises(UserError) as error:
        make(script, label="acme 222222222222").apply({})
    message = str(error.value)
    assert message.startswith("terraform apply of acme 222222222222: creating IAM Role: Malformed")
    assert "(aws_iam_role.fleet, main.tf:7)" in message
    assert "[redacted] is bad" in message
    assert SECRET not in message
    assert "\n" not in message


def test_errors_as_text_are_understood(make: Make) -> None:
    script = "printf '╷\\n│ Error: Invalid provider\\n│ \\n│ no such thing\\n╵\\n' >&2; exit 1"
    with pytest.raises(UserError, match=r"^terraform init of root: Invalid provider no such"):
        make(script).init()


def test_output_gives_sensitive_values(make: Make) -> None:
    outputs = {"customers": {"sensitive": True, "type": "string", "value": SECRET}}
    assert make(say(outputs)).output() == {"customers": SECRET}


def outputs_told(**outputs: dict[str, object]) -> tuple[dict[str, object], ...]:
    """As an apply tells of outputs: once when it is planned, and once when all is done."""
    first = {name: {"sensitive": each["sensitive"]} for name, each in outputs.items()}
    return {"type": "outputs", "outputs": first}, {"type": "outputs", "outputs": outputs}


def test_an_apply_tells_its_outputs(make: Make, tmp_path: Path) -> None:
    told = outputs_told(role={"sensitive": False, "type": "string", "value": "arn"})
    terraform = make(say(*told))
    terraform.apply({})
    assert terraform.output() == {"role": "arn"}
    assert [call[0] for call in calls(tmp_path)] == ["apply"]


def test_outputs_with_a_sensitive_one_are_asked_for(make: Make, tmp_path: Path) -> None:
    told = outputs_told(
        role={"sensitive": False, "type": "string", "value": "arn"}, secret={"sensitive": True}
    )
    everything = {"role": {"value": "arn"}, "secret": {"value": SECRET}}
    script = f'case "$1" in apply) {say(*told)}\n;; output) {say(everything)}\n;; esac'
    terraform = make(script)
    terraform.apply({})
    assert terraform.output() == {"role": "arn", "secret": SECRET}
    assert [call[0] for call in calls(tmp_path)] == ["apply", "output"]


def test_a_plan_document_is_what_show_says_and_leaves_no_plan(make: Make, tmp_path: Path) -> None:
    script = f"""
case "$1" in
  plan) touch {tmp_path}/state/plan;;
  show) echo '{{"planned_values": {{}}}}';;
esac"""
    document = make(script).plan_document({"profile": "p"}, refresh=False)
    assert json.loads(document) == {"planned_values": {}}
    plan, show = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    saved = tmp_path / "state/plan"
    assert f"-out={saved}" in plan.split() and "-refresh=false" in plan.split()
    assert show.split() == ["show", "-json", "-no-color", str(saved)]
    assert not saved.exists()

    with pytest.raises(UserError, match="terraform plan of root"):
        make(f"touch {saved}; exit 1").plan_document({})
    assert not saved.exists()


def test_the_deadline_ends_a_hanging_terraform(make: Make) -> None:
    with pytest.raises(UserError, match="no end after"):
        make("trap 'exit 9' INT\nwhile :; do sleep 0.05; done", deadline=0.3).apply({})


def test_stop_all_interrupts_what_runs(make: Make, tmp_path: Path) -> None:
    script = f"trap 'echo stopped > {tmp_path}/end; exit 1' INT\ntouch {tmp_path}/up\n"
    script += "while :; do sleep 0.05; done"
    failed: list[UserError] = []

    def apply() -> None:
        try:
            make(script).apply({})
        except UserError as error:
            failed.append(error)

    thread = threading.Thread(target=apply)
    thread.start()
    deadline = time.monotonic() + 20
    while not (tmp_path / "up").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    stop_all()
    thread.join(20)
    assert failed
    assert (tmp_path / "end").read_text(encoding="utf-8") == "stopped\n"


STARTER = """
import sys
from pathlib import Path
from harness.deploy.terraform import Terraform, stop_all
from harness.deploy.toolchain import Toolchain
here = Path(sys.argv[1])
tools = Toolchain("terraform", here / "terraform", here / "rc", None, None)
options = {
    "environ": {"PATH": "/usr/bin:/bin"},
    "folder": here / "state",
    "data": here / "data",
    "lasting": True,
    "on_step": lambda step: print(step.phase, flush=True),
}
try:
    Terraform(tools, here / "root", **options).apply({})
except KeyboardInterrupt:
    stop_all()
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize(("again", "end"), [(False, "made"), (True, "dropped")])
def test_what_is_to_last_is_finished_at_an_interrupt_and_dropped_at_the_next(
    again: bool, end: str, make: Make, tmp_path: Path
) -> None:
    # A provider that is asked to stop drops its calls, and what they made is in no state.
    make(
        f"trap 'echo dropped > {tmp_path}/end; exit 1' INT\ntouch {tmp_path}/up\n"
        f"while [ ! -e {tmp_path}/go ]; do sleep 0.02; done\necho made > {tmp_path}/end"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    deadline = time.monotonic() + 20
    while not (tmp_path / "up").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    starter.send_signal(signal.SIGINT)
    assert [starter.stdout.readline(), starter.stdout.readline()] == ["apply\n", "finish\n"]
    if again:
        starter.send_signal(signal.SIGINT)
    else:
        (tmp_path / "go").touch()
    assert starter.communicate(timeout=20)[0] == "interrupted\n"
    assert (tmp_path / "end").read_text(encoding="utf-8") == f"{end}\n"


def test_a_terraform_whose_starter_is_killed_comes_to_its_end_and_is_waited_for(
    make: Make, tmp_path: Path
) -> None:
    make(
        f"touch {tmp_path}/up\n"
        f"while [ ! -e {tmp_path}/go ]; do echo still; sleep 0.02; done\n"
        f"echo last; echo first >> {tmp_path}/order"
    )
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)])
    deadline = time.monotonic() + 20
    while not (tmp_path / "up").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    starter.send_signal(signal.SIGKILL)
    starter.wait()

    steps: list[Step] = []

    def waited(step: Step) -> None:
        steps.append(step)
        if step.phase == "wait":
            (tmp_path / "go").touch()

    make(f"echo second >> {tmp_path}/order", on_step=waited).apply({})
    assert [step.phase for step in steps] == ["apply", "wait"]
    assert (tmp_path / "order").read_text(encoding="utf-8").split() == ["first", "second"]
    assert not list((tmp_path / "state").glob("terraform.out")), "what it told lies around"


def test_a_terraform_that_never_ends_is_not_waited_for_longer_than_the_deadline(
    make: Make, tmp_path: Path
) -> None:
    with held(tmp_path / "state" / "terraform.lock", 1, lambda: None) as lock:
        assert lock is not None and os.fstat(lock).st_mode & 0o077 == 0
        with pytest.raises(UserError, match="root: an earlier Terraform still works on its state"):
            make(f"touch {tmp_path}/up", deadline=0.1).apply({})
    assert not (tmp_path / "up").exists()
