"""Statements are found in the Terraform that made them."""

from __future__ import annotations

from pathlib import Path

from harness.deploy.places import Places


def test_a_statement_of_the_modules_is_found() -> None:
    places = Places.of_project()
    file, _, line = places.of({"sid": "ApprovedCallers"}).partition(":")
    assert file == "modules/operations-role-fleet/policies.tf"
    text = Path(file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
    assert '"ApprovedCallers"' in text


def test_others_are_not(tmp_path: Path) -> None:
    for module in ("a", "b"):
        folder = tmp_path / "modules" / module
        folder.mkdir(parents=True)
        (folder / "policies.tf").write_text(f'Sid = "Both"\nSid = "Only{module}"\n')
    places = Places.of_project(tmp_path)
    assert places.of({"sid": "Onlyb"}) == "modules/b/policies.tf:2"
    assert places.of({"sid": "Both"}) == places.of({"sid": ""}) == places.of({}) == ""


def test_a_decision_is_placed_whole() -> None:
    places = Places({"Yes": "x.tf:1"})
    decision = {"outcome": "Allowed", "statements": [{"sid": "Yes"}], "near": [{"sid": "No"}]}
    assert places.placed(decision) == {
        "outcome": "Allowed",
        "statements": [{"sid": "Yes", "place": "x.tf:1"}],
        "near": [{"sid": "No", "place": ""}],
    }
    assert decision["statements"] == [{"sid": "Yes"}]
