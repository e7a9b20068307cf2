"""Roots, and what `init` leaves beside them with a provider that is a shell script."""

from __future__ import annotations

from pathlib import Path

from harness.deploy.toolchain import current_platform

ONE = 'provider "aws" {\n  region = "eu-west-1"\n}\n'
TWO = ONE + '\nprovider "aws" {\n  alias = "other"\n}\n'


def root_with(folder: Path, text: str) -> Path:
    root = folder / "root"
    root.mkdir()
    (root / "main.tf").write_text(text, encoding="utf-8")
    return root


def provider_that(folder: Path, script: str, version: str = "5.100.0") -> Path:
    """A data folder as `init` leaves it, with a provider that is this shell script."""
    data = folder / "data"
    place = data / "providers/registry.terraform.io/hashicorp/aws" / version / current_platform()
    place.mkdir(parents=True)
    executable = place / f"terraform-provider-aws_v{version}_x5"
    executable.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
    executable.chmod(0o755)
    return data
