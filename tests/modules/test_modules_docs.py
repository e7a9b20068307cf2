"""What is generated in the modules' pages is as `make docs` makes it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from scripts.docs import permissions
from scripts.docs.readme import modules, renewed

MODULES = list(modules())


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_the_page_is_up_to_date(module: Path) -> None:
    text = (module / "README.md").read_text(encoding="utf-8")
    assert text == renewed(module), "run `make docs`"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_every_input_and_output_is_described(module: Path) -> None:
    rows = [line for line in renewed(module).splitlines() if line.startswith("| `")]
    assert rows
    assert [row for row in rows if row.split(" | ")[1].strip() in ("", "|")] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_the_page_says_what_holds_against_whom_and_what_does_not(module: Path) -> None:
    _, *threats = (module / "README.md").read_text(encoding="utf-8").split("\n## Threats\n")
    assert len(threats) == 1
    rows = [line.split(" | ") for line in threats[0].splitlines() if line.startswith("| ")]
    assert rows[0] == ["|", "what holds", "what does not |"]
    assert len(rows) >= 3
    assert all(len(row) == 3 and row[0] != "|" and row[1] for row in rows[1:])


def test_the_index_names_every_module_once() -> None:
    index = (MODULES[0].parent / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"\]\(([a-z-]+)/README\.md\)", index)
    assert sorted(named) == [module.name for module in MODULES]


def test_a_change_of_a_variable_an_output_or_the_example_shows(tmp_path: Path) -> None:
    module = tmp_path / "m"
    shutil.copytree(MODULES[0], module)
    before = renewed(module)
    for file, more in (
        (
            "variables.tf",
            'variable "size" {\n  description = "How | big."\n  type = number\n  default = 3\n}\n',
        ),
        ("outputs.tf", 'output "secret" {\n  description = "Hidden."\n  sensitive = true\n}\n'),
        ("examples/minimal/main.tf", "# more\n"),
    ):
        path = module / file
        path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
        after = renewed(module)
        assert after != before, file
        before = after
    assert "| `size` | How \\| big. | `number` | `3` |" in before
    assert "| `secret` | Hidden. Sensitive. |" in before
    assert "# more\n```" in before


def test_a_heredoc_becomes_one_cell(tmp_path: Path) -> None:
    module = tmp_path / "m"
    shutil.copytree(MODULES[0], module)
    (module / "variables.tf").write_text(
        'variable "x" {\n  description = <<-EOT\n    First\n    line.\n\n    - `a`: one\n'
        "      and more\n      - `b`: two\n  EOT\n  type        = map(string)\n}\n",
        encoding="utf-8",
    )
    cell = "First line.<br>• `a`: one and more<br>&ensp;• `b`: two"
    assert f"| `x` | {cell} | `map(string)` | required |" in renewed(module)


@pytest.mark.parametrize("lost", ["<!-- begin inputs -->\n", "<!-- end usage -->\n"])
def test_a_page_without_a_place_is_named(tmp_path: Path, lost: str) -> None:
    module = tmp_path / "m"
    shutil.copytree(MODULES[0], module)
    readme = module / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8").replace(lost, ""), encoding="utf-8")
    with pytest.raises(ValueError, match=r"m/README\.md: has places for .* it needs"):
        renewed(module)


def test_the_page_of_permissions_and_its_policies_are_up_to_date() -> None:
    made = permissions.renewed()
    assert len(made) == 5
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run `make docs`"
    there = {path.name for path in (permissions.ROOT / permissions.POLICIES).iterdir()}
    assert there == {path.name for path in made} - {"permissions.md"}


def test_a_right_that_is_added_shows_in_the_page_and_in_a_policy(tmp_path: Path) -> None:
    for path in (permissions.PAGE, permissions.READS, permissions.GRANTS, permissions.OWNER):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(permissions.ROOT / path, tmp_path / path)
    reads = tmp_path / permissions.READS
    text = reads.read_text(encoding="utf-8")
    reads.write_text(text.replace("state: []", "state:\n  - {sid: X, actions: [a:GetB]}"), "utf-8")
    made = permissions.renewed(tmp_path)
    assert "| state | `X` | `a:GetB` |" in made[tmp_path / permissions.PAGE]
    changed = [path.name for path, text in made.items() if "a:GetB" in text]
    assert sorted(changed) == ["audit-state.json", "permissions.md"]
    page = tmp_path / permissions.PAGE
    page.write_text(page.read_text("utf-8").replace("<!-- end audit -->", ""), "utf-8")
    with pytest.raises(ValueError, match="needs a place for each of audit, deploy"):
        permissions.renewed(tmp_path)
