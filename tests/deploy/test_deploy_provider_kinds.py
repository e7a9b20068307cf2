"""Providers that are lent tell each Terraform of the kinds that it asked for, and no other."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.processes import PATIENCE, ends
from support.providers import ONE, TWO, provider_that, root_with

from harness.deploy import provider, provider_hub
from harness.deploy.provider import Loan, attached, share
from harness.deploy.provider_hub import VARIABLE

SCHEMA = "/tfplugin5.Provider/GetSchema"
PLAN = "/tfplugin5.Provider/PlanResourceChange"
KINDS = ("aws_iam_role", "aws_kms_key", "aws_sqs_queue")


def speaking(folder: Path) -> Path:
    """A data folder with a provider that knows three kinds, and says its process id to the rest."""
    code = folder / "speaks.py"
    code.write_text(
        f"""import grpc, json, os, tempfile, time
from concurrent.futures import ThreadPoolExecutor
path = tempfile.mkdtemp() + "/p"
def field(number, content):
    return bytes([number << 3 | 2, len(content)]) + content
all = b"".join(field(2, field(1, kind.encode())) for kind in {KINDS!r})
class Answers(grpc.GenericRpcHandler):
    def service(self, call):
        said = all if call.method == {SCHEMA!r} else str(os.getpid()).encode()
        return grpc.unary_unary_rpc_method_handler(lambda request, context: said)
server = grpc.server(ThreadPoolExecutor(4), handlers=[Answers()])
server.add_insecure_port("unix:" + path)
server.start()
said = {{"some/provider": {{"Pid": os.getpid(), "Addr": {{"Network": "unix", "String": path}}}}}}
print("{VARIABLE}='" + json.dumps(said) + "'", flush=True)
time.sleep(60)
""",
        encoding="utf-8",
    )
    return provider_that(folder, f'exec "{sys.executable}" "{code}"\n')


class Terraform:
    """What one asks its provider, over one connection."""

    def __init__(self, loan: Loan) -> None:
        (config,) = json.loads(loan.environ[VARIABLE]).values()
        # Channels to one address would share a connection.
        alone = [("grpc.use_local_subchannel_pool", 1)]
        self.channel = grpc.insecure_channel(f"unix:{config['Addr']['String']}", options=alone)

    def asks(self, method: str) -> bytes:
        ask: Any = self.channel.unary_unary(method)
        return bytes(ask(b"", timeout=30))

    def kinds(self) -> list[str]:
        said = self.asks(SCHEMA)
        return [kind for kind in KINDS if kind.encode() in said]

    def process(self) -> int:
        return int(self.asks(PLAN))


@pytest.fixture
def opened() -> Iterator[Any]:
    made: list[Terraform] = []

    def connect(loan: Loan) -> Terraform:
        made.append(Terraform(loan))
        return made[-1]

    yield connect
    for each in made:
        each.channel.close()


def test_each_terraform_at_once_is_told_of_its_own_kinds(tmp_path: Path, opened: Any) -> None:
    root, data = root_with(tmp_path, ONE), speaking(tmp_path)
    with (
        attached(root, data, os.environ, kinds=["aws_iam_role"]) as one,
        attached(root, data, os.environ, kinds=["aws_kms_key", "aws_unknown"]) as other,
        attached(root, data, os.environ) as everything,
        attached(root, data, os.environ, kinds=[]) as nothing,
    ):
        for _ in range(2):
            assert opened(one).kinds() == ["aws_iam_role"]
            assert opened(other).kinds() == ["aws_kms_key"]
            assert opened(everything).kinds() == [*KINDS]
            assert opened(nothing).kinds() == []
        processes = {opened(loan).process() for loan in (one, other, everything, nothing)}
        assert len(processes) == 4


def test_the_next_terraform_of_a_provider_is_told_of_its_own_kinds(
    tmp_path: Path, opened: Any
) -> None:
    root, data = root_with(tmp_path, ONE), speaking(tmp_path)
    processes = []
    for kinds in (["aws_iam_role"], ["aws_kms_key"], None, ["aws_sqs_queue"], ["aws_iam_role"]):
        with attached(root, data, os.environ, kinds=kinds) as loan:
            terraform = opened(loan)
            assert terraform.kinds() == (kinds or [*KINDS])
            processes.append(terraform.process())
            terraform.channel.close()
        # It is given back in a moment, not at once.
        time.sleep(0.5)
    assert len(set(processes)) < len(processes), "each had a provider of its own"


def test_providers_of_several_configurations_tell_of_the_same_kinds(
    tmp_path: Path, opened: Any
) -> None:
    with attached(
        root_with(tmp_path, TWO), speaking(tmp_path), os.environ, kinds=["aws_kms_key"]
    ) as loan:
        # The third is one more than configurations are known.
        all_of_it = [opened(loan) for _ in range(3)]
        assert [each.kinds() for each in all_of_it] == [["aws_kms_key"]] * 3
        assert len({each.process() for each in all_of_it}) == 3


@pytest.mark.parametrize("kinds", [["aws_kms_key"], None], ids=["some", "all"])
def test_terraform_starts_its_own_where_nothing_can_stand_before_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kinds: list[str] | None
) -> None:
    monkeypatch.setenv("TMPDIR", os.environ.get("TMPDIR", "/tmp"))
    (executable,) = speaking(tmp_path).rglob("terraform-provider-aws*")
    hub = provider_hub.Hub(str(executable), 0, relayed=False)
    for number in range(9):
        (hub.folder / f"front{number}").mkdir()
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(30)
        link.connect(hub.address.getsockname())
        link.sendall(json.dumps({"count": 1, "kinds": kinds}).encode() + b"\n")
        with link.makefile() as answer:
            said = json.loads(answer.readline())
    assert bool(said) == (kinds is None)
    hub.wait()
    hub.address.close()
    shutil.rmtree(hub.folder)


def refused(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_provider_that_nobody_waited_for_ends_with_its_relay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, seen = root_with(tmp_path, ONE), tmp_path / "seen"
    said = '{"some/provider": {"Addr": {"String": "x"}}}'
    says = f"""echo '{VARIABLE}='"'"'{said}'"'"'\nexec sleep 60\n"""
    data = provider_that(tmp_path, f'echo "$$ $AWS_ENDPOINT_URL" > "{seen}"\nsleep 3\n{says}')
    nowhere = "http://127.0.0.1:1"
    environ = {**os.environ, "AWS_ENDPOINT_URL": nowhere, "AWS_ENDPOINT_URL_STS": nowhere}
    share(data, environ)
    monkeypatch.setattr(provider, "PATIENCE", 1.0)
    with attached(root, data, environ) as loan:
        assert loan.environ == {}
    pid, url = seen.read_text().split()
    assert url != nowhere
    relay = "127.0.0.1", int(url.rpartition(":")[2])
    assert not refused(relay)
    assert ends(int(pid))
    deadline = time.monotonic() + PATIENCE
    while not refused(relay) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert refused(relay)


def test_the_process_that_keeps_providers_has_our_own_source(tmp_path: Path) -> None:
    """And not that of what is installed, or of where it is started."""
    seen = tmp_path / "seen"
    data = provider_that(tmp_path, f'echo "$PYTHONPATH" > "{seen}"\nexit 1\n')
    with attached(root_with(tmp_path, ONE), data, {**os.environ, "PYTHONPATH": "/nowhere"}):
        assert seen.read_text().strip() == str(Path(__file__).parents[2])
