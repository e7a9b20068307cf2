"""Mistakes in what a fleet role or a caller role may do (tables P, C and L)."""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import UserError
from harness.mutants.model import Mutant, Notice
from harness.mutants.site import Site, Statement, Statements, allow

INVOKE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
PROFILE_KEY = "bedrock:InferenceProfileArn"
FOREIGN = Notice("foreign-profile", "fleet role")
PAST = Notice("model-past-profile", "fleet role")
RIGHTS = (Notice("fleet-rights", "fleet role"),)


# Answered by a call each that nothing else would refuse.
ALL_BUT = ("P07", "P19", "B06", "B07", "O10")


def _profiles(site: Site) -> list[str]:
    return [arn for _, _, arn in site.victim.all_profiles]


def _models(site: Site) -> list[str]:
    return list(site.victim.model_arns)


def _own(site: Site) -> list[Statement]:
    """What the role needs for its own profiles, so that only the mistake is one."""
    return [
        allow(INVOKE, _profiles(site)),
        allow(INVOKE, _models(site), StringEquals={PROFILE_KEY: _profiles(site)}),
    ]


def granting(
    actions: str | list[str], resource: Callable[[Site], str | list[str]]
) -> Callable[[Site], None]:
    """Its own rights and one more, without denials and boundary."""
    return lambda site: site.permissions(*_own(site), allow(actions, resource(site)))


def _everything(_: Site) -> str:
    return "*"


def _every_profile(site: Site) -> None:
    site.permissions(
        allow(
            INVOKE,
            f"arn:aws:bedrock:{site.victim.region}:{site.operations}:application-inference-profile/*",
        ),
        allow(INVOKE, "arn:aws:bedrock:*::foundation-model/*", Null={PROFILE_KEY: "false"}),
    )


def _last_profile(site: Site) -> None:
    _, *_, last = site.victim.profiles
    model = f"arn:aws:bedrock:{site.victim.region}::foundation-model/{last}"
    profile = site.victim.profiles[last]
    site.permissions(
        allow(INVOKE, profile),
        allow(INVOKE, model, StringEquals={PROFILE_KEY: profile}),
        add=True,
        fleet=site.neighbor,
    )


def _profile_elsewhere(site: Site) -> None:
    elsewhere = [each for each in site.victim.all_profiles if each[0] != site.victim.region]
    if not elsewhere:
        raise UserError(f"{site.victim.customer} calls from one region only")
    region, model, profile = elsewhere[-1]
    site.permissions(
        allow(INVOKE, profile),
        allow(
            INVOKE,
            f"arn:aws:bedrock:{region}::foundation-model/{model}",
            StringEquals={PROFILE_KEY: profile},
        ),
        add=True,
        fleet=site.neighbor,
    )


def _if_exists(site: Site) -> None:
    site.permissions(
        allow(INVOKE, _profiles(site)),
        allow(INVOKE, _models(site), ArnEqualsIfExists={PROFILE_KEY: _profiles(site)}),
    )


def _no_streaming(site: Site) -> None:
    site.permissions(*({**statement, "Action": "bedrock:InvokeModel"} for statement in _own(site)))


