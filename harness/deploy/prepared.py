"""Whether `terraform init` has prepared a root already, so that it need not again.

It reads the whole provider each time, hundreds of megabytes, to compare it with the lock file: two
seconds of computing for each root, at each command. What it leaves is for the root's files and the
modules', for where providers come from, and for the lock file; a note beside it says for which.
"""

from __future__ import annotations

from pathlib import Path

from harness.deploy.journal import digest, files
from harness.deploy.toolchain import Toolchain
from harness.deploy.workspace import write_private

LOCK_FILE = ".terraform.lock.hcl"
NOTE = "bulkhead-prepared"


def is_prepared(root: Path, data: Path, modules: str, toolchain: Toolchain) -> bool:
    """Whether the data folder is what `init` would leave for the root now. `modules` is a digest of
    the modules. False wherever that is not certain."""
    note = data / NOTE
    if not (note.exists() and (root / LOCK_FILE).exists() and _providers(data)):
        return False
    return note.read_text(encoding="utf-8") == _of(root, modules, toolchain)


def note_prepared(root: Path, data: Path, modules: str, toolchain: Toolchain) -> None:
    """Notes what `init` has just prepared the data folder for."""
    if (root / LOCK_FILE).exists():
        write_private(data / NOTE, _of(root, modules, toolchain))


def _of(root: Path, modules: str, toolchain: Toolchain) -> str:
    config = toolchain.config.read_text(encoding="utf-8")
    lock = (root / LOCK_FILE).read_text(encoding="utf-8")
    return digest(files(root), modules, str(toolchain.executable), config, lock)


def _providers(data: Path) -> bool:
    """Whether providers are there; what they link to may have gone."""
    # providers/REGISTRY/NAMESPACE/NAME/VERSION/PLATFORM/FILE
    return any((data / "providers").glob("*/*/*/*/*/terraform-provider-*"))
