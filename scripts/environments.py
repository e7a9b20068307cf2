"""Makes the files that all environments share again: `python -m scripts.environments`.

The Terraform of every environment is the same, and so is the schema of its customers: `embedded`
has the originals, the others have copies. What an environment has of its own is its
`customers.yaml` and, where its state lives elsewhere, `state.s3.tfbackend` and a `backend.tf` in
each root.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ORIGINAL = "embedded"
SCHEMA = "customers.schema.json"
BACKEND_FILE = "backend.tf"
BACKEND = """\
# The state of this root lies where ../state.s3.tfbackend says, under a key of its own.

terraform {
  # 1.10: the lock lies beside the state.
  required_version = ">= 1.10"

  backend "s3" {}
}
"""


def shared(environment: Path) -> dict[Path, str]:
    """The shared files of an environment folder, by their path in it."""
    files = [environment / SCHEMA, *sorted(environment.glob("*/*.tf"))]
    return {
        file.relative_to(environment): file.read_text(encoding="utf-8")
        for file in files
        if file.name != BACKEND_FILE and file.exists()
    }


def copies(root: Path = ROOT) -> Iterator[Path]:
    """The environments that have copies."""
    for file in sorted((root / "environments").glob("*/customers.yaml")):
        if file.parent.name != ORIGINAL:
            yield file.parent


def wanted(root: Path = ROOT) -> dict[Path, str]:
    """What the shared files of a copy should be, by their path in it, backends included."""
    originals = shared(root / "environments" / ORIGINAL)
    roots = sorted({path.parent for path in originals if path.suffix == ".tf"})
    return originals | {folder / BACKEND_FILE: BACKEND for folder in roots}


def differences(environment: Path, root: Path = ROOT) -> dict[Path, str | None]:
    """What is to be written in an environment, `None` for a file that is to go."""
    files = wanted(root)
    backends = sorted(environment.glob(f"*/{BACKEND_FILE}"))
    there = shared(environment) | {
        file.relative_to(environment): file.read_text(encoding="utf-8") for file in backends
    }
    found: dict[Path, str | None] = {
        path: text for path, text in files.items() if there.get(path) != text
    }
    return found | dict.fromkeys(there.keys() - files.keys())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.environments", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    stale = 0
    for environment in copies():
        for path, text in differences(environment).items():
            file, stale = environment / path, stale + 1
            if options.check:
                print(f"{file}: is not as `make docs` makes it", file=sys.stderr)
            elif text is None:
                file.unlink()
                print(f"{file}: removed")
            else:
                file.parent.mkdir(exist_ok=True)
                file.write_text(text, encoding="utf-8")
                print(f"{file}: made again")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
