"""What is told of two snapshots: each difference, on the right side, and nothing else."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.snapshots import (
    ACME,
    ADMIN,
    ANYTHING,
    GLOBEX,
    MANAGEMENT,
    NOBODY,
    OPERATIONS,
    REGION,
    STOP,
    boundary_arn,
    fleet_arn,
    group_arn,
    grown,
    key_arn,
    policy,
    role,
    role_arn,
    small,
)

from harness.estate import SnapshotEstate
from harness.snapshot.asking import Asked
from harness.snapshot.changes import NOT_COMPARED, Change, changes
from harness.snapshot.diff import Difference, difference
from harness.snapshot.files import schema
from harness.snapshot.questions import askings

Edit = Callable[[dict[str, Any]], object]
OPEN = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{NOBODY}:root"},
    "Action": "sts:AssumeRole",
}


def edited(*edits: Edit) -> dict[str, Any]:
    document = small()
    for edit in edits:
        edit(document)
    assert list(schema().iter_errors(document)) == []
    return document


def roles(document: dict[str, Any], account: str = OPERATIONS) -> dict[str, Any]:
    found: dict[str, Any] = document["accounts"][account]["identity"]["roles"]
    return found


def there(document: dict[str, Any], account: str = ACME) -> dict[str, Any]:
    found: dict[str, Any] = document["accounts"][account]["regions"][REGION]
    return found


def told(found: Difference) -> set[tuple[str, str]]:
    """Who may what now, and could not."""
    return {(each.who, each.phrase) for each in found.gained}


def test_the_small_snapshot_fits_the_schema_and_differs_from_itself_in_nothing() -> None:
    found = difference(edited(), edited())
    assert found.empty and found.asked > 500
    assert found.changes == [] and found.turned == []


def test_when_and_what_could_not_be_read_alike_is_no_difference() -> None:
    gap = {
        "account": ACME,
        "region": "",
        "section": "public_access_block",
        "resource": "",
        "call": "s3control:get_public_access_block",
        "code": "AccessDenied",
    }
    before = edited(lambda d: d["unreadable"].append(gap))
    after = edited(
        lambda d: d["unreadable"].append(gap), lambda d: d.update(taken_at="2026-02-02T03:04:05Z")
    )
    assert difference(before, after).empty
    assert [c.effect for c in difference(edited(), after).changes] == ["unknown"]


def test_a_trust_that_opens_says_who_may_become_the_role() -> None:
    arn = fleet_arn("acme")
    after = edited(lambda d: roles(d)[arn]["trust"]["Statement"].append(OPEN))
    found = difference(edited(), after)
    stranger = f"any role of {NOBODY} that may do anything there"
    assert told(found) == {(stranger, f"become {arn}")}
    assert found.lost == [] and found.unsure == []
    (change,) = found.changes
    assert (change.subject, change.effect) == (f"role {arn}", "gained")
    assert "allows sts:AssumeRole" in change.what and NOBODY in change.what

    back = difference(after, edited())
    assert back.gained == [] and {(t.who, t.phrase) for t in back.lost} == told(found)


def test_a_stop_is_access_lost_and_its_end_access_gained() -> None:
    after = edited(lambda d: roles(d)[fleet_arn("acme")]["attached"].append(STOP))
    found = difference(edited(), after)
    assert [c.effect for c in found.changes] == ["lost"]
    assert {(t.who, t.family) for t in found.lost} == {(fleet_arn("acme"), "call models")}
    assert [c.effect for c in difference(after, edited()).changes] == ["gained"]


def test_a_policy_that_the_boundary_holds_is_told_although_no_answer_changes() -> None:
    found = difference(
        edited(), edited(lambda d: roles(d)[fleet_arn("acme")]["attached"].append(ADMIN))
    )
    assert found.turned == []
    assert [c.effect for c in found.changes] == ["gained"]
    freed = edited(
        lambda d: roles(d)[fleet_arn("acme")]["attached"].append(ADMIN),
        lambda d: roles(d)[fleet_arn("acme")].update(boundary=None),
    )
    found = difference(edited(), freed)
    assert {t.family for t in found.gained} >= {
        "call models",
        "change roles",
        "do what fleet roles must not",
    }
    assert {t.who for t in found.gained} == {fleet_arn("acme")}


def test_a_reader_that_may_unmask_is_told() -> None:
    arn, group = role_arn(ACME, "reader/bulkhead-reader"), group_arn(ACME, "acme")
    unmask = policy({"Effect": "Allow", "Action": "logs:Unmask", "Resource": group})
    after = edited(lambda d: roles(d, ACME)[arn]["inline"].update(more=unmask))
    assert told(difference(edited(), after)) == {
        (arn, f"logs:Unmask on /bulkhead/acme/bedrock of {ACME}")
    }


def test_a_guardrail_that_binds_no_more_is_told_with_what_it_denied() -> None:
    def detach(document: dict[str, Any]) -> None:
        document["organizations"]["o-1"]["policies"]["p-1"]["targets"] = []

    found = difference(edited(), edited(detach))
    assert {t.action for t in found.gained} == {"bedrock:PutModelInvocationLoggingConfiguration"}
    (change,) = found.changes
    assert (change.effect, change.what) == ("gained", f"binds no more {OPERATIONS}")
    assert "operations-scp" in change.subject


def test_access_that_ran_out_between_two_snapshots_is_lost() -> None:
    trust = policy(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{GLOBEX}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"DateLessThan": {"aws:CurrentTime": "2026-01-10T00:00:00Z"}},
        }
    )
    arn = role_arn(ACME, "support")

    def grant(document: dict[str, Any]) -> None:
        roles(document, ACME)[arn] = role(ACME, "support", trust)

    found = difference(
        edited(grant), edited(grant, lambda d: d.update(taken_at="2026-01-11T00:00:00Z"))
    )
    assert found.changes == []
    assert {t.phrase for t in found.lost} == {f"become {arn}"} and found.gained == []


def test_a_new_external_id_shows_and_lets_the_same_callers_in() -> None:
    def rotate(document: dict[str, Any]) -> None:
        statement = roles(document)[fleet_arn("acme")]["trust"]["Statement"][0]
        statement["Condition"]["StringEquals"]["sts:ExternalId"] = f"hidden-{'c' * 32}"

    found = difference(edited(), edited(rotate))
    assert found.turned == []
    assert {c.effect for c in found.changes} == {"gained", "lost"}


def test_snapshots_of_two_keys_are_compared_without_external_ids() -> None:
    def other_key(document: dict[str, Any]) -> None:
        text = json.dumps(document).replace("a" * 32, "d" * 32).replace("b" * 32, "e" * 32)
        document.update(json.loads(text), key_id="f" * 16)

    found = difference(edited(), edited(other_key))
    assert found.empty and not found.comparable_ids


def test_what_could_not_be_read_is_unknown_and_never_denied() -> None:
    gap = {
        "account": ACME,
        "region": REGION,
        "section": "keys",
        "resource": key_arn(ACME),
        "call": "kms:get_key_policy",
        "code": "AccessDeniedException",
    }

    def refused(document: dict[str, Any]) -> None:
        document["unreadable"].append(gap)
        there(document)["keys"][key_arn(ACME)]["policy"] = None

    found = difference(edited(), edited(refused))
    assert {t.after.outcome for t in found.turned} == {"unknown"}
    assert {t.resource for t in found.turned} == {key_arn(ACME)}
    assert found.gained == found.lost == [] and found.unsure == found.turned
    assert {t.family for t in found.turned} >= {"read records", "change keys of records"}


def test_principals_that_could_not_be_read_are_not_taken_to_be_gone() -> None:
    gap = {
        "account": ACME,
        "region": "",
        "section": "identity",
        "resource": "",
        "call": "iam:get_account_authorization_details",
        "code": "AccessDenied",
    }

    def refused(document: dict[str, Any]) -> None:
        document["unreadable"].append(gap)
        for kind in document["accounts"][ACME]["identity"].values():
            kind.clear()

    found = difference(edited(), edited(refused))
    assert found.gained == found.lost == []
    caller = role_arn(ACME, "bulkhead-caller")
    assert (caller, f"become {fleet_arn('acme')}") in {(t.who, t.phrase) for t in found.unsure}


def test_an_organization_that_could_not_be_read_is_not_taken_to_bind_nobody() -> None:
    gap = {
        "account": MANAGEMENT,
        "region": "",
        "section": "organization",
        "resource": "",
        "call": "organizations:list_policies",
        "code": "AccessDenied",
    }

    def refused(document: dict[str, Any]) -> None:
        document["unreadable"].append(gap)
        document["organizations"]["o-1"]["policies"] = {}

    found = difference(edited(), edited(refused))
    assert found.gained == found.lost == [] and found.unsure == found.turned != []


def test_a_trust_in_an_account_that_nobody_knows_is_told() -> None:
    unknown = "123123123123"
    statement = {**OPEN, "Principal": {"AWS": f"arn:aws:iam::{unknown}:root"}}
    arn = role_arn(ACME, "reader/bulkhead-reader")

    def anybody(document: dict[str, Any]) -> None:
        roles(document, ACME)[arn]["trust"]["Statement"].append(statement)

    found = difference(edited(), edited(anybody))
    assert told(found) == {(f"any role of {unknown} that may do anything there", f"become {arn}")}


def test_requests_grow_with_the_fleet_and_not_with_its_square() -> None:
    def count(customers: int) -> int:
        return sum(1 for _ in askings(Asked(SnapshotEstate(grown(customers)))))

    few, more, most = count(20), count(40), count(60)
    assert more - few == most - more
    assert most < 4 * few


def test_in_a_large_fleet_a_customer_among_others_still_asks_for_what_names_it() -> None:
    account = "400000000011"
    arn = fleet_arn("acme")

    def named(document: dict[str, Any]) -> None:
        roles(document)[arn]["trust"]["Statement"].append(
            {**OPEN, "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
        )

    before, after = grown(12), grown(12)
    named(after)
    assert told(difference(before, after)) == {
        (f"any role of {account} that may do anything there", f"become {arn}"),
        (f"arn:aws:iam::{account}:user/administrator", f"become {arn}"),
    }


PIECES: dict[str, tuple[Edit, set[str]]] = {
    "a boundary goes": (lambda d: roles(d)[fleet_arn("acme")].update(boundary=None), {"gained"}),
    "a boundary is another": (
        lambda d: roles(d)[fleet_arn("acme")].update(boundary=boundary_arn("globex")),
        {"changed"},
    ),
    "a role is new": (
        lambda d: roles(d).update({role_arn(OPERATIONS, "x"): role(OPERATIONS, "x", policy())}),
        {"gained"},
    ),
    "a role was made anew": (
        lambda d: roles(d)[fleet_arn("acme")].update(id="AROANEW"),
        {"changed"},
    ),
    "a grant": (
        lambda d: there(d)["keys"][key_arn(ACME)]["grants"].append(
            {"grantee": "x", "retiring": "", "operations": ["Decrypt"], "constraints": {}}
        ),
        {"gained"},
    ),
    "a subscription": (
        lambda d: there(d)["log_groups"][group_arn(ACME, "acme")]["subscription_filters"].update(
            x={"destination": "arn:aws:lambda:x", "role": "", "pattern": ""}
        ),
        {"gained"},
    ),
    "a denial goes": (
        lambda d: d["organizations"]["o-1"]["policies"]["p-1"]["document"].update(Statement=[]),
        {"gained"},
    ),
    "retention": (lambda d: there(d, OPERATIONS).update(data_retention="default"), {"changed"}),
    "logging": (
        lambda d: there(d, OPERATIONS).update(invocation_logging={"s3Config": {}}),
        {"changed"},
    ),
    "a bucket opens": (
        lambda d: d["accounts"][ACME]["buckets"].update(
            b={
                "region": REGION,
                "policy": policy({**OPEN, "Action": "s3:*", "Resource": "*"}),
                "public_access_block": None,
                "ownership": None,
            }
        ),
        {"gained", "changed"},
    ),
    "a customer leaves": (lambda d: d["environment"]["customers"].pop("globex"), {"changed"}),
}


@pytest.mark.parametrize("name", PIECES)
def test_each_piece_is_told_on_its_side(name: str) -> None:
    edit, effects = PIECES[name]
    before, after = edited(), edited(edit)
    found = changes(before, after)
    assert {c.effect for c in found} == effects
    assert all(c.subject and c.what for c in found)
    mirrored = {"gained": "lost", "lost": "gained"}
    assert {c.effect for c in changes(after, before)} == {mirrored.get(e, e) for e in effects}


# --- properties --------------------------------------------------------------------------------


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each text, number and setting that snapshots are compared by."""
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in leaves(v, (*path, k))]
    if isinstance(value, list):
        return [p for k, v in enumerate(value) for p in leaves(v, (*path, k))]
    return [path]


