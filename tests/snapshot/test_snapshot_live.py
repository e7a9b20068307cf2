"""Snapshots of the deployed environment: what is in them, and that they answer as it does."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.cli import start
from harness.deploy.deployment import Deployment
from harness.estate import SnapshotEstate
from harness.iam import PolicyError
from harness.iam.cases import answer, read_case
from harness.probes.cast import Actor, Cast
from harness.probes.stage import Stage
from harness.probes.unguarded import without_scps
from harness.snapshot.asking import Asked, Question, Who
from harness.snapshot.diff import difference
from harness.snapshot.extras import extras
from harness.snapshot.files import save
from harness.snapshot.hidden import Hider
from harness.snapshot.questions import askings, known_external_id
from harness.snapshot.reader import Gaps, Reader
from harness.snapshot.take import OF_ACCOUNTS, OF_REGIONS, take
from harness.targets.base import role_arn
from harness.targets.wiretap import listening

KEY = bytes(range(32))


def in_one_region(made: Deployment) -> Deployment:
    """The deployment, of which only the main Region is looked at."""
    environment = dataclasses.replace(made.environment, regions=(made.environment.region,))
    return dataclasses.replace(made, environment=environment)


def test_everything_of_every_account_is_in_it(
    snapshot: dict[str, Any], deployment: Deployment
) -> None:
    environment = deployment.environment
    assert set(snapshot["accounts"]) == set(environment.deployed_accounts)
    for account, held in snapshot["accounts"].items():
        assert held.keys() == {*OF_ACCOUNTS, "regions"}
        assert held["identity"]["roles"] and held["identity"]["policies"], account
        assert set(held["regions"]) == set(environment.regions)
        assert all(there.keys() == set(OF_REGIONS) for there in held["regions"].values())
    # The one thing that the embedded cloud has no address for.
    assert {(g["section"], g["call"]) for g in snapshot["unreadable"]} == {
        ("public_access_block", "s3control:get_public_access_block")
    }
    (own,) = (o for o in snapshot["organizations"].values() if o["policies"])
    assert own["management_account"] == environment.management_account
    names = {
        policy["name"].removeprefix("bulkhead-embedded-") for policy in own["policies"].values()
    }
    assert names >= set(deployment.guardrails)
    for home in deployment.accounts.values():
        there = snapshot["accounts"][home.account_id]["regions"][home.region]
        group = there["log_groups"][home.log_group_arn]
        assert (group["key"], group["retention_in_days"]) == (
            home.kms_key_arn,
            home.retention_in_days,
        )
        assert group["data_protection"] is not None
        assert there["keys"][home.kms_key_arn]["policy"]["Statement"]
    operations = snapshot["accounts"][environment.operations_account]["regions"]
    profiles = {arn for there in operations.values() for arn in there["inference_profiles"]}
    assert profiles == {
        arn
        for fleet in deployment.fleets.values()
        for several in fleet.inference_profiles.values()
        for arn in several.values()
    }


def test_no_secret_is_in_it(snapshot: dict[str, Any], deployment: Deployment) -> None:
    text = json.dumps(snapshot)
    hider = Hider(KEY, [])
    for external_id in deployment.external_ids.values():
        assert external_id not in text
        assert hider.of(external_id) in text
    assert snapshot["key_id"] == hider.key_id
    assert KEY.hex() not in text


def test_it_is_the_design_and_an_audit_finds_nothing(snapshot: dict[str, Any]) -> None:
    found = extras(snapshot)
    # Probes of other tests have their helpers in the cloud that it was copied from.
    assert [each for each in found.findings if "bulkhead-probe" not in each.subject] == []
    assert {note.check for note in found.notes} == {"unreadable"}


def test_what_is_allowed_in_it_is_what_the_design_allows(
    snapshot: dict[str, Any], deployment: Deployment
) -> None:
    """The trust matrix, decided: every principal and every account's all-powerful role."""
    asked = Asked(SnapshotEstate(snapshot))
    fleets = {fleet.fleet_role_arn: name for name, fleet in deployment.fleets.items()}
    cells = [
        (
            str(each.who),
            fleets[each.question.resource],
            asked.answer(each.who, each.question).outcome,
        )
        for each in askings(asked)
        if each.family == "become a role" and each.question.resource in fleets
    ]
    assert {outcome for _, _, outcome in cells} == {"allowed", "denied"}
    allowed = {(who, customer) for who, customer, outcome in cells if outcome == "allowed"}
    assert allowed == {
        (home.caller_role_arn, home.customer) for home in deployment.accounts.values()
    }
    assert len(cells) > 100
    # The decider takes each request with its policies, and says the same of it.
    for number, each in enumerate(askings(asked)):
        if number % 50 == 0:
            answered = asked.answer(each.who, each.question)
            case = answered.case(f"{each.who} {each.phrase}")
            assert case is not None, answered.why
            assert answer(read_case(json.loads(json.dumps(case))))["agrees"] is True, case["id"]
    rights = [e for e in askings(asked) if e.family.startswith("do what")]
    let = {
        (e.family, e.phrase) for e in rights if asked.answer(e.who, e.question).outcome != "denied"
    }
    assert let == set()
    assert len(rights) > 500


