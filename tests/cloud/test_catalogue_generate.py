"""The generator, on a reference of two small services."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.cloud.catalogue import generate as generator


def _action(name: str, *types: str, keys: tuple[str, ...] = ()) -> dict[str, Any]:
    wanted = [{"name": kind, "required": True} for kind in types]
    return {"name": name, "resourceTypes": wanted, "conditionKeys": list(keys)}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    actions = {
        "sns": [
            _action("Publish", "topic"),
            _action("ListTopics"),
            _action("CreateTopic", "topic"),
            _action("DeleteTopic", "topic"),
            _action("Subscribe", "topic", keys=("sns:Protocol", "aws:TagKeys")),
            _action("TagResource", "topic"),
        ],
        "iam": [_action("GetRole", "role"), _action("GetUser", "user")],
    }
    types = {
        "sns": {"topic": {"arn": "arn:${Partition}:sns:${Region}:${Account}:${TopicName}"}},
        "iam": {
            "role": {"arn": "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}"},
            "user": {"arn": "arn:${Partition}:iam::${Account}:user/${UserNameWithPath}"},
        },
    }
    for folder in ("actions", "resourceTypes"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    for prefix, listed in actions.items():
        by_name = {action["name"].lower(): action for action in listed}
        (tmp_path / "data/actions" / f"{prefix}.json").write_text(json.dumps(by_name))
        (tmp_path / "data/resourceTypes" / f"{prefix}.json").write_text(json.dumps(types[prefix]))
    manifest = {
        "name": "reference",
        "version": "1.2.3",
        "license": "MIT",
        "updatedAt": "2026-09-26T04:46:59.905Z",
    }
    (tmp_path / "package.json").write_text(json.dumps(manifest))
    monkeypatch.setattr(generator, "PREFIXES", {"sns": "sns", "iam": "iam"})
    monkeypatch.setattr(generator, "OVERRIDES", {"sns": {"PublishBatch": ":Publish {TopicArn}"}})
    monkeypatch.setattr(generator, "KEYS", {})
    return tmp_path


def test_it_joins_the_reference_with_the_models(package: Path) -> None:
    services = generator.generate(package)["services"]
    sns, iam = services["sns"], services["iam"]
    assert sns["ListTopics"] == "*"
    assert sns["Publish"] == "{TopicArn}"
    assert sns["CreateTopic"] == "~{Name} #Tags +sns:TagResource"
    assert sns["DeleteTopic"] == "{TopicArn}"
    assert sns["Subscribe"] == "{TopicArn} %Protocol>sns:Protocol"
    assert sns["PublishBatch"] == ":Publish {TopicArn}"
    assert iam["GetRole"] == "@role:RoleName"
    assert iam["GetUser"] == "?@user:UserName /@caller"


def test_what_the_reference_lacks_is_left_out_with_a_reason(package: Path) -> None:
    assert generator.generate(package)["services"]["sns"]["Unsubscribe"].startswith("!")


def test_a_wrong_override_stops_it(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "OVERRIDES", {"sns": {"NoSuchOperation": "*"}})
    with pytest.raises(SystemExit, match="sns has no NoSuchOperation"):
        generator.generate(package)
    monkeypatch.setattr(generator, "OVERRIDES", {"sns": {"PublishBatch": ":NoSuchAction *"}})
    with pytest.raises(SystemExit, match="no action sns:NoSuchAction"):
        generator.generate(package)


def test_the_file_holds_what_was_generated_and_its_origin(package: Path, tmp_path: Path) -> None:
    content = generator.generate(package)
    target = tmp_path / "actions.json"
    generator.write(content, target)
    assert json.loads(target.read_text()) == content
    assert content["provenance"]["version"] == "1.2.3"
    assert content["provenance"]["updated"] == "2026-09-26"
