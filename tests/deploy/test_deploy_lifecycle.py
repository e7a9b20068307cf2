"""The embedded environment with the real Terraform: applied, applied again, destroyed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.cloud.process import CloudProcess
from harness.deploy.apply import DEPLOYMENT_FILE, RootEvent, deploy, destroy, pending_changes
from harness.deploy.deployment import Deployment
from harness.deploy.embedded_plan import cloud_plan
from harness.deploy.environment import Environment, load_environment
from harness.targets.embedded import EmbeddedTarget

ROOT = Path(__file__).resolve().parents[2]


def left(target: EmbeddedTarget, environment: Environment) -> dict[str, set[str]]:
    """Everything of ours that each account holds, except keys that wait for their deletion."""
    found: dict[str, set[str]] = {}
    for account in environment.accounts:
        session = target.session(account)
        names = found[account] = set()

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
    return found


def test_a_second_apply_changes_nothing_and_destroy_leaves_nothing(tmp_path: Path) -> None:
    environment = load_environment(ROOT / "environments" / "embedded")
    events: list[RootEvent] = []
    plan = cloud_plan(environment)
    with CloudProcess.start(plan, credentials=tmp_path / "credentials") as cloud:
        target = EmbeddedTarget(cloud)
        before = left(target, environment)
        made = deploy(environment, target, tmp_path, events.append)

        saved = tmp_path / DEPLOYMENT_FILE
        assert Deployment.load(saved) == made
        assert saved.stat().st_mode & 0o077 == 0
        assert not any(secret in repr(made) for secret in made.external_ids.values())
        assert len(set(made.external_ids.values())) == len(environment.customers)
        assert {e.root for e in events if e.state == "done"} == {
            "operations",
            *(f"{c.key} {a.account_id}" for c, a in environment.customer_accounts),
        }
        after = left(target, environment)
        for account in environment.fleet_accounts:
            assert after[account] > before[account]
        for account in environment.probes.accounts:
            assert after[account] == before[account]

        assert pending_changes(made, tmp_path) == {}

        destroy(made, tmp_path)
        assert left(target, environment) == before
        assert not saved.exists()
