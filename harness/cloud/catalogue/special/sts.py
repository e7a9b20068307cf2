"""AWS STS: one call may need up to three permissions on the role.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
"""

from __future__ import annotations

from dataclasses import replace

from harness.cloud.call import Call, Need, Unmapped, World
from harness.cloud.catalogue.arns import PATH, checked_arn, form, is_arn, owner_of
from harness.cloud.catalogue.contexts import Context
from harness.cloud.catalogue.spec import tag_context, values

_ROLE = form(f"role/{PATH}")


def assume_role(call: Call, _world: World) -> tuple[Need, ...]:
    """AssumeRole; and TagSession with tags given or inherited, SetSourceIdentity with one, and
    SetContext with trusted contexts, be they played or not.

    TagSession is decided without `sts:ExternalId` and `sts:RoleSessionName`, SetSourceIdentity
    with `sts:SourceIdentity` alone: the reference lists no other keys for them. The role's ARN is
    the one given, since a role of another path is another role.
    """
    role, owner = _role(call)
    params = call.params
    tags = _tags(call)
    context: Context = dict(tags)
    context |= _keys(call, ExternalId="ExternalId", RoleSessionName="RoleSessionName")
    # An identity once set stays for the chain: it is in every later request, asked for or not.
    identity = params.get("SourceIdentity") or call.caller.source_identity
    source: Context = {"sts:SourceIdentity": identity} if identity else {}
    needs = [Need("sts:AssumeRole", role, owner, {**context, **source})]
    if tags or call.caller.transitive_tags:
        needs.append(Need("sts:TagSession", role, owner, tags))
    if identity:
        needs.append(Need("sts:SetSourceIdentity", role, owner, source))
    if params.get("ProvidedContexts"):
        providers = values(params, "ProvidedContexts.ProviderArn")
        context = {"sts:RequestContextProviders": tuple(providers)} if providers else {}
        needs.append(Need("sts:SetContext", role, owner, context))
    return tuple(needs)


def assume_role_with_saml(call: Call, _world: World) -> tuple[Need, ...]:
    """The assertion's own claims are the gateway's to add."""
    role, owner = _role(call)
    return (Need("sts:AssumeRoleWithSAML", role, owner),)


def assume_role_with_web_identity(call: Call, _world: World) -> tuple[Need, ...]:
    """As AssumeRole, without external id; the token's own claims are the gateway's to add, and its
    tags and source identity are among the parameters."""
    first, *more = assume_role(call, _world)
    context = {k: v for k, v in first.context.items() if k != "sts:ExternalId"}
    return replace(first, action="sts:AssumeRoleWithWebIdentity", context=context), *more


def assume_root(call: Call, _world: World) -> tuple[Need, ...]:
    """`TargetPrincipal` is an account id or the ARN of its root user."""
    found = values(call.params, "TargetPrincipal")
    if not found:
        raise Unmapped(call.service, call.operation)
    target = found[0]
    arn = target if is_arn(target) else f"arn:aws:iam::{target}:root"
    checked_arn(call, arn, "iam", form("root"))
    task = values(call.params, "TaskPolicyArn.arn")
    context: Context = {"sts:TaskPolicyArn": task[0]} if task else {}
    return (Need("sts:AssumeRoot", arn, owner_of(arn), context),)


def get_federation_token(call: Call, _world: World) -> tuple[Need, ...]:
    """The federated user of the caller's account; session tags need TagSession as well."""
    account = call.caller.account
    names = values(call.params, "Name")
    if not names:
        raise Unmapped(call.service, call.operation)
    arn = f"arn:aws:sts::{account}:federated-user/{names[0]}"
    tags = tag_context(call.params.get("Tags") or ())
    needs = [Need("sts:GetFederationToken", arn, account, tags)]
    if tags:
        needs.append(Need("sts:TagSession", arn, account, tags))
    return tuple(needs)


def get_web_identity_token(call: Call, _world: World) -> tuple[Need, ...]:
    """Tags in the token need `sts:TagGetWebIdentityToken` as well."""
    tags = tag_context(call.params.get("Tags") or ())
    context: Context = dict(tags)
    context |= _keys(call, DurationSeconds="DurationSeconds", SigningAlgorithm="SigningAlgorithm")
    audience = values(call.params, "Audience")
    if audience:
        context["sts:IdentityTokenAudience"] = tuple(audience)
    needs = [Need("sts:GetWebIdentityToken", "*", "", context)]
    if tags:
        needs.append(Need("sts:TagGetWebIdentityToken", "*", "", tags))
    return tuple(needs)


def _role(call: Call) -> tuple[str, str]:
    value = str(call.params.get("RoleArn") or "")
    return checked_arn(call, value, "iam", _ROLE), owner_of(value)


def _tags(call: Call) -> Context:
    """Tags asked for; those that the caller's own session hands on are the gateway's to add."""
    tags = tag_context(call.params.get("Tags") or ())
    transitive = values(call.params, "TransitiveTagKeys")
    if transitive:
        tags["sts:TransitiveTagKeys"] = tuple(transitive)
    return tags


def _keys(call: Call, **members: str) -> Context:
    made: Context = {}
    for member, key in members.items():
        found = values(call.params, member)
        if found:
            made[f"sts:{key}"] = found[0]
    return made
