"""Mistakes in the trust policy of a fleet role (table T of the attack catalogue)."""

from __future__ import annotations

from harness.mutants.model import Mutant, Notice
from harness.mutants.trust_changes import (
    ID,
    NAME,
    ORGANIZATION,
    PIN,
    all_of,
    also_if,
    caller_itself,
    deny_outside,
    further_anywhere,
    inverted,
    left_role,
    let_neighbor_in,
    misspelled,
    move,
    old_id_too,
    operators,
    pattern,
    replace,
    root,
    same_name,
    second_statement,
    session_action,
    shared_id,
    users,
)

OUTSIDER = Notice("assume-role", "no organization")
STRANGER = Notice("assume-role", "other organization")
OTHER_ROLE = "other role"
LOCKED_OUT = "caller"
MISSING = (Notice("external-id-missing"),)
WRONG = (Notice("external-id-wrong"),)
ANOTHER_ROLE = (Notice("assume-role", OTHER_ROLE),)
TAGS = (Notice("session-tags"),)

TRUST = (
    Mutant(
        "T01",
        "everybody is trusted, on no condition",
        "trust",
        lambda site: site.trust(replace("*")),
        (OUTSIDER, STRANGER, *ANOTHER_ROLE, *MISSING),
        "test_outsider or test_other_role or test_external_id_is_required",
    ),
    Mutant(
        "T02",
        "the whole organization is trusted",
        "trust",
        lambda site: site.trust(
            replace({"AWS": "*"}, StringEquals={ORGANIZATION: site.organization})
        ),
        ANOTHER_ROLE,
        "test_other_role or test_outsider",
    ),
    Mutant(
        "T03",
        "everybody but the callers is trusted",
        "trust",
        inverted,
        (OUTSIDER, STRANGER, Notice("assume-role", LOCKED_OUT)),
        "test_outsider or test_caller_assumes",
    ),
    Mutant(
        "T07",
        "every role of the customer's account is trusted",
        "trust",
        lambda site: site.trust(move(PIN, None)),
        ANOTHER_ROLE,
        "test_other_role",
    ),
    Mutant(
        "T10",
        "a caller role's name is trusted in any account",
        "trust",
        same_name,
        (Notice("assume-role-freed"),),
        "test_freed_caller",
    ),
    Mutant(
        "T11",
        "any account is trusted by a pattern",
        "trust",
        lambda site: site.trust(replace("*", StringLike={"aws:PrincipalAccount": "*"})),
        (OUTSIDER, STRANGER),
        "test_outsider",
    ),
    Mutant(
        "T12",
        "the pin ends in a wildcard",
        "trust",
        pattern("StringLike", lambda arn: f"{arn}*"),
        ANOTHER_ROLE,
        "test_other_role",
    ),
    Mutant(
        "T13",
        "the pin is ArnEquals with a wildcard, which it expands",
        "trust",
        pattern("ArnEquals", lambda arn: f"{arn.partition('/')[0]}/*"),
        ANOTHER_ROLE,
        "test_other_role",
    ),
    Mutant(
        "T13-user",
        "users of the customer's account are trusted too",
        "trust",
        users,
        (Notice("assume-role", "user"),),
        "test_user_cannot",
    ),
    Mutant(
        "T01-caller",
        "everybody may become a caller role",
        "trust",
        lambda site: site.caller_trust({"AWS": "*"}),
        (Notice("caller-role", "no organization"), Notice("caller-role", OTHER_ROLE)),
        "test_nobody_becomes",
    ),
    Mutant(
        "T27-caller",
        "another customer's account may become a caller role",
        "trust",
        lambda site: site.caller_trust({"AWS": root(site.neighbors_home.account)}),
        (Notice("caller-role", OTHER_ROLE),),
        "test_nobody_becomes",
    ),
    Mutant(
        "T02-operations",
        "somebody left a role in the operations account that a customer can assume",
        "trust",
        left_role,
        (Notice("operations-role", OTHER_ROLE),),
        "test_nobody_assumes_another_role",
    ),
    Mutant(
        "T15",
        "the external id is not asked for",
        "trust",
        lambda site: site.trust(move(ID, None)),
        (*MISSING, *WRONG),
        "test_external_id",
    ),
    Mutant(
        "T16",
        "the external id is compared only if there is one",
        "trust",
        lambda site: site.trust(move(ID, "StringEqualsIfExists")),
        MISSING,
        "test_external_id_is_required",
    ),
    Mutant(
        "T17",
        "the external id is compared for all values, and there may be none",
        "trust",
        lambda site: site.trust(move(ID, "ForAllValues:StringEquals")),
        MISSING,
        "test_external_id_is_required",
    ),
    Mutant(
        "T18",
        "any external id will do",
        "trust",
        lambda site: site.trust(move(ID, "StringLike", "*")),
        WRONG,
        "test_external_id",
    ),
    Mutant(
        "T19",
        "any external id will do, and none",
        "trust",
        lambda site: site.trust(move(ID, "StringNotEquals", "none")),
        (*MISSING, *WRONG),
        "test_external_id",
    ),
    Mutant(
        "T25",
        "a second statement has no conditions",
        "trust",
        second_statement,
        (*ANOTHER_ROLE, *MISSING),
        "test_other_role or test_external_id_is_required",
    ),
    Mutant(
        "T23",
        "the external id before the current one is let in for ever",
        "trust",
        lambda site: site.trust(old_id_too(site)),
        (Notice("trust-shape"),),
        "test_trust_says_nothing_else",
    ),
    Mutant(
        "T23-some",
        "what ends the external id before the current one spares a role",
        "trust",
        lambda site: site.trust(
            old_id_too(site, ArnNotLike={PIN: f"arn:aws:iam::{site.victims_home.account}:role/*"})
        ),
        (Notice("trust-shape"),),
        "test_trust_says_nothing_else",
    ),
    Mutant(
        "T26",
        "another customer is trusted in the customer's place",
        "trust",
        let_neighbor_in(keep=False),
        (Notice("assume-role", LOCKED_OUT), Notice("assume-role-freed")),
        "test_caller_assumes or test_freed_caller",
    ),
    Mutant(
        "T27",
        "another customer is trusted too",
        "trust",
        let_neighbor_in(keep=True),
        (Notice("assume-role-freed"),),
        "test_freed_caller",
    ),
    Mutant(
        "T28",
        "the organization is compared for all values, and an account may have none",
        "trust",
        lambda site: site.trust(
            replace("*", **{"ForAllValues:StringEquals": {ORGANIZATION: site.organization}})
        ),
        (OUTSIDER,),
        "test_outsider",
    ),
    Mutant(
        "T29",
        "the organization is compared only if there is one",
        "trust",
        lambda site: site.trust(
            replace("*", StringEqualsIfExists={ORGANIZATION: site.organization})
        ),
        (OUTSIDER,),
        "test_outsider",
    ),
    Mutant(
        "T30",
        "other organizations are denied, which no organization is not",
        "trust",
        deny_outside,
        (OUTSIDER,),
        "test_outsider",
    ),
    Mutant(
        "T36",
        "the operations account is trusted",
        "trust",
        operators,
        (
            Notice("assume-role", "operations administrator"),
            Notice("assume-role", "operations role"),
        ),
        "test_operations",
    ),
    Mutant(
        "T37",
        "callers may tag their sessions",
        "trust",
        session_action("sts:TagSession"),
        TAGS,
        "test_session_tags",
    ),
    Mutant(
        "T38",
        "callers may tag their sessions with any value of one key",
        "trust",
        session_action(
            "sts:TagSession",
            **{"ForAllValues:StringEquals": {"aws:TagKeys": ["bulkhead:customer"]}},
        ),
        TAGS,
        "test_session_tags",
        more_rows=("T41",),
    ),
    Mutant(
        "T42",
        "sessions may have any name",
        "trust",
        lambda site: site.trust(move(NAME, None)),
        (Notice("session-name"),),
        "test_session_name",
    ),
    Mutant(
        "T43",
        "callers may choose a source identity",
        "trust",
        session_action("sts:SetSourceIdentity"),
        (Notice("source-identity"),),
        "test_source_identity",
    ),
    Mutant(
        "T05",
        "callers may do all on their way in but be signed in elsewhere, by NotAction",
        "trust",
        all_of(NotAction=["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]),
        (Notice("trust-shape"), *TAGS, Notice("source-identity")),
        "test_trust_says_nothing_else or test_session_tags or test_source_identity",
    ),
    Mutant(
        "T06",
        "callers may do all of STS on their way in",
        "trust",
        all_of(Action="sts:*"),
        (*TAGS, Notice("source-identity")),
        "test_session_tags or test_source_identity",
    ),
    Mutant(
        "T08",
        "the caller role itself is the principal, which is kept by its id",
        "trust",
        caller_itself,
        (Notice("recreated-caller"),),
        "test_a_recreated_caller",
    ),
    Mutant(
        "T10-further",
        "the name of a role that a customer made itself is trusted in any account",
        "trust",
        further_anywhere,
        (Notice("assume-role-further"),),
        "test_further_callers_are",
        more_rows=("T46",),
    ),
    Mutant(
        "T14",
        "the pin forgets the path that roles lie at",
        "trust",
        pattern("StringLike", lambda arn: f"{arn.partition('/')[0]}/*{arn.rpartition('/')[2]}*"),
        ANOTHER_ROLE,
        "test_other_role",
    ),
    Mutant(
        "T20",
        "two customers share an external id",
        "trust",
        shared_id,
        (Notice("external-id-wrong", row="T20"),),
        "test_external_id",
    ),
    Mutant(
        "T24",
        "the key of the external id is misspelled",
        "trust",
        misspelled,
        (Notice("assume-role", LOCKED_OUT),),
        "test_caller_assumes",
    ),
    Mutant(
        "T31",
        "a path of the organization is trusted, and whatever begins like it",
        "trust",
        lambda site: site.trust(
            replace(
                "*",
                **{
                    "ForAnyValue:StringLike": {
                        "aws:PrincipalOrgPaths": [f"{site.organization}/r-*/*"]
                    }
                },
            )
        ),
        (Notice("trust-shape"),),
        "test_trust_says_nothing_else",
    ),
    Mutant(
        "T32",
        "the trust asks for a key that only services' calls have",
        "trust",
        also_if("StringEqualsIfExists", "aws:SourceAccount", "000000000000"),
        (Notice("trust-shape"),),
        "test_trust_says_nothing_else",
    ),
    Mutant(
        "T33",
        "the trust compares the network only if it is known",
        "trust",
        also_if("StringEqualsIfExists", "aws:SourceVpc", "vpc-00000000"),
        (Notice("trust-shape"),),
        "test_trust_says_nothing_else",
    ),
    Mutant(
        "T39",
        "the customer's tag is compared only if the session bears it",
        "trust",
        lambda site: session_action(
            "sts:TagSession",
            StringEqualsIfExists={"aws:RequestTag/bulkhead:customer": site.victim.customer},
        )(site),
        TAGS,
        "test_session_tags",
    ),
    Mutant(
        "T40",
        "callers may make what they tag stay with them when they go on",
        "trust",
        session_action(
            "sts:TagSession", **{"ForAnyValue:StringLike": {"sts:TransitiveTagKeys": ["*"]}}
        ),
        TAGS,
        "test_session_tags",
    ),
)
