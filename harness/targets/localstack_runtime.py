"""LocalStack's open core in a process that ends when its standard input does.

Run by the Python of `.venv-localstack`, which has nothing of the harness.
"""

from __future__ import annotations

import contextlib
import os
import runpy
import threading


def _end_with_starter() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_starter, daemon=True).start()
    runpy.run_module("localstack.runtime.main", run_name="__main__")