PATHS = [path for path in leaves(small()) if path[0] not in NOT_COMPARED]


def put(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        document = document[step]
    document[path[-1]] = value


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


@settings(max_examples=150, deadline=None)
@given(path=st.sampled_from(PATHS), value=st.sampled_from(["other", None, 7, True]))
def test_no_leaf_changes_unnoticed(path: tuple[Any, ...], value: Any) -> None:
    before, after = small(), small()
    was = at(before, path)
    put(after, path, value)
    found = changes(before, after)
    # To JSON, True and 1 are two things.
    assert bool(found) is (json.dumps(was) != json.dumps(value))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_way_back_undoes_what_was_told(data: st.DataObject) -> None:
    after = small()
    for path in data.draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=4, unique=True)):
        put(after, path, data.draw(st.sampled_from(["other", "*", "Allow", "Deny"])))
    there_, back = changes(small(), after), changes(after, small())

    def count(found: list[Change], effect: str) -> int:
        return sum(change.effect == effect for change in found)

    for effect, other in (("gained", "lost"), ("lost", "gained"), ("changed", "changed")):
        assert count(there_, effect) == count(back, other)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_keys_does_not_matter(seed: int) -> None:
    order = random.Random(seed)

    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            keys = list(value)
            order.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return [shuffled(each) for each in value] if isinstance(value, list) else value

    assert changes(small(), shuffled(small())) == []