def test_taken_again_it_is_the_same(forked: Deployment, tmp_path: Path) -> None:
    target = forked.target()
    first, again = (take(in_one_region(forked), target, KEY) for _ in range(2))
    files = [tmp_path / "1.json", tmp_path / "2.json"]
    for document, file in zip((first, again), files, strict=True):
        save({**document, "taken_at": first["taken_at"]}, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert difference(first, again).empty


def test_a_reader_refuses_whatever_changes_something(deployment: Deployment) -> None:
    account = deployment.environment.operations_account
    reader = Reader(deployment.target(), Gaps(), account, "", "us-east-1")
    with listening() as heard:
        for operation in ("delete_role", "put_role_policy", "create_user", "batch_get_x"):
            with pytest.raises(ValueError, match="is no read"):
                reader.every("x", "iam", operation, "Roles")
        assert not heard
        assert reader.every("x", "iam", "list_roles", "Roles")
        assert {each.operation for each in heard} == {"ListRoles"}


def test_what_is_refused_is_a_gap_and_decides_nothing(forked: Deployment) -> None:
    environment, target = forked.environment, forked.target()
    home = next(iter(forked.accounts.values()))
    deny = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Action": [
                    "oam:ListSinks",
                    "kms:GetKeyPolicy",
                    "iam:GetAccountAuthorizationDetails",
                ],
                "Resource": "*",
            }
        ],
    }
    manager = target.client(
        target.session(environment.management_account), "organizations", "us-east-1"
    )
    made = manager.create_policy(
        Content=json.dumps(deny), Description="x", Name="blind", Type="SERVICE_CONTROL_POLICY"
    )
    identifier = made["Policy"]["PolicySummary"]["Id"]
    manager.attach_policy(PolicyId=identifier, TargetId=home.account_id)
    document = take(in_one_region(forked), target, KEY)
    gaps = {
        (g["section"], g["resource"], g["call"], g["code"])
        for g in document["unreadable"]
        if g["account"] == home.account_id and g["section"] != "public_access_block"
    }
    assert gaps == {
        ("sinks", "", "oam:list_sinks", "AccessDeniedException"),
        ("identity", "", "iam:get_account_authorization_details", "AccessDenied"),
        *(
            ("keys", arn, "kms:get_key_policy", "AccessDeniedException")
            for arn in document["accounts"][home.account_id]["regions"][home.region]["keys"]
        ),
    }
    assert home.kms_key_arn in {resource for _, resource, _, _ in gaps}
    estate = SnapshotEstate(document)
    with pytest.raises(PolicyError, match="could not be read"):
        estate.resource_policy(home.kms_key_arn)
    with pytest.raises(PolicyError, match="could not be read"):
        estate.role(home.account_id, home.caller_role_name)
    who = Who("made-up", home.account_id, "")
    question = Question("kms:Decrypt", home.kms_key_arn, home.account_id, {}, home.region)
    assert Asked(estate).answer(who, question).outcome == "unknown"
    found = {f.check for f in extras(document).findings}
    assert "unreadable" in found


