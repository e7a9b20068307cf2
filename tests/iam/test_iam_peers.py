"""What `make peers` asks and takes for known; the other engine itself is not needed here."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness.bench.engine import CASES
from harness.iam import Outcome, decide
from harness.iam.cases import read_case
from harness.iam.validate import validate
from scripts.peers import node
from scripts.peers.generate import cases
from scripts.peers.known import REPAIRS, facts, repaired, rules
from scripts.peers.translate import Inexpressible, simulation

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = list(cases(seed=1, count=600))


def test_requests_are_the_same_for_the_same_seed() -> None:
    assert list(cases(1, 20)) == SAMPLE[:20]
    assert list(cases(2, 20)) != SAMPLE[:20]


def test_requests_reach_every_outcome_and_layer() -> None:
    read = [read_case(data) for data in SAMPLE]
    outcomes = Counter(decide(case.request, case.policies).outcome for case in read)
    assert min(outcomes[outcome] for outcome in Outcome) > 0.1 * len(SAMPLE)
    assert outcomes[Outcome.ALLOWED] > 0.25 * len(SAMPLE)
    allowed = [c for c in read if decide(c.request, c.policies).allowed]
    kinds = Counter(named.kind for case in allowed for named in case.policies.all())
    assert set(kinds) >= {"identity", "resource", "trust", "key", "boundary", "session"}
    assert set(kinds) >= {"scp", "rcp"}
    assert {case.request.principal.kind for case in read} == {
        *("root", "user", "role-session", "service", "federated", "anonymous")
    }
    text = json.dumps(SAMPLE)
    for part in ("NotAction", "NotResource", "NotPrincipal", "ForAllValues:", "ForAnyValue:"):
        assert part in text
    for part in ("Null", "IfExists", "${aws:PrincipalTag/team, 'red'}", "${?}", "2008-10-17"):
        assert part in text


def test_aws_would_save_the_policies() -> None:
    for data in SAMPLE:
        for named in read_case(data).policies.all():
            assert validate(named.policy.to_document(), named.kind) == [], data["id"]


def test_every_rule_names_page_and_winner_and_asks_about_facts() -> None:
    case = read_case(SAMPLE[0])
    known = facts(SAMPLE[0], case, Outcome.ALLOWED, "ImplicitlyDenied")
    listed = rules()
    assert len({rule.name for rule in listed}) == len(listed)
    for rule in listed:
        assert rule.page
        assert rule.says
        assert rule.right in ("ours", "peer", "open")
        assert rule.when.keys() <= known.keys()
        # A rule that no repair proves must say what was decided.
        assert rule.repair or {"ours"} <= rule.when.keys()
    assert {rule.repair for rule in listed} - {""} == set(REPAIRS)


def test_a_repair_leaves_a_case_and_the_given_one_alone() -> None:
    """What the generator does not make is among the cases."""
    repairs = Counter[str]()
    lines = (ROOT / "tests/iam/cases/kms.jsonl").read_text(encoding="utf-8").splitlines()
    for data in (*SAMPLE, *map(json.loads, lines)):
        before = json.dumps(data)
        seen = facts(data, read_case(data), Outcome.ALLOWED, "ImplicitlyDenied")
        for rule in rules():
            if rule.repair and rule.may_apply(seen):
                read_case(repaired(data, rule))
                repairs[rule.repair] += 1
        assert json.dumps(data) == before
    assert set(repairs) == set(REPAIRS)


def test_the_peer_sees_every_key_that_we_see() -> None:
    data = SAMPLE[0]
    request = simulation(data, read_case(data))["request"]
    case = read_case(data).request
    assert set(request["contextVariables"]) == {
        *case.principal.context,
        *(key.lower() for key in case.context),
    }


def test_what_the_peer_cannot_be_told_is_not_asked() -> None:
    data: dict[str, Any] = {
        "id": "x",
        "request": {
            "principal": "arn:aws:sts::111111111111:federated-user/bob",
            "action": "s3:GetObject",
            "resource": "arn:aws:s3:::bkt/k",
            "resourceAccount": "111111111111",
        },
    }
    simulation(data, read_case(data))
    data["request"]["parent"] = "arn:aws:iam::111111111111:user/alice"
    with pytest.raises(Inexpressible):
        simulation(data, read_case(data))


@pytest.mark.parametrize("data", CASES, ids=[case["id"] for case in CASES])
def test_what_speed_is_measured_on_is_allowed(data: dict[str, Any]) -> None:
    case = read_case(data)
    assert decide(case.request, case.policies).allowed


def test_the_lock_file_names_no_host_and_pins_every_package() -> None:
    text = (ROOT / "scripts/peers/package-lock.json").read_text(encoding="utf-8")
    assert "://" not in text
    packages = json.loads(text)["packages"]
    wanted = packages.pop("")["dependencies"]
    assert wanted == {node.PACKAGE: node.version()}
    assert all(package["integrity"] for package in packages.values())


def test_nothing_of_the_project_knows_the_peer() -> None:
    """The benchmark starts it as a process, where there is one."""
    for file in (*ROOT.glob("harness/**/*.py"), *ROOT.glob("client/**/*.py")):
        text = file.read_text(encoding="utf-8")
        assert "import scripts" not in text and "from scripts" not in text, file