STATEMENTS = st.builds(
    lambda effect, action, principal: {
        "Effect": effect,
        "Action": action,
        "Principal": {"AWS": principal},
    },
    st.sampled_from(["Allow", "Deny"]),
    st.sampled_from(["sts:AssumeRole", "sts:*", "sts:TagSession"]),
    st.sampled_from(["*", f"arn:aws:iam::{NOBODY}:root", role_arn(GLOBEX, "bulkhead-caller")]),
)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(more=st.lists(STATEMENTS, min_size=1, max_size=3))
def test_answers_turn_back_when_the_change_does(more: list[dict[str, Any]]) -> None:
    after = small()
    roles(after)[fleet_arn("acme")]["trust"]["Statement"] += copy.deepcopy(more)
    there_, back = difference(small(), after), difference(after, small())
    assert {(t.who, t.phrase) for t in there_.gained} == {(t.who, t.phrase) for t in back.lost}
    assert {(t.who, t.phrase) for t in there_.lost} == {(t.who, t.phrase) for t in back.gained}
    # What only denies never gives, and what only allows never takes.
    effects = {each["Effect"] for each in more}
    assert effects != {"Deny"} or there_.gained == []
    assert effects != {"Allow"} or there_.lost == []


def test_of_a_policy_only_the_version_in_force_gives_and_takes() -> None:
    arn = boundary_arn("acme")
    held = small()["accounts"][OPERATIONS]["identity"]["policies"][arn]["versions"]["v1"]
    less = policy(*held["Statement"][1:])

    def other(default: str) -> dict[str, Any]:
        def edit(document: dict[str, Any]) -> None:
            there_ = document["accounts"][OPERATIONS]["identity"]["policies"][arn]
            there_["versions"]["v2"] = less
            there_["default"] = default

        return edited(edit)

    # A version that nobody made the default says nothing of what anybody may do.
    kept, made = changes(small(), other("v1")), changes(small(), other("v2"))
    assert kept == [Change(f"policy {arn}", "version v2 came", "changed")]
    effects = [each.effect for each in made]
    assert effects == ["changed", "lost", "changed"], made
    assert made[1].what.startswith("in force: ") and made[1].what.endswith(" went")
    assert [each.effect for each in changes(other("v2"), small())].count("gained") == 1


def test_what_came_with_an_account_is_new_and_its_denials_take_nothing() -> None:
    before = edited(lambda d: d["accounts"].pop(GLOBEX))
    found = [each for each in changes(before, small()) if GLOBEX in each.subject]
    kinds = {each.subject.partition(" arn:")[0] for each in found if each.what == "is new"}
    assert {"role", "user", "key", "log group"} <= kinds
    assert "gained" in {each.effect for each in found}
    assert not [each for each in found if each.effect == "lost" or "changed" in each.what], found


def test_a_change_is_a_line_of_words() -> None:
    found = changes(
        small(), edited(lambda d: roles(d)[fleet_arn("acme")]["attached"].append(ADMIN))
    )
    assert found == [Change(f"role {fleet_arn('acme')}", f"attached got {ADMIN}", "gained")]
    assert ANYTHING["Statement"]
