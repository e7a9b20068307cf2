"""Format and validity of every Terraform module and root, without any account."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from harness.deploy.provider import attached, named
from harness.deploy.terraform import Terraform
from harness.deploy.toolchain import Toolchain, prepare_toolchain
from harness.deploy.workspace import private_folder, project_root, runs_folder
from harness.errors import UserError
from harness.targets.base import clean_environ

FOLDERS = ("modules", "environments")
_ANY_PROVIDER = """terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {}
"""


def validate_all(*, fix: bool = False) -> bool:
    """Says what is wrong with each file or folder; returns whether nothing is."""
    root = project_root()
    runs = runs_folder(root)
    toolchain = prepare_toolchain(private_folder(runs / "terraform"))
    good = _formatted(toolchain, root, fix=fix)
    folders = list(terraform_folders(root))
    with _one_provider(toolchain, runs / "validate" / "provider", folders) as address:
        valid = [
            _valid(toolchain, folder, runs / "validate", str(folder.relative_to(root)), address)
            for folder in folders
        ]
    return all([good, *valid])


def _valid(
    toolchain: Toolchain, folder: Path, work: Path, label: str, address: dict[str, str]
) -> bool:
    terraform = Terraform(
        toolchain,
        folder,
        folder=work / label,
        data=work / label / "data",
        environ={**clean_environ(), **address},
        label=label,
    )
    try:
        terraform.init(backend=False)
        terraform.validate()
    except UserError as error:
        click.echo(str(error), err=True)
        return False
    click.echo(f"{label}: valid")
    return True


@contextlib.contextmanager
def _one_provider(
    toolchain: Toolchain, folder: Path, folders: Iterable[Path]
) -> Iterator[dict[str, str]]:
    """What makes every Terraform within, each in one of these folders, ask one provider about its
    schema, instead of reading it to the last byte and starting it. Nothing is configured here, and
    which release of those that the modules take it is, `init` chooses."""
    root = folder / "root"
    root.mkdir(parents=True, exist_ok=True)
    (root / "main.tf").write_text(_ANY_PROVIDER, encoding="utf-8")
    data = folder / "data"
    terraform = Terraform(
        toolchain, root, folder=folder, data=data, environ=clean_environ(), label="provider"
    )
    terraform.init(backend=False)
    with attached(root, data.absolute(), clean_environ(), kinds=named(folders)) as loan:
        yield loan.environ


def terraform_folders(root: Path) -> Iterator[Path]:
    """Every folder with Terraform files, in a stable order."""
    files = (file for name in FOLDERS for file in (root / name).rglob("*.tf"))
    yield from sorted({file.parent for file in files if ".terraform" not in file.parts})


def _formatted(toolchain: Toolchain, root: Path, *, fix: bool) -> bool:
    options = [] if fix else ["-check", "-diff"]
    good = True
    for name in FOLDERS:
        done = subprocess.run(
            [str(toolchain.executable), "fmt", "-recursive", *options, name],
            cwd=root,
            env={**clean_environ(), **toolchain.environ()},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = (done.stdout + done.stderr).strip()
            click.echo(f"{name}: not in Terraform's format:\n{said}", err=True)
            click.echo("run `make format`", err=True)
            good = False
    return good
