"""The one exception whose message is meant for the person at the terminal."""

from __future__ import annotations


class UserError(Exception):
    """Bad input or a missing tool. The message names the file, the field and the fix.

    The command line prints it as one line and exits with code 2, without a traceback.
    """
