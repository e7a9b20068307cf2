"""Takes personal data and secrets out of texts, before content leaves the process.

A redactor is any function from a text to a text. `PatternRedactor` needs nothing;
`PresidioRedactor` finds names and places too and needs the extra `bulkhead[presidio]`. Several are
applied in turn.
Patterns are a net with holes: they lower the harm, they do not make content harmless.
"""

from __future__ import annotations

import functools
import importlib
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bulkhead.errors import ConfigError
from bulkhead.leaks import no_debug

Redactor = Callable[[str], str]
Check = Callable[[re.Match[str]], bool]


def _luhn(match: re.Match[str]) -> bool:
    """https://en.wikipedia.org/wiki/Luhn_algorithm"""
    digits = [int(digit) for digit in match[0] if digit.isdigit()]
    if len(set(digits)) == 1:
        return False
    total = sum(digits[-1::-2])
    for digit in digits[-2::-2]:
        total += digit * 2 - 9 * (digit > 4)
    return total % 10 == 0


def _iban(match: re.Match[str]) -> bool:
    """https://en.wikipedia.org/wiki/International_Bank_Account_Number#Validating_the_IBAN"""
    plain = match[0].replace(" ", "")
    moved = plain[4:] + plain[:4]
    return int("".join(str(int(letter, 36)) for letter in moved)) % 97 == 1


def _address(match: re.Match[str]) -> bool:
    return all(int(part) < 256 for part in match[0].split("."))


def _long(match: re.Match[str]) -> bool:
    return 8 <= sum(letter.isdigit() for letter in match[0]) <= 15


# Every pattern is linear: none repeats what may itself repeat.
_PATTERNS: tuple[tuple[str, str, Check | None], ...] = (
    (
        "PRIVATE_KEY",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*-----)?",
        None,
    ),
    ("JWT", r"\beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*", None),
    ("AWS_ACCESS_KEY", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", None),
    ("TOKEN", r"\b(?:gh[oprsu]_|github_pat_|glpat-|xox[abprs]-|sk-|sk_live_)[\w-]{16,}", None),
    ("TOKEN", r"(?i:\bbearer )[\w.~+/-]{8,}=*", None),
    (
        "SECRET",
        r"(?i:(?<![a-z])(?:pass(?:word|wd|phrase)|secret(?:[ _-]?access)?(?:[ _-]?key)?|"
        r"api[ _-]?key|access[ _-]?token|auth[ _-]?token))\"? ?[:=] ?\"?[^\s\",;]{6,}",
        None,
    ),
    ("URL_CREDENTIALS", r"(?<=://)[^\s/:@]{1,128}:[^\s/@]{1,128}(?=@)", None),
    ("EMAIL", r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}", None),
    ("IBAN", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b", _iban),
    ("CARD_NUMBER", r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])", _luhn),
    ("US_SSN", r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])", None),
    ("IP_ADDRESS", r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]\d)", _address),
    ("IP_ADDRESS", r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){3,7}:?(?:[0-9A-Fa-f]{1,4})?(?![\w:])", None),
    ("PHONE", r"(?<![\w+])\+\d(?:[ ./-]{0,2}\(?\d\)?){7,14}(?!\d)", _long),
    (
        "PHONE",
        r"(?<![\w.-])(?:\(\d{2,5}\) ?|0\d{2,4}[ /-])\d{2,5}(?:[ -]?\d{2,5}){1,3}(?![\w-])",
        _long,
    ),
)


class PatternRedactor:
    """Replaces what looks like a secret or personal data by `[NAME]`, such as `[EMAIL]`.

    more  further patterns: name to regular expression. They come first.
    """

    def __init__(self, more: Mapping[str, str] | None = None) -> None:
        own = [(name, pattern, None) for name, pattern in (more or {}).items()]
        self._patterns = [
            (f"[{name}]", re.compile(pattern), check) for name, pattern, check in (*own, *_PATTERNS)
        ]

    def __call__(self, text: str) -> str:
        """Return the text without what the patterns find."""
        for replacement, pattern, check in self._patterns:
            if check is None:
                text = pattern.sub(replacement, text)
            else:
                text = pattern.sub(functools.partial(_replaced, check, replacement), text)
        return text


def _replaced(check: Check, replacement: str, found: re.Match[str]) -> str:
    return replacement if check(found) else found[0]


class PresidioRedactor:
    """Replaces what Microsoft Presidio finds by `[ENTITY]`, such as `[PERSON]`.

    analyzer   a `presidio_analyzer.AnalyzerEngine`; if None one is made at the first text, and that
               asks nothing of the network
    model      spaCy's, for the engine that is made here; it must be installed
    language   of the texts, and of the model
    entities   which kinds to look for; all that the analyzer knows if None
    threshold  the least score that counts

    Raises ImportError without `bulkhead[presidio]`, ConfigError without the model: Presidio itself
    would fetch it, and install it, while the application runs.
    """

    def __init__(
        self,
        analyzer: Any = None,
        *,
        model: str = "en_core_web_lg",
        language: str = "en",
        entities: Iterable[str] | None = None,
        threshold: float = 0.5,
    ) -> None:
        if analyzer is None:
            try:
                importlib.import_module("presidio_analyzer")  # slow, and an extra
                spacy = importlib.import_module("spacy.util")
            except ImportError:
                raise ImportError(
                    "PresidioRedactor needs presidio-analyzer: install bulkhead[presidio]"
                ) from None
            if not spacy.is_package(model):
                raise ConfigError(
                    f"PresidioRedactor: the spaCy model {model!r} is not installed; install it "
                    f"(python -m spacy download {model}), or name one that is: "
                    "PresidioRedactor(model=...)"
                )
        # At DEBUG it quotes the words around what it finds.
        logging.getLogger("presidio-analyzer").addFilter(no_debug)
        self._analyzer = analyzer
        self._model = model
        self._language = language
        self._entities = list(entities) if entities is not None else None
        self._threshold = threshold

    def __call__(self, text: str) -> str:
        """Return the text without what Presidio finds."""
        if not text.strip():
            return text
        if self._analyzer is None:
            self._analyzer = _analyzer(self._model, self._language)
        found = self._analyzer.analyze(
            text=text,
            language=self._language,
            entities=self._entities,
            score_threshold=self._threshold,
        )
        kept: list[str] = []
        at = 0
        for each in sorted(found, key=lambda one: (one.start, -one.end)):
            if each.start >= at:
                kept += (text[at : each.start], f"[{each.entity_type}]")
            at = max(at, each.end)
        return "".join(kept) + text[at:]


def _analyzer(model: str, language: str) -> Any:
    """Make an AnalyzerEngine that stays on this machine."""
    presidio = importlib.import_module("presidio_analyzer")
    engines = importlib.import_module("presidio_analyzer.nlp_engine")
    models = [{"lang_code": language, "model_name": model}]
    settings = {"nlp_engine_name": "spacy", "models": models}
    made = presidio.AnalyzerEngine(
        nlp_engine=engines.NlpEngineProvider(nlp_configuration=settings).create_engine(),
        supported_languages=[language],
    )
    # Presidio would look up the domain of an address in a list that it fetches first.
    known = importlib.import_module("tldextract").TLDExtract(cache_dir=None, suffix_list_urls=())
    for recognizer in made.registry.recognizers:
        if type(recognizer).__name__ == "EmailRecognizer":
            recognizer.validate_result = lambda text: known(text).fqdn != ""
    return made
