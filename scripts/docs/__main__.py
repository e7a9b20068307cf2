"""Makes the generated parts of every module's README and of docs/permissions.md again:
`python -m scripts.docs`.

With `--check` nothing is written; the exit code is 1 when a page is not as it should be.
"""

from __future__ import annotations

import argparse
import sys

from scripts.docs import permissions
from scripts.docs.readme import modules, renewed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    try:
        pages = {module / "README.md": renewed(module) for module in modules()}
        pages |= permissions.renewed()
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    stale = 0
    for page, text in pages.items():
        if page.exists() and text == page.read_text(encoding="utf-8"):
            continue
        stale += 1
        if options.check:
            print(f"{page}: is not as `make docs` makes it", file=sys.stderr)
        else:
            page.parent.mkdir(exist_ok=True)
            page.write_text(text, encoding="utf-8")
            print(f"{page}: made again")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
