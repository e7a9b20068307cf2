"""Format and validity of every Terraform module and root, without any account."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import click

from harness.deploy.terraform import Terraform
from harness.deploy.toolchain import Toolchain, prepare_toolchain
from harness.deploy.workspace import private_folder, project_root, runs_folder
from harness.errors import UserError
from harness.targets.base import clean_environ

FOLDERS = ("modules", "environments")


def validate_all(*, fix: bool = False) -> bool:
    """Says what is wrong with each file or folder; returns whether nothing is."""
    root = project_root()
    runs = runs_folder(root)
    toolchain = prepare_toolchain(private_folder(runs / "terraform"))
    good = _formatted(toolchain, root, fix=fix)
    for folder in terraform_folders(root):
        label = str(folder.relative_to(root))
        work = runs / "validate" / label
        terraform = Terraform(
            toolchain,
            folder,
            folder=work,
            data=work / "data",
            environ=clean_environ(),
            label=label,
        )
        try:
            terraform.init(backend=False)
            terraform.validate()
        except UserError as error:
            click.echo(str(error), err=True)
            good = False
        else:
            click.echo(f"{label}: valid")
    return good


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
