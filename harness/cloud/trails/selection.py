"""Selection criteria of links and rules: which log groups or metric namespaces are meant.

    LogGroupName LIKE '/app/%' OR LogGroupName IN ('a', 'b')
    Namespace NOT LIKE 'AWS/%' AND Namespace != 'Own'

https://docs.aws.amazon.com/OAM/latest/APIReference/API_LogGroupConfiguration.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

Selection = Callable[[str], bool]
_TOKEN = re.compile(r"\s*(?:'(?P<text>[^']*)'|(?P<word>!=|<>|[=(),]|[A-Za-z]+))")


class SelectionError(ValueError):
    """Not a selection."""


def selection(text: str, field: str) -> Selection:
    """Whether a value of `field` is selected. Raises `SelectionError`. Empty and `*` select all.

    AND binds more than OR. Values are compared with regard to case, `%` stands for any text.
    """
    if text.strip() in ("", "*"):
        return lambda _: True
    return _Reader(_tokens(text), field.lower()).whole()


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    place = 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise SelectionError("The selection cannot be read.")
        value = match["text"]
        tokens.append(("word", match["word"].upper()) if value is None else ("text", value))
        place = match.end()
    return tokens


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]], field: str) -> None:
        self._tokens = tokens
        self._field = field.upper()

    def whole(self) -> Selection:
        found = self._any()
        if self._tokens:
            raise SelectionError("The selection goes on where it should end.")
        return found

    def _any(self) -> Selection:
        parts = [self._all()]
        while self._took("OR"):
            parts.append(self._all())
        return lambda value: any(part(value) for part in parts)

    def _all(self) -> Selection:
        parts = [self._one()]
        while self._took("AND"):
            parts.append(self._one())
        return lambda value: all(part(value) for part in parts)

    def _one(self) -> Selection:
        if self._took("("):
            inner = self._any()
            self._expect(")")
            return inner
        self._expect(self._field)
        if self._took("="):
            return self._equal([self._text()], yes=True)
        if self._took("!=") or self._took("<>"):
            return self._equal([self._text()], yes=False)
        yes = not self._took("NOT")
        if self._took("LIKE"):
            return _like(self._text(), yes)
        self._expect("IN")
        self._expect("(")
        values = [self._text()]
        while self._took(","):
            values.append(self._text())
        self._expect(")")
        return self._equal(values, yes)

    @staticmethod
    def _equal(values: list[str], yes: bool) -> Selection:
        return lambda value: (value in values) is yes

    def _took(self, word: str) -> bool:
        if self._tokens and self._tokens[0] == ("word", word):
            del self._tokens[0]
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._took(word):
            raise SelectionError(f"The selection has no {word} where one is needed.")

    def _text(self) -> str:
        if not self._tokens or self._tokens[0][0] != "text":
            raise SelectionError("The selection has no quoted value where one is needed.")
        return self._tokens.pop(0)[1]


def _like(pattern: str, yes: bool) -> Selection:
    compiled = re.compile(".*".join(re.escape(part) for part in pattern.split("%")), re.DOTALL)
    return lambda value: (compiled.fullmatch(value) is not None) is yes
