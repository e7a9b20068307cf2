"""One AWS provider process, for each configuration of a root, for a whole Terraform command.

Terraform starts its provider three to four times for one apply (to learn its schema, to validate,
to plan, to apply), and each start builds the same schema: two thirds of what a small apply
computes. Started once and attached to, it does this once.
https://developer.hashicorp.com/terraform/plugin/debugging#running-terraform-with-a-provider-in-debug-mode

Terraform does not compare an attached provider with the lock file, so this is for targets where
nothing real is at stake. Where it cannot be done, Terraform starts the provider itself. A process
holds one configuration, so a root that configures several regions has as many: see `provider_hub`.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.deploy import provider_hub
from harness.deploy.provider_hub import GUARD, VARIABLE, address_in
from harness.deploy.toolchain import PROVIDER, REGISTRIES, current_platform

_PATIENCE = 30.0
"""Seconds within which a provider says where it listens."""


@contextlib.contextmanager
def attached(
    root: Path, data: Path, environ: Mapping[str, str]
) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
    """Within, a provider runs; gives what a Terraform's environment needs to attach to it, and the
    descriptors by which the provider lives: a Terraform that inherits them has it for as long as it
    lives itself, whatever becomes of this process.

    `data` is where `init` left the provider of `root`, `environ` what the provider itself runs
    with. Gives nothing where there is no single provider, or where it does not start.
    """
    executable, configurations = _executable(data), _configurations(root)
    if executable is None or not configurations:
        yield {}, ()
        return
    # Its socket lies here; a path of one may have about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="bulkhead-tf-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            _command(executable, configurations),
            env={**environ, "TMPDIR": folder},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            said = _said(process)
            yield said, (process.stdin.fileno(),) if said else ()
        finally:
            process.stdin.close()
            process.wait()
            process.stdout.close()


def _command(executable: Path, configurations: int) -> list[str]:
    if configurations == 1:
        return ["/bin/sh", "-c", GUARD, str(executable)]
    # Without packages and whatever else a site has, it starts in a moment.
    hub = [sys.executable, "-I", "-S", provider_hub.__file__]
    return [*hub, str(configurations), str(executable)]


def _said(process: subprocess.Popen[bytes]) -> dict[str, str]:
    """Where the provider says that it listens; nothing when it says something else, or nothing."""
    assert process.stdin is not None and process.stdout is not None
    watchdog = threading.Timer(_PATIENCE, process.stdin.close)
    watchdog.daemon = True
    watchdog.start()
    try:
        for line in process.stdout:
            if address := address_in(line):
                return {VARIABLE: address}
    finally:
        watchdog.cancel()
    return {}


def _configurations(root: Path) -> int:
    """How many configurations of providers a root has. In JSON none is counted: ours is HCL."""
    texts = (file.read_text(encoding="utf-8") for file in root.glob("*.tf"))
    return sum(len(re.findall(r'^\s*provider\s+"', text, re.MULTILINE)) for text in texts)


def _executable(data: Path) -> Path | None:
    """The one provider that `init` left. OpenTofu's has another address than it says itself."""
    folder = data / "providers" / REGISTRIES["terraform"] / PROVIDER
    found = list(folder.glob(f"*/{current_platform()}/terraform-provider-aws*"))
    return found[0] if len(found) == 1 else None
