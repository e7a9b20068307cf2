"""When a root is prepared already: as it stands, and with what it was prepared with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.deploy.deployment import Deployment
from harness.deploy.prepared import LOCK_FILE, is_prepared, note_prepared
from harness.deploy.run import Run
from harness.deploy.terraform import Terraform
from harness.deploy.toolchain import Toolchain


class Bench:
    """A root with a data folder as `init` leaves it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.data, self.config = folder / "root", folder / "data", folder / "rc"
        self.root.mkdir()
        (self.root / "main.tf").write_text("# a root\n", encoding="utf-8")
        self.lock = self.root / LOCK_FILE
        self.lock.write_text("# a lock\n", encoding="utf-8")
        self.config.write_text("# a mirror\n", encoding="utf-8")
        self.mirrored = folder / "mirror" / "terraform-provider-aws_v6.0.0"
        self.mirrored.parent.mkdir()
        self.mirrored.write_text("a provider", encoding="utf-8")
        link = self.data / "providers" / "registry" / "hashicorp" / "aws" / "6.0.0" / "linux_amd64"
        link.parent.mkdir(parents=True)
        link.symlink_to(self.mirrored.parent)
        self.toolchain = Toolchain("terraform", Path("/bin/terraform"), self.config, None, None)
        self.modules = "modules"

    @property
    def prepared(self) -> bool:
        return is_prepared(self.root, self.data, self.modules, self.toolchain)

    def prepare(self) -> None:
        note_prepared(self.root, self.data, self.modules, self.toolchain)

    def upgrade(self) -> None:
        self.toolchain = replace(self.toolchain, executable=Path("another-terraform"))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_root_is_prepared_once_it_was(bench: Bench) -> None:
    assert not bench.prepared
    bench.prepare()
    assert bench.prepared


@pytest.mark.parametrize(
    "change",
    [
        lambda bench: (bench.root / "main.tf").write_text("# another\n", encoding="utf-8"),
        lambda bench: (bench.root / "more.tf").write_text("# another\n", encoding="utf-8"),
        lambda bench: setattr(bench, "modules", "others"),
        lambda bench: bench.upgrade(),
        lambda bench: bench.config.write_text("# another\n", encoding="utf-8"),
        lambda bench: bench.lock.write_text("# another\n", encoding="utf-8"),
        lambda bench: bench.lock.unlink(),
        lambda bench: bench.mirrored.unlink(),
        lambda bench: shutil.rmtree(bench.data),
    ],
    ids=["file", "more", "modules", "terraform", "mirror", "lock", "unlocked", "provider", "data"],
)
def test_what_changed_since_is_prepared_again(
    bench: Bench, change: Callable[[Bench], object]
) -> None:
    bench.prepare()
    change(bench)
    assert not bench.prepared


def test_without_a_lock_file_nothing_is_noted(bench: Bench) -> None:
    bench.lock.unlink()
    bench.prepare()
    bench.lock.write_text("# a lock\n", encoding="utf-8")
    assert not bench.prepared


def test_a_run_prepares_what_the_last_one_did_not(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the real data folders of the deployment that all tests share."""
    asked: list[str] = []
    monkeypatch.setattr(Terraform, "init", lambda root: asked.append(root.root.name))
    before, environment = deployment.place.credentials.parent, deployment.environment
    shutil.copytree(before / "data", tmp_path / "run" / "data", symlinks=True)
    path = tmp_path / "environments" / environment.path.name
    shutil.copytree(environment.path, path, ignore=shutil.ignore_patterns(".terraform"))
    shutil.copytree(environment.path.parents[1] / "modules", tmp_path / "modules")
    run = Run(replace(environment, path=path), tmp_path / "run", None)
    run.init()
    assert asked == []
    main = path / "customer" / "main.tf"
    main.write_text(main.read_text(encoding="utf-8") + "# more\n", encoding="utf-8")
    run.init()
    assert asked == ["customer"]