def test_an_audit_finds_what_was_done_by_hand_and_says_what_it_gave(
    forked: Deployment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As an administrator could do it without guardrails, and Terraform would leave it so."""
    made, target = in_one_region(forked), forked.target()
    environment, fleet = made.environment, made.fleets["acme"]
    clean = take(made, target, KEY)
    operations = environment.operations_account
    everything = "arn:aws:iam::aws:policy/AdministratorAccess"
    with without_scps(target, environment, operations):
        iam = target.client(target.session(operations), "iam", "us-east-1")
        iam.attach_role_policy(RoleName=fleet.fleet_role_name, PolicyArn=everything)
        iam.delete_role_permissions_boundary(RoleName=fleet.fleet_role_name)
        # It denies whatever is no call of a model.
        iam.delete_role_policy(RoleName=fleet.fleet_role_name, PolicyName="invoke-own-profiles")
    before, after, key = (tmp_path / name for name in ("before.json", "after.json", "key"))
    save(clean, before)
    key.write_text(KEY.hex(), encoding="ascii")
    monkeypatch.setattr("harness.cli.watched.running", lambda _: made)
    monkeypatch.setattr("harness.cli.watched.run_folder", lambda _: tmp_path)

    capsys.readouterr()
    options = ["--no-probes", "--key", str(key), "--out", str(after), "--since", str(before)]
    assert start(["audit", environment.name, "--json", *options]) == 1
    told = json.loads(capsys.readouterr().out)
    found = {(each["check"], each["subject"]) for each in told["findings"]}
    assert {each for each in found if "bulkhead-probe" not in each[1]} == {
        ("attached", fleet.fleet_role_arn),
        ("boundary", fleet.fleet_role_arn),
    }
    assert {each["standing"] for each in told["settings"]} == {"as wanted"}
    gained = [each for each in told["since"]["answers"] if each["after"] == "allowed"]
    assert {each["principal"] for each in gained} == {fleet.fleet_role_arn}
    assert "do what fleet roles must not" in {each["about"] for each in gained}
    assert {each["subject"] for each in told["since"]["changes"]} == {
        f"role {fleet.fleet_role_arn}",
        f"policy {everything}",  # it is used now
    }

    assert start(["diff", str(before), str(after)]) == 1
    assert f"attached got {everything}" in capsys.readouterr().out
    assert start(["diff", str(after), str(after)]) == 0


# --- the same answers as the cloud ---------------------------------------------------------------


@pytest.fixture(scope="module")
def stood(deployment: Deployment, part: str) -> Iterator[Cast]:
    """Actors and things of many kinds in a copy of the cloud."""
    from harness.targets.embedded import EmbeddedTarget

    with deployment.cloud().fork() as cloud:
        target = EmbeddedTarget(cloud)
        made = deployment.on(target)
        cast = Cast(Stage.of(made, target), f"{part}-answers")
        _furnish(made, target)
        yield cast


ROOM = "222222222222"
BUCKET = "bulkhead-answers"


def _furnish(made: Deployment, target: Any) -> None:
    """A user in a group with a boundary, a bucket whose policy denies and lets in, a grant's key,
    and managed policies: whatever a decision can hang on."""
    region = made.environment.region
    with without_scps(target, made.environment, ROOM):
        iam = target.client(target.session(ROOM), "iam", "us-east-1")
        for name, actions in (
            ("most", ["s3:*", "logs:*", "iam:GetUser"]),
            ("given", ["s3:*", "kms:*"]),
        ):
            iam.create_policy(PolicyName=name, PolicyDocument=_allow(actions))
        base = f"arn:aws:iam::{ROOM}:policy"
        iam.create_user(
            UserName="bound",
            PermissionsBoundary=f"{base}/most",
            Tags=[{"Key": "team", "Value": "a"}],
        )
        iam.create_group(GroupName="givers")
        iam.attach_group_policy(GroupName="givers", PolicyArn=f"{base}/given")
        iam.put_group_policy(
            GroupName="givers", PolicyName="read", PolicyDocument=_allow(["logs:FilterLogEvents"])
        )
        iam.add_user_to_group(GroupName="givers", UserName="bound")
        s3 = target.client(target.session(ROOM), "s3", region)
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
        s3.put_bucket_policy(
            Bucket=BUCKET,
            Policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "LetIn",
                            "Effect": "Allow",
                            "Principal": {
                                "AWS": f"arn:aws:iam::{made.environment.operations_account}:root"
                            },
                            "Action": "s3:ListBucket",
                            "Resource": f"arn:aws:s3:::{BUCKET}",
                        },
                        {
                            "Sid": "TeamsOnly",
                            "Effect": "Deny",
                            "Principal": "*",
                            "Action": "s3:GetBucketPolicy",
                            "Resource": f"arn:aws:s3:::{BUCKET}",
                            "Condition": {
                                "StringNotEquals": {
                                    "aws:PrincipalTag/team": "a",
                                    # Who may not read it takes no snapshot of it either.
                                    "aws:PrincipalArn": f"arn:aws:iam::{ROOM}:user/administrator",
                                }
                            },
                        },
                    ],
                }
            ),
        )


def _allow(actions: list[str]) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
        }
    )


def _actors(cast: Cast, made: Deployment) -> Iterator[Actor]:
    operations = made.environment.operations_account
    for account in made.accounts:
        yield cast.caller(account)
        yield cast.other_role(account)
        yield cast.user(account)
        yield cast.reader(account)
        yield cast.administrator(account)
    for account in (operations, ROOM, made.environment.management_account):
        yield cast.deployer("deploy", account)
        yield cast.deployer("plan", account)
    yield cast.administrator(operations)
    yield cast.operations_role()
    for name in ("management", "no organization", "other organization"):
        yield cast.outsider(name)
    target = made.target()
    iam = target.client(target.session(ROOM), "iam", "us-east-1")
    key = iam.create_access_key(UserName="bound")["AccessKey"]
    arn = f"arn:aws:iam::{ROOM}:user/bound"
    yield Actor("bound", "user", ROOM, arn, target.assumed(key))


def _who(actor: Actor, document: dict[str, Any]) -> Who:
    """The actor in the snapshot; one of an account that is not in it may do anything there."""
    if actor.account not in document["accounts"]:
        return Who("made-up", actor.account, "")
    if ":user/" in actor.arn:
        return Who("user", actor.account, actor.arn)
    name = actor.arn.split("/")[1]
    roles = document["accounts"][actor.account]["identity"]["roles"]
    (arn,) = (arn for arn, role in roles.items() if role["name"] == name)
    return Who("role", actor.account, arn)


def _requests(made: Deployment) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Service, region, operation and parameters of reads that each need one permission."""
    region = made.environment.region
    for home in list(made.accounts.values())[:2]:
        yield "logs", region, "describe_log_streams", {"logGroupName": home.log_group_name}
        yield "kms", region, "describe_key", {"KeyId": home.kms_key_arn}
        yield "kms", region, "get_key_policy", {"KeyId": home.kms_key_arn, "PolicyName": "default"}
    fleet = next(iter(made.fleets.values()))
    profile = next(iter(fleet.inference_profiles[fleet.region].values()))
    yield "iam", "us-east-1", "get_role", {"RoleName": fleet.fleet_role_name}
    yield "iam", "us-east-1", "get_user", {"UserName": "bound"}
    yield "bedrock", fleet.region, "get_inference_profile", {"inferenceProfileIdentifier": profile}
    yield "s3", region, "list_objects_v2", {"Bucket": BUCKET}
    yield "s3", region, "get_bucket_policy", {"Bucket": BUCKET}


def test_it_answers_as_the_cloud_does(stood: Cast, deployment: Deployment) -> None:
    """Each request is sent, and what the cloud decided on it is asked of a snapshot as well."""
    target = stood.stage.target
    made = deployment.on(target)  # type: ignore[arg-type]
    actors = list(_actors(stood, made))
    document = take(in_one_region(made), target, KEY)
    asked = Asked(SnapshotEstate(document))
    counts = {"allowed": 0, "denied": 0}
    for actor in actors:
        who = _who(actor, document)
        for service, region, operation, params in _requests(made):
            client = target.client(actor.session, service, region)
            try:
                answer = getattr(client, operation)(**params)
            except ClientError as error:
                answer = error.response
            metadata = answer["ResponseMetadata"]
            headers = metadata["HTTPHeaders"]
            decided = target.explain(headers.get("x-amzn-requestid") or metadata["RequestId"])
            assert decided is not None, (actor.label, operation)
            outcome = "allowed" if decided["outcome"] == "Allowed" else "denied"
            owner = _owner(decided["resource"])
            question = Question(decided["action"], decided["resource"], owner, {}, region)
            said = asked.answer(who, question)
            assert said.outcome == outcome, (actor.label, question, decided, said.why)
            counts[outcome] += 1
    assert min(counts.values()) > 30, counts

    # And the trust matrix, with the right external id and a wrong one.
    for actor in actors:
        who = _who(actor, document)
        for fleet in stood.stage.fleets.values():
            role = document["accounts"][fleet.role_arn.split(":")[4]]["identity"]["roles"]
            known = known_external_id(role[fleet.role_arn]["trust"])
            assert known == Hider(KEY, []).of(fleet.external_id)
            name = stood.session_name(actor.account)
            for given, shown in ((fleet.external_id, known), ("wrong-one", "hidden-wrong")):
                try:
                    stood.assume(actor, fleet.role_arn, name=name, external_id=given)
                    outcome = "allowed"
                except ClientError as error:
                    assert error.response["Error"]["Code"] == "AccessDenied"
                    outcome = "denied"
                question = Question(
                    "sts:AssumeRole",
                    fleet.role_arn,
                    fleet.role_arn.split(":")[4],
                    {"sts:ExternalId": shown, "sts:RoleSessionName": name},
                )
                said = asked.answer(who, question)
                assert said.outcome == outcome, (actor.label, fleet.customer, said.why)
                counts[outcome] += 1
    assert role_arn("deploy", ROOM) in document["accounts"][ROOM]["identity"]["roles"]


def _owner(resource: str) -> str:
    if resource == "*":
        return ""
    return ROOM if resource.startswith("arn:aws:s3") else resource.split(":")[4]
