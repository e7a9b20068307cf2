"""Where things lie in a clone: environments, modules, and the git-ignored folder of runs."""

from __future__ import annotations

import os
from pathlib import Path

import harness
from harness.errors import UserError

CUSTOMERS_FILE = "customers.yaml"
STARTER = "BULKHEAD_STARTER"
"""The environment variable with the process that makes what a suite waits for."""
RUNS = ".bulkhead"


def project_root() -> Path:
    """The clone this command belongs to: the one it is installed from, or the one it is run in.

    Raises `UserError` outside of any clone.
    """
    installed = Path(harness.__file__).resolve().parent.parent
    here = Path.cwd()
    for folder in (installed, here, *here.parents):
        if (folder / "environments").is_dir() and (folder / "modules").is_dir():
            return folder
    raise UserError("no environments/ and modules/ here; run bulkhead from a clone of the project")


def environment_folder(name: str, root: Path | None = None) -> Path:
    """The folder of an environment, from its name or its path.

    Raises `UserError` naming the environments that exist.
    """
    base = (root or project_root()) / "environments"
    folder = base / name
    if os.sep not in name and (folder / CUSTOMERS_FILE).is_file():
        return folder
    path = Path(name)
    if path.is_absolute() and (path / CUSTOMERS_FILE).is_file():
        return path
    known = sorted(f.parent.name for f in base.glob(f"*/{CUSTOMERS_FILE}"))
    raise UserError(
        f"no environment {name!r}: environments/{name}/{CUSTOMERS_FILE} does not exist "
        f"(known: {', '.join(known) or 'none'})"
    )


def runs_folder(root: Path | None = None) -> Path:
    """The git-ignored folder for state, credentials, external ids and reports; made if missing."""
    folder = (root or project_root()) / RUNS
    private_folder(folder)
    return folder


def private_folder(folder: Path) -> Path:
    """Makes the folder so that only its owner can look into it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, whole or not at all."""
    private_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def machine_memory() -> int:
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
