"""Files left out hold no test that matches."""

from __future__ import annotations

from pathlib import Path

from harness.mutants.selection import files


def folder(tmp_path: Path) -> Path:
    (tmp_path / "test_one.py").write_text("def test_alpha():\n    pass\n")
    (tmp_path / "test_two.py").write_text("async def test_beta():\n    pass\n")
    (tmp_path / "conftest.py").write_text("def test_alpha():\n    pass\n")
    return tmp_path


def test_names_of_tests_choose_files(tmp_path: Path) -> None:
    one, two = (folder(tmp_path) / name for name in ("test_one.py", "test_two.py"))
    assert files(tmp_path, "test_alph and x") == (one,)
    assert files(tmp_path, "test_two") == (two,)
    assert files(tmp_path, "test_one or test_beta") == (one, two)


def test_without_a_name_all_are_needed(tmp_path: Path) -> None:
    assert files(folder(tmp_path), "alpha") == (tmp_path,)
    assert files(tmp_path, "test_gone") == (tmp_path,)
