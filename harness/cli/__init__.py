"""The command `bulkhead`: where it starts, and what its exit codes mean."""

from __future__ import annotations

import sys

EXIT_FAILED = 1
"""Something that had to hold does not."""
EXIT_USAGE = 2
"""Bad input or a missing tool; nothing was shown either way."""
EXIT_INTERRUPTED = 130


def main() -> None:
    """Runs the command line: errors meant for its user take one line and no traceback."""
    sys.exit(start(sys.argv[1:]))


def start(arguments: list[str]) -> int:
    """Runs the command that the arguments name; returns the exit code.

    `decide` with nothing but files needs no parser of options, and loading one would take a third
    of the time in which a single case is answered.
    """
    try:
        if arguments[:1] == ["decide"] and not any(
            a.startswith("-") for a in arguments if a != "-"
        ):
            from harness.cli.decide import decide_files

            return decide_files(arguments[1:])
        from harness.cli.commands import commands, run

        return run(commands, arguments)
    except KeyboardInterrupt:  # while the command was still being loaded
        return EXIT_INTERRUPTED
