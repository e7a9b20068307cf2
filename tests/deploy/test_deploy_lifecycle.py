"""The embedded environment with the real Terraform: applied, applied again, destroyed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from harness.cloud.process import CloudProcess
from harness.deploy.apply import (
    DEPLOYMENT_FILE,
    EXTERNAL_IDS_FILE,
    RootEvent,
    destroy,
    pending_changes,
    root_names,
)
from harness.deploy.deployment import Deployment
from harness.deploy.embedded_plan import cloud_plan
from harness.deploy.environment import Environment
from harness.targets.embedded import EmbeddedTarget


def left(target: EmbeddedTarget, environment: Environment) -> dict[str, set[str]]:
    """Everything of ours that each account holds, except keys that wait for their deletion, and
    what probes of other tests had in place when the cloud was forked."""
    found: dict[str, set[str]] = {}
    for account in environment.accounts:
        session = target.session(account)
        names: set[str] = set()

        def client(service: str, region: str, session: Any = session) -> Any:
            return target.client(session, service, region)

        iam = client("iam", "us-east-1")
        names |= {role["Arn"] for role in iam.list_roles()["Roles"]}
        names |= {policy["Arn"] for policy in iam.list_policies(Scope="Local")["Policies"]}
        profiles = iam.list_instance_profiles()["InstanceProfiles"]
        names |= {profile["Arn"] for profile in profiles}
        for region in environment.regions:
            groups = client("logs", region).describe_log_groups()["logGroups"]
            names |= {group["arn"] for group in groups}
            kms = client("kms", region)
            names |= {a["AliasArn"] for a in kms.list_aliases()["Aliases"] if "TargetKeyId" in a}
            for key in kms.list_keys()["Keys"]:
                metadata = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
                if metadata["KeyState"] != "PendingDeletion":
                    names.add(key["KeyArn"])
            bedrock = client("bedrock", region)
            answer = bedrock.list_inference_profiles(typeEquals="APPLICATION")
            names |= {p["inferenceProfileArn"] for p in answer["inferenceProfileSummaries"]}
        found[account] = {name for name in names if "bulkhead-probe" not in name}
    return found


def test_a_second_apply_changes_nothing_and_destroy_leaves_nothing(
    deployment: Deployment, tmp_path: Path
) -> None:
    environment = deployment.environment
    with CloudProcess.start(cloud_plan(environment), credentials=tmp_path / "credentials") as empty:
        before = left(EmbeddedTarget(empty), environment)

    # A fork and a copy of its run, so that the deployment stays as it is for other tests.
    run = deployment.place.credentials.parent
    for name in ("state", "data"):
        shutil.copytree(run / name, tmp_path / name, symlinks=True)
    shutil.copy(run / EXTERNAL_IDS_FILE, tmp_path)
    saved = tmp_path / DEPLOYMENT_FILE
    with deployment.cloud().fork() as cloud:
        target = EmbeddedTarget(cloud)
        made = deployment.on(target)
        made.save(saved)
        assert Deployment.load(saved) == made
        assert saved.stat().st_mode & 0o077 == 0
        assert not any(secret in repr(made) for secret in made.external_ids.values())
        assert len(set(made.external_ids.values())) == len(environment.customers)

        after = left(target, environment)
        for account in environment.fleet_accounts:
            assert after[account] > before[account]
        for account in environment.probes.accounts:
            assert after[account] == before[account]

        assert pending_changes(made, tmp_path) == {}

        events: list[RootEvent] = []
        destroy(made, tmp_path, events.append)
        assert {e.root for e in events if e.state == "done"} == set(root_names(environment))
        assert left(target, environment) == before
        assert not saved.exists()
