"""Which models a fleet session can call, and by which handle."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.probes.bedrock import converse, converse_stream, invoke
from harness.probes.cast import Cast
from harness.probes.result import Recorder, Subject

Call = Callable[..., None]

INVOKE = "bedrock:InvokeModel"
STREAM = "bedrock:InvokeModelWithResponseStream"
WAYS = pytest.mark.parametrize(
    ("call", "action"),
    [(converse, INVOKE), (converse_stream, STREAM), (invoke, INVOKE)],
    ids=["Converse", "ConverseStream", "InvokeModel"],
)


@pytest.mark.parametrize(
    ("call", "action"),
    [(converse, INVOKE), (converse_stream, STREAM), (invoke, INVOKE)],
    ids=["Converse", "ConverseStream", "InvokeModel"],
)
def test_own_profiles_can_be_called(
    probe: Recorder, cast: Cast, account: str, call: Call, action: str
) -> None:
    fleet, session = cast.stage.fleet_of(account), cast.fleet(account)
    for region, model, profile in fleet.all_profiles:
        probe.allowed(
            Subject(
                "own-profile",
                ("P42",),
                "a fleet session can call its own profiles",
                session,
                action,
                f"{fleet.customer}'s profile of {model} in {region}",
                (profile,),
            ),
            lambda profile=profile, region=region: call(cast, session, profile, region),  # type: ignore[misc]
        )


def test_profiles_bear_their_customers_name(probe: Recorder, cast: Cast, customer: str) -> None:
    """What a call costs is charged to whom the tag of its profile names."""
    fleet = cast.stage.fleets[customer]
    reader = cast.administrator(cast.stage.environment.operations_account)
    for region, model, profile in fleet.all_profiles:
        listed = cast.client(reader, "bedrock", region).list_tags_for_resource(resourceARN=profile)
        tags = {tag["key"]: tag["value"] for tag in listed["tags"]}
        named = tags.get("bulkhead:customer", "nobody"), tags.get("bulkhead:model", "no model")
        probe.state(
            Subject(
                "profile-tags",
                ("P20",),
                "a customer's profile says whom its calls are charged to",
                reader,
                "bedrock:ListTagsForResource",
                f"{customer}'s profile of {model} in {region}",
                (profile,),
            ),
            expected=f"{customer}, {model}",
            observed=", ".join(named),
            holds=named == (customer, model),
            why=f"its tags name {' and '.join(named)}",
        )


@WAYS
def test_models_cannot_be_called_past_the_profile(
    probe: Recorder, cast: Cast, account: str, call: Call, action: str
) -> None:
    fleet, session = cast.stage.fleet_of(account), cast.fleet(account)
    # Every model of every customer, so also those that its own profiles do not lead to. AWS names
    # the cross-region profile, or one of the models behind it.
    for model in sorted({m for f in cast.stage.fleets.values() for m in f.profiles}):
        probe.denied(
            Subject(
                "model-past-profile",
                ("P02", "P03", "P04"),
                "a fleet session cannot call a model past its profile, where no cost is attributed",
                session,
                action,
                model,
                fleet.behind(fleet.region, model),
            ),
            lambda model=model: call(cast, session, model),  # type: ignore[misc]
            twin=lambda: converse(cast, session, fleet.profile),
        )


@WAYS
def test_other_customers_profiles_cannot_be_called(
    probe: Recorder, cast: Cast, foreign: tuple[str, str], call: Call, action: str
) -> None:
    account, customer = foreign
    fleet, session = cast.stage.fleet_of(account), cast.fleet(account)
    victim = cast.stage.fleets[customer]
    for region, model, profile in victim.all_profiles:
        probe.denied(
            Subject(
                "foreign-profile",
                ("P02", "P05"),
                "a fleet session cannot call another customer's profile, which would pay",
                session,
                action,
                f"{customer}'s profile of {model} in {region}",
                (profile,),
            ),
            lambda profile=profile, region=region: call(cast, session, profile, region),  # type: ignore[misc]
            twin=lambda: converse(cast, session, fleet.profile),
        )


@WAYS
def test_models_of_other_regions_cannot_be_called(
    probe: Recorder, cast: Cast, account: str, region: str, call: Call, action: str
) -> None:
    fleet, session = cast.stage.fleet_of(account), cast.fleet(account)
    arn = f"arn:aws:bedrock:{region}::foundation-model/{fleet.model}"
    probe.denied(
        Subject(
            "model-of-region",
            ("P03", "P06"),
            "a fleet session cannot call a model directly in any Region",
            session,
            action,
            f"{fleet.model} in {region}",
            (arn,),
        ),
        lambda: call(cast, session, fleet.model, region),
        twin=lambda: converse(cast, session, fleet.profile),
    )


@pytest.mark.parametrize("tier", ["priority", "reserved"])
def test_costlier_tiers_cannot_be_asked_for(
    probe: Recorder, cast: Cast, account: str, tier: str
) -> None:
    fleet, session = cast.stage.fleet_of(account), cast.fleet(account)
    probe.denied(
        Subject(
            "service-tier",
            ("P38",),
            f"a fleet session cannot ask for a tier that costs more ({tier})",
            session,
            INVOKE,
            f"{fleet.customer}'s profile of {fleet.model}",
            (fleet.profile,),
        ),
        lambda: converse(cast, session, fleet.profile, serviceTier={"type": tier}),
        twin=lambda: converse(cast, session, fleet.profile, serviceTier={"type": "default"}),
    )


def test_cross_region_profiles_send_where_it_was_agreed(
    probe: Recorder, cast: Cast, customer: str
) -> None:
    """By what the service itself says of each AIP, which it may change after an apply."""
    fleet, environment = cast.stage.fleets[customer], cast.stage.environment
    operations = cast.administrator(environment.operations_account)
    for region, model, profile in fleet.all_profiles:
        agreed = {region, *fleet.destinations.get(model.partition(".")[0], ())}
        client = cast.client(operations, "bedrock", region)
        answer = client.get_inference_profile(inferenceProfileIdentifier=profile)
        sent = {each["modelArn"].split(":")[3] for each in answer["models"]}
        probe.state(
            Subject(
                "profile-regions",
                ("B10",),
                "a profile sends calls to no Region but those agreed on",
                operations,
                "bedrock:GetInferenceProfile",
                f"{customer}'s profile of {model} in {region}",
                (profile,),
            ),
            expected=", ".join(sorted(agreed)),
            observed=", ".join(sorted(sent)),
            # A profile that leads nowhere proves nothing.
            holds=sent <= agreed if sent else None,
            why=f"it leads to {', '.join(sorted(sent)) or 'nothing'}",
        )


def test_system_profiles_cannot_be_called(probe: Recorder, cast: Cast, account: str) -> None:
    """None of the cross-region profiles that AWS itself offers in the fleet's Region."""
    fleet, session = cast.stage.fleet_of(account), cast.fleet(account)
    operations = cast.administrator(cast.stage.environment.operations_account)
    pages = cast.client(operations, "bedrock", fleet.region).get_paginator(
        "list_inference_profiles"
    )
    for page in pages.paginate(typeEquals="SYSTEM_DEFINED"):
        for profile in page["inferenceProfileSummaries"]:
            probe.denied(
                Subject(
                    "system-profile",
                    ("P02", "B09"),
                    "a fleet session cannot call AWS's own cross-region profiles",
                    session,
                    INVOKE,
                    profile["inferenceProfileId"],
                    (profile["inferenceProfileArn"],),
                ),
                lambda profile=profile: converse(cast, session, profile["inferenceProfileId"]),  # type: ignore[misc]
                twin=lambda: converse(cast, session, fleet.profile),
            )
