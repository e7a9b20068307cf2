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


def test_a_sid_that_several_share_is_told_apart_by_its_policy(tmp_path: Path) -> None:
    for module in ("a", "b", "organization-guardrails"):
        folder = tmp_path / "modules" / module / "modules" / "inner"
        folder.mkdir(parents=True)
        (folder / "main.tf").write_text(
            f'name = "of-{module}"\n[for x in y : {{ Sid = "All", Effect = "Deny" }}]\n'
            f'Sid = "Only{module}"\n'
        )
    (tmp_path / "modules/a/grants.yaml").write_text("operations:\n  - sid: Roles\n")
    places = Places.of_project(tmp_path)
    inner = "modules/inner/main.tf"
    assert places.of({"sid": "Onlyb"}) == f"modules/b/{inner}:3"
    assert places.of({"sid": "All", "policy": "of-b"}) == f"modules/b/{inner}:2"
    assert places.of({"sid": "All", "kind": "scp"}) == f"modules/organization-guardrails/{inner}:2"
    assert places.of({"sid": "All", "policy": "x"}).count(" or ") == 2
    assert (
        places.of({"sid": "Roles"}) == places.of({"sid": "ReadRoles"}) == "modules/a/grants.yaml:2"
    )
    assert places.of({"sid": "None"}) == places.of({"sid": ""}) == places.of({}) == ""


def test_a_decision_is_placed_whole() -> None:
    places = Places({"Yes": ("x.tf:1",)})
    decision = {"outcome": "Allowed", "statements": [{"sid": "Yes"}], "near": [{"sid": "No"}]}
    assert places.placed(decision) == {
        "outcome": "Allowed",
        "statements": [{"sid": "Yes", "place": "x.tf:1"}],
        "near": [{"sid": "No", "place": ""}],
    }
    assert decision["statements"] == [{"sid": "Yes"}]
