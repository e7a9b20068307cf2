"""The one exception whose message is meant for the person at the terminal."""

from __future__ import annotations


class UserError(Exception):
    """Bad input or a missing tool. The message names the file, the field and the fix.

    The command line prints it as one line and exits with code 2, without a traceback. Where several
    things are wrong, each is a message of its own; the text of the exception is the first.
    """

    def __init__(self, message: str, *others: str) -> None:
        super().__init__(message, *others)

    @property
    def messages(self) -> tuple[str, ...]:
        return tuple(map(str, self.args))

    def __str__(self) -> str:
        return self.messages[0]