def _trust_operations(statements: Statements, site: Site) -> Statements:
    root = f"arn:aws:iam::{site.operations}:root"
    return [
        *statements,
        {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"},
    ]


def _chain(site: Site) -> None:
    site.permissions(*_own(site), allow("sts:AssumeRole", "*"))
    site.trust(lambda old: _trust_operations(old, site), site.neighbor)


def _juggle(site: Site) -> None:
    site.permissions(*_own(site), allow("sts:AssumeRole", site.victim.role_arn))
    site.trust(
        lambda old: [
            *old,
            {
                "Effect": "Allow",
                "Principal": {"AWS": site.victim.role_arn},
                "Action": "sts:AssumeRole",
            },
        ]
    )


def _group(site: Site, tail: str = "") -> list[str]:
    arn = site.victims_home.group_arn
    return [f"{arn}{tail}", f"{arn}{tail}:*"]


def _prefix(site: Site) -> None:
    site.caller_permissions(allow(["logs:CreateLogStream", "logs:PutLogEvents"], _group(site, "*")))


PERMISSIONS = (
    Mutant(
        "P01",
        "a fleet role may do everything in Bedrock",
        "permission",
        lambda site: site.permissions(allow("bedrock:*", "*")),
        (FOREIGN, PAST, *RIGHTS),
        "test_models or test_fleet_rights",
    ),
    Mutant(
        "P02",
        "a fleet role may call every model and profile",
        "permission",
        lambda site: site.permissions(allow("bedrock:InvokeModel*", "*")),
        (FOREIGN, PAST),
        "test_models_cannot or test_other_customers",
    ),
    Mutant(
        "P03",
        "a fleet role may call its models without its profiles",
        "permission",
        lambda site: site.permissions(allow(INVOKE, [*_profiles(site), *_models(site)])),
        (PAST,),
        "test_models_cannot",
    ),
    Mutant(
        "P04",
        "the profile is compared only if there is one",
        "permission",
        _if_exists,
        (PAST,),
        "test_models_cannot",
    ),
    Mutant(
        "P05",
        "a fleet role may call every customer's profile",
        "permission",
        _every_profile,
        (FOREIGN,),
        "test_other_customers",
    ),
    Mutant(
        "P05-last",
        "a fleet role may call one profile of another customer, and not its first",
        "permission",
        _last_profile,
        (FOREIGN,),
        "test_other_customers",
    ),
    Mutant(
        "P05-region",
        "a fleet role may call a profile that another customer has in a further Region",
        "permission",
        _profile_elsewhere,
        (FOREIGN,),
        "test_other_customers",
    ),
    Mutant(
        "P06",
        "a fleet role may call every model in every Region",
        "permission",
        granting(INVOKE, lambda _: "arn:aws:bedrock:*::foundation-model/*"),
        (Notice("model-of-region", "fleet role"), PAST, Notice("global-endpoint", "fleet role")),
        "test_models_of_other or (test_models_cannot and InvokeModel) or test_the_global_endpoint",
        more_rows=("C09",),
    ),
    Mutant(
        "P11",
        "a fleet role may make log groups in the operations account",
        "permission",
        granting("logs:*", _everything),
        RIGHTS,
        "test_fleet_session_cannot and logs",
    ),
    Mutant(
        "P15",
        "a fleet role may change its own policies",
        "permission",
        granting("iam:*", lambda site: site.victim.role_arn),
        RIGHTS,
        "test_fleet_session_cannot and iam",
    ),
    Mutant(
        "P17",
        "a fleet role may use buckets",
        "permission",
        granting("s3:*", _everything),
        RIGHTS,
        "test_fleet_session_cannot and s3",
    ),
    Mutant(
        "P18",
        "a fleet role may switch invocation logging on",
        "permission",
        granting(["bedrock:PutModelInvocationLoggingConfiguration", "iam:PassRole"], _everything),
        RIGHTS,
        "test_fleet_session_cannot_switch",
    ),
    Mutant(
        "P20",
        "a fleet role may tag profiles, and so move its costs",
        "permission",
        granting("bedrock:TagResource", _everything),
        RIGHTS,
        "test_fleet_session_cannot and tag_resource",
    ),
    Mutant(
        "P21",
        "a fleet role may list profiles and roles, and so customers",
        "permission",
        granting(["bedrock:ListInferenceProfiles", "iam:ListRoles"], _everything),
        RIGHTS,
        "test_fleet_session_cannot and list",
    ),
    Mutant(
        "P12",
        "a fleet role may send metrics and traces to the operations account",
        "permission",
        granting(["cloudwatch:PutMetricData", "xray:PutTraceSegments"], _everything),
        RIGHTS,
        "test_fleet_session_cannot and (cloudwatch or xray)",
        more_rows=("P13",),
    ),
    Mutant(
        "P22",
        "a fleet role may list batch jobs and asynchronous calls, everybody's",
        "permission",
        granting(["bedrock:ListModelInvocationJobs", "bedrock:ListAsyncInvokes"], _everything),
        RIGHTS,
        "test_fleet_session_cannot and (list_model_invocation or list_async)",
        more_rows=("P23",),
    ),
    Mutant(
        "P35",
        "a fleet role may change how long prompts are kept",
        "permission",
        granting("bedrock:PutAccountDataRetention", _everything),
        RIGHTS,
        "test_fleet_session_cannot and retention",
    ),
    Mutant(
        "P38",
        "a fleet role may ask for every service tier",
        "permission",
        lambda site: site.permissions(*_own(site)),
        (Notice("service-tier", "fleet role"),),
        "test_costlier_tiers",
    ),
    Mutant(
        "P42",
        "streaming was forgotten",
        "permission",
        _no_streaming,
        (Notice("own-profile", "fleet role"),),
        "test_own_profiles",
    ),
    Mutant(
        "C01",
        "a fleet role may assume another, which trusts the operations account",
        "role chaining",
        _chain,
        (Notice("role-chaining", "fleet role"),),
        "test_chaining",
    ),
    Mutant(
        "C03",
        "a fleet role may assume itself again and again",
        "role chaining",
        _juggle,
        (Notice("role-chaining", "fleet role"),),
        "test_chaining",
    ),
    Mutant(
        "L21",
        "a caller role may read the records",
        "caller role",
        lambda site: site.caller_permissions(allow("logs:*", _group(site))),
        (Notice("caller-rights", "caller"),),
        "test_caller_rights",
    ),
    Mutant(
        "L22",
        "a caller role may write to every group whose name starts like its own",
        "caller role",
        _prefix,
        (Notice("caller-rights", "caller"),),
        "test_caller_cannot_write",
    ),
    Mutant(
        "L28",
        "a caller role may make log groups",
        "caller role",
        lambda site: site.caller_permissions(allow("logs:CreateLogGroup", "*")),
        (Notice("caller-rights", "caller"),),
        "test_caller_cannot and CreateLogGroup",
    ),
    Mutant(
        "P07",
        "a fleet role may do all but what IAM and AWS Organizations do, by NotAction",
        "permission",
        lambda site: site.permissions(
            {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"}
        ),
        tuple(Notice("fleet-rights", "fleet role", row) for row in ALL_BUT),
        "test_fleet_session_cannot and (describe_log_groups or get_model_invocation_logging"
        " or list_model_invocation_jobs or list_async_invokes or batch_get_traces)",
        more_rows=ALL_BUT[1:],
    ),
    Mutant(
        "P02-system",
        "a fleet role may call the cross-region profiles that AWS offers",
        "permission",
        lambda site: site.permissions(
            *_own(site),
            allow(INVOKE, "arn:aws:bedrock:*:*:inference-profile/*"),
            allow(INVOKE, "arn:aws:bedrock:*::foundation-model/*"),
        ),
        (Notice("system-profile", "fleet role"),),
        "test_system_profiles",
        more_rows=("B09",),
    ),
)
