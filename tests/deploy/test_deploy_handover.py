"""Handing over and taking back, against accounts that refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.deploy.deployment import Deployment, Fleet
from harness.deploy.handover import forget_external_id, keep_external_id, write_documents
from harness.deploy.offboard import applied_roles, deny_sessions
from harness.deploy.secrets import external_ids, keep_only
from harness.errors import UserError

SECRET = "an-external-id-that-nobody-may-see"
GIVEN: dict[str, Any] = {
    "customer": "acme",
    "fleet_role_arn": "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme",
    "fleet_role_name": "bulkhead-acme",
    "external_id": SECRET,
    "handover": {"format": "bulkhead-handover/1", "customer": "acme"},
}
FLEET = Fleet(**{**dict.fromkeys(Fleet.__dataclass_fields__), **GIVEN})


class Refusing:
    """A target whose every call fails with one error code."""

    def __init__(self, code: str) -> None:
        self.code = code

    def session(self, account: str) -> str:
        return account

    def deployer_session(self, deployer: str, account: str, *, region: str) -> str:
        return f"{deployer} {account} {region}"

    def client(self, *_: str) -> Refusing:
        return self

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def refuse(*_: Any, **parameters: Any) -> Any:
            raise ClientError({"Error": {"Code": self.code, "Message": str(parameters)}}, name)

        return refuse


def test_a_role_that_cannot_be_denied_ends_the_run() -> None:
    with pytest.raises(UserError, match=r"account 111111111111: .* nothing was removed: Throttl"):
        deny_sessions(Refusing("Throttling"), FLEET.fleet_role_arn)  # type: ignore[arg-type]


def test_a_role_whose_boundary_is_gone_gets_it_back_before_it_is_denied() -> None:
    """The deploy role may change a role within its boundary only."""
    asked: list[tuple[str, str]] = []

    class Bound(Refusing):
        def __getattr__(self, name: str) -> Callable[..., Any]:
            def answer(**parameters: str) -> None:
                if name == "put_role_policy" and not asked:
                    asked.append((name, "refused"))
                    raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, name)
                asked.append((name, parameters.get("PermissionsBoundary", "")))

            return answer if name.startswith("put") else super().__getattr__(name)

    deny_sessions(Bound("Throttling"), FLEET.fleet_role_arn)  # type: ignore[arg-type]
    boundary = "arn:aws:iam::111111111111:policy/bulkhead/fleet/bulkhead-acme-boundary"
    assert asked == [
        ("put_role_policy", "refused"),
        ("put_role_permissions_boundary", boundary),
        ("put_role_policy", ""),
    ]


def test_a_role_that_is_gone_needs_no_deny() -> None:
    deny_sessions(Refusing("NoSuchEntity"), FLEET.fleet_role_arn)  # type: ignore[arg-type]


def test_roles_of_an_apply_that_failed_are_known(tmp_path: Path) -> None:
    """Its state has no outputs yet, but names every role that was made."""

    def resource(name: str, mode: str = "managed") -> dict[str, Any]:
        made = {"index_key": "acme", "attributes": {"arn": f"arn:aws:iam::1:role/{name}"}}
        return {"mode": mode, "type": "aws_iam_role", "name": name, "instances": [made]}

    state = tmp_path / "terraform.tfstate"
    assert applied_roles(state) == {}
    resources = [resource("fleet"), resource("executor"), resource("fleet", "data")]
    state.write_text(json.dumps({"outputs": {}, "resources": resources[:2]}))
    assert applied_roles(state) == {"acme": "arn:aws:iam::1:role/fleet"}
    state.write_text(json.dumps({"outputs": {}, "resources": resources[1:]}))
    assert applied_roles(state) == {}


def test_roles_of_a_state_are_those_of_the_fleet(deployment: Deployment) -> None:
    state = deployment.place.credentials.parent / "state" / "operations" / "terraform.tfstate"
    roles = {customer: fleet.fleet_role_arn for customer, fleet in deployment.fleets.items()}
    assert applied_roles(state) == roles


def test_an_external_id_that_cannot_be_kept_is_said_without_it() -> None:
    target: Any = Refusing("AccessDeniedException")
    for work in (
        lambda: keep_external_id(target, "222222222222", "eu-central-1", FLEET),
        lambda: forget_external_id(target, "222222222222", "eu-central-1", "acme"),
    ):
        with pytest.raises(UserError, match="account 222222222222: parameter /bulk") as error:
            work()
        assert SECRET not in str(error.value)


def test_documents_are_private_and_those_of_others_go(tmp_path: Path) -> None:
    (tmp_path / "globex.tfvars.json").write_text("{}")
    write_documents(tmp_path, [FLEET])
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text(encoding="utf-8")) == {"handover": FLEET.handover}
    assert file.stat().st_mode & 0o077 == 0


def test_a_document_holds_no_external_id(deployment: Deployment) -> None:
    folder = deployment.place.credentials.parent / "handover"
    files = {file.name.split(".")[0]: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    assert files.keys() == deployment.fleets.keys()
    for customer, text in files.items():
        assert deployment.fleets[customer].fleet_role_arn in text
        assert not any(secret in text for secret in deployment.external_ids.values())
        others = deployment.fleets.keys() - {customer}
        assert not any(other in text for other in others), "another customer is named"


def test_forgotten_ids_are_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "ids.json"
    first = external_ids(file, ["acme", "globex"])
    keep_only(file, ["acme"])
    second = external_ids(file, ["acme", "globex"])
    assert first["acme"] == second["acme"]
    assert first["globex"] != second["globex"]
