"""Imports point down the layers and never up; the client and the harness do not know each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What each package of the harness may import besides itself and `harness.errors`.
LAYERS = [
    *("iam", "estate", ("cloud", "proof"), "targets", "deploy"),
    ("mutants", "probes", "bench", "snapshot"),
]
TOP = ("cli", "pytest_plugin")
APART = "report"
CHECKS = "checkov"
FREE = ("errors", "__init__")


def allowed() -> dict[str, set[str]]:
    below: set[str] = set()
    rules: dict[str, set[str]] = {APART: set()}
    for layer in LAYERS:
        names = {layer} if isinstance(layer, str) else set(layer)
        for name in names:
            rules[name] = below.copy()
        below |= names
    # Weakenings are shown by what the probes say of them.
    rules["mutants"].add("probes")
    # Snapshots are asked what the suite probes.
    rules["snapshot"].add("probes")
    # It is loaded by checkov, in an environment that has nothing but checkov.
    rules[CHECKS] = {"iam"}
    for name in TOP:
        rules[name] = below | {APART, CHECKS}
    return rules


def imports(source: str, package: str) -> Iterator[str]:
    """Every module that the source imports, wherever in it, by its full name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                parts = parts[: len(parts) - node.level + 1]
                base = ".".join([*parts, base] if base else parts)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def violations(source: str, module: str) -> set[str]:
    """What a module of the harness (`harness.cloud.sts`) imports although it must not."""
    own = module.split(".")[1]
    bad = set()
    for name in imports(source, module.rpartition(".")[0]):
        parts = name.split(".")
        if parts[0] == "bulkhead":
            bad.add(name)
        if parts[0] != "harness" or len(parts) < 2:
            continue
        known = parts[1] in allowed() or parts[1] in FREE
        if known and parts[1] not in allowed().get(own, set()) | {own, *FREE}:
            bad.add(name)
    return bad


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


HARNESS = modules(ROOT / "harness")


@pytest.mark.parametrize("path", HARNESS, ids=lambda p: str(p.relative_to(ROOT)))
def test_harness_imports_point_down(path: Path) -> None:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    assert violations(path.read_text(encoding="utf-8"), module) == set()


def test_every_package_has_a_layer() -> None:
    folder = ROOT / "harness"
    names = {p.stem for p in folder.glob("*.py")} | {p.parent.name for p in folder.glob("*/*.py")}
    assert names <= set(allowed()) | set(FREE)


@pytest.mark.parametrize("path", modules(ROOT / "client"), ids=lambda p: str(p.relative_to(ROOT)))
def test_client_does_not_know_the_harness(path: Path) -> None:
    names = imports(path.read_text(encoding="utf-8"), "bulkhead")
    assert {n for n in names if n.split(".")[0] == "harness"} == set()


def test_harness_is_looked_at() -> None:
    assert len(HARNESS) > 50


@pytest.mark.parametrize(
    ("module", "source", "bad"),
    [
        ("harness.iam.decide", "from harness.cloud.call import Call", True),
        ("harness.iam.decide", "def f():\n    import harness.cloud.call", True),
        ("harness.iam.decide", "from harness import deploy", True),
        ("harness.iam.decide", "from ..cloud import call", True),
        ("harness.cloud.sts", "import bulkhead", True),
        ("harness.report.terminal", "from harness.deploy.apply import deploy", True),
        ("harness.cloud.sts", "from harness.iam import decide", False),
        ("harness.iam.decide", "from harness.errors import UserError", False),
        ("harness.iam.decide", "from .model import Policy", False),
        ("harness.cli.suite", "from harness.report.terminal import render", False),
    ],
)
def test_the_check_tells_up_from_down(module: str, source: str, bad: bool) -> None:
    assert bool(violations(source, module)) is bad
