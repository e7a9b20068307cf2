"""A customer account that was applied and is listed in customers.yaml no more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.deploy.apply import PARTIAL_FILE, deploy, destroy, refuse_moved, unlisted_roots
from harness.deploy.deployment import Deployment
from harness.deploy.journal import unfinished
from harness.errors import UserError


def state(run_dir: Path, root: str, *resources: str) -> None:
    folder = run_dir / "state" / root
    folder.mkdir(parents=True)
    (folder / "terraform.tfstate").write_text(json.dumps({"resources": resources}))


def test_only_what_is_unlisted_and_not_empty_is_named(
    deployment: Deployment, tmp_path: Path
) -> None:
    for root in ("operations", "globex-333333333333", "old-customer-555555555555"):
        state(tmp_path, root, "aws_kms_key.logs")
    state(tmp_path, "gone-999999999999")
    assert unlisted_roots(deployment.environment, tmp_path) == ["old-customer 555555555555"]


def test_destroy_refuses_to_leave_it_behind(deployment: Deployment, tmp_path: Path) -> None:
    state(tmp_path, "old-customer-555555555555", "aws_kms_key.logs")
    with pytest.raises(UserError, match=r"customers\.yaml: old-customer 555555555555 .* list it"):
        destroy(deployment, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"state"}


@pytest.mark.parametrize(
    ("root", "moved"),
    [
        ("old-name-333333333333", True),
        ("acme-333333333333", True),
        ("old-operations-111111111111", True),
        ("globex-333333333333", False),
        ("old-customer-555555555555", False),
        ("bootstrap-333333333333", False),
    ],
)
def test_an_account_with_records_of_another_customer_is_refused(
    deployment: Deployment, tmp_path: Path, root: str, moved: bool
) -> None:
    state(tmp_path, root, "aws_cloudwatch_log_group.this")
    if not moved:
        refuse_moved(deployment.environment, tmp_path)
        return
    customer, _, account = root.rpartition("-")
    with pytest.raises(UserError, match=rf"customers\.yaml: {account} \({customer}\) still holds"):
        refuse_moved(deployment.environment, tmp_path)


def test_an_apply_refuses_it_before_anything_is_applied(
    deployment: Deployment, tmp_path: Path
) -> None:
    state(tmp_path, "old-name-333333333333", "aws_cloudwatch_log_group.this")
    with pytest.raises(UserError, match=r"333333333333 \(old-name\) still holds"):
        deploy(deployment.environment, deployment.target(), tmp_path)
    assert len(list(tmp_path.glob("state/*/terraform.tfstate"))) == 1
    assert not (tmp_path / PARTIAL_FILE).exists() and not unfinished(tmp_path)


def test_an_account_whose_former_customer_left_is_applied(
    deployment: Deployment, tmp_path: Path
) -> None:
    state(tmp_path, "old-name-333333333333")
    refuse_moved(deployment.environment, tmp_path)
