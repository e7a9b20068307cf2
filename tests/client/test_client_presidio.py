"""The redactor of the extra `presidio`, for real: where that and a model of spaCy are installed.

pip install './client[presidio]' && python -m spacy download en_core_web_sm
"""

from __future__ import annotations

import logging
import sys
from types import ModuleType
from typing import Any

import pytest

from bulkhead import ConfigError, ContentLog, PatternRedactor, PresidioRedactor, RecordMaker
from bulkhead.exchange import SUCCESS, Exchange

TEXT = "My name is Ada Lovelace, I live in Berlin. Write to ada@lovelace.org. Order A-4711."

_asked: list[str] = []


def _note(event: str, _: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen"):
        _asked.append(event)


@pytest.fixture(scope="module")
def redactor() -> PresidioRedactor:
    pytest.importorskip("presidio_analyzer", reason="needs bulkhead[presidio]")
    spacy = pytest.importorskip("spacy.util")
    models = [name for name in spacy.get_installed_models() if name.startswith("en_")]
    if not models:
        pytest.skip("needs an English model of spaCy")
    return PresidioRedactor(model=models[0])


def test_names_and_places_are_replaced_and_nobody_is_asked(
    redactor: PresidioRedactor, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    sys.addaudithook(_note)
    _asked.clear()
    clean = redactor(TEXT)
    assert _asked == []
    assert clean.startswith("My name is [PERSON], ")
    assert "[LOCATION]" in clean
    assert "[EMAIL_ADDRESS]" in clean
    for secret in ("Lovelace", "Berlin", "ada@"):
        assert secret not in clean
        assert secret not in caplog.text
        assert secret not in "".join(capfd.readouterr())
    assert redactor("") == ""


def test_content_is_redacted_with_it(redactor: PresidioRedactor) -> None:
    records: list[Any] = []
    content = ContentLog(
        lambda record, _: records.append(record),
        RecordMaker(),
        redactors=[PatternRedactor({"ORDER": r"A-\d{4}"}), redactor],
    )
    params = {"messages": [{"role": "user", "content": [{"text": TEXT}]}]}
    exchange = Exchange(None, lambda _: None, lambda _: None)
    exchange.conversation = content.begin("Converse", params)
    exchange.finish(SUCCESS)
    content.put(exchange, "call", 0)
    [record] = records
    assert record["bulkhead.content.redacted"] is True
    assert "bulkhead.content.withheld" not in record
    [part] = record["gen_ai.input.messages"][0]["parts"]
    assert "[PERSON]" in part["content"]
    assert "[ORDER]" in part["content"]
    assert "Lovelace" not in str(record)


def test_a_model_that_is_missing_is_told_at_once_and_not_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spacy = ModuleType("spacy.util")
    spacy.is_package = {"xx_one"}.__contains__  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "presidio_analyzer", ModuleType("presidio_analyzer"))
    monkeypatch.setitem(sys.modules, "spacy", ModuleType("spacy"))
    monkeypatch.setitem(sys.modules, "spacy.util", spacy)
    with pytest.raises(ConfigError, match="the spaCy model 'en_core_web_lg' is not installed"):
        PresidioRedactor()
    PresidioRedactor(model="xx_one")
