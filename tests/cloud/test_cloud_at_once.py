"""Many calls at once, as Terraform makes them: none fails because another one is under way."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

from harness.cloud import inner
from harness.cloud.inner import MotoApp
from harness.cloud.moto_estate import RoleTable


def role(number: int) -> Any:
    return SimpleNamespace(name=f"role-{number}")


def test_roles_may_be_added_while_others_look_through_them() -> None:
    table = RoleTable({str(number): role(number) for number in range(3)})
    seen = []
    for found in table.values():
        seen.append(found.name)
        table[f"new-{found.name}"] = role(len(table))
    assert seen == ["role-0", "role-1", "role-2"]
    assert len(table) == 6


def test_the_inner_app_does_one_call_at_a_time(monkeypatch: Any) -> None:
    app, inside, most = MotoApp(), 0, 0
    guard = threading.Lock()

    def slow(_environ: object, start_response: Any) -> list[bytes]:
        nonlocal inside, most
        with guard:
            inside += 1
            most = max(most, inside)
        time.sleep(0.005)
        with guard:
            inside -= 1
        start_response("200 OK", [])
        return [b"done"]

    monkeypatch.setattr(app, "_app", slow)
    monkeypatch.setattr(inner, "_environ", lambda *_: {})
    operation: Any = SimpleNamespace(service="iam", name="ListRoles")
    call: Any = None
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: app.handle(operation, call, ""), range(16)))
    assert {answer.body for answer in answers} == {b"done"}
    assert most == 1
