"""Makes the generated parts of every module's README again: `python -m scripts.docs`.

With `--check` nothing is written; the exit code is 1 when a page is not as it should be.
"""

from __future__ import annotations

import argparse
import sys

from scripts.docs.readme import modules, renewed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    stale = 0
    for module in modules():
        readme = module / "README.md"
        try:
            text = renewed(module)
        except (OSError, ValueError) as error:
            print(error, file=sys.stderr)
            return 1
        if text == readme.read_text(encoding="utf-8"):
            continue
        stale += 1
        if options.check:
            print(f"{readme}: is not as `make docs` makes it", file=sys.stderr)
        else:
            readme.write_text(text, encoding="utf-8")
            print(f"{readme}: made again")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
