"""Which policies must allow a request, and whether one denies it.

The order of the code is the order of AWS's own flow: explicit denies, then organization policies,
then the resource's policy and the principal's. No I/O, and nothing here knows an AWS service but
for the exceptions that IAM itself makes for STS and KMS.

AWS pages: reference_policies_evaluation-logic, …_policy-eval-denyallow, …-cross-account,
…_policy-eval-basics-cross-account; key-policies (KMS); orgs_manage_policies_scps_evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.iam.context import Request, View
from harness.iam.decision import Decision, Outcome
from harness.iam.policy import NamedPolicy, PolicyKind, PolicySet, Statement
from harness.iam.principal import Grant, Principal
from harness.iam.rcp_services import RCP_SERVICES

Hit = tuple[NamedPolicy, Statement]

_TRUST_ACTIONS = frozenset(
    {
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:setsourceidentity",
        "sts:tagsession",
    }
)
"""Actions on a role that its trust policy must allow."""

ALWAYS_ALLOWED = {
    "sts:getcalleridentity": "allowed: GetCallerIdentity needs no permission and heeds no policy",
    "sts:getsessiontoken": "allowed: GetSessionToken needs no permission and heeds no policy",
}
"""Actions, in lower case, that no policy can allow or deny; with the reason."""
_ROOT_CANNOT_ASSUME = "a root user cannot assume roles"


def decide(request: Request, policies: PolicySet) -> Decision:
    """Decide as AWS would: every explicit deny wins, then each layer that must allow does or not.

    `policies` holds all that bears on the request and nothing else; whether an account is exempt
    from SCPs or RCPs (management account, no organization) is expressed by giving none.
    """
    view = View(request, boundary=policies.boundary is not None)
    principal = request.principal
    note = ALWAYS_ALLOWED.get(view.action)
    if note is not None and principal.kind != "anonymous":
        return Decision(request, Outcome.ALLOWED, note=note)
    scps = policies.scps if _scps_bind(principal) else ()
    rcps = policies.rcps if _rcps_bind(principal, view.action) else ()
    resource = policies.resource if _speaks(policies.resource, view.action) else None
    kind = governing_kind(view.action, request.resource)
    if kind is PolicyKind.RESOURCE and resource is not None:
        kind = resource.kind

    denies = [
        (named, statement)
        for named in _layers(policies, resource, scps, rcps)
        for statement in named.policy.about(view.action)[0]
        if statement.denies(view)
    ]
    if denies:
        return Decision(request, Outcome.EXPLICITLY_DENIED, tuple(denies))
    if kind is PolicyKind.TRUST and principal.kind == "root":
        return Decision(request, Outcome.IMPLICITLY_DENIED, note=_ROOT_CANNOT_ASSUME)

    hits: list[Hit] = []
    gaps: list[PolicyKind] = []
    for level in scps:
        _require(PolicyKind.SCP, level, view, hits, gaps)
    grant, granting = _best_grant(resource, view)
    if granting is not None:
        hits.append(granting)
    own, needs_grant = _needed(request, grant, kind)
    if PolicyKind.IDENTITY in own:
        _require(PolicyKind.IDENTITY, policies.identity, view, hits, gaps)
    if needs_grant and grant is Grant.NONE:
        gaps.append(kind)
    if PolicyKind.BOUNDARY in own and policies.boundary is not None:
        _require(PolicyKind.BOUNDARY, (policies.boundary,), view, hits, gaps)
    if PolicyKind.SESSION in own:
        session = policies.session
        if session is None and principal.kind == "federated":
            session = ()
        if session is not None:
            _require(PolicyKind.SESSION, session, view, hits, gaps)
    if gaps:
        return Decision(request, Outcome.IMPLICITLY_DENIED, gaps=tuple(dict.fromkeys(gaps)))
    return Decision(request, Outcome.ALLOWED, tuple(hits))


_NO_LAYER: frozenset[PolicyKind] = frozenset()
_LIMITS = frozenset({PolicyKind.BOUNDARY, PolicyKind.SESSION})
_OWN_SIDE = _LIMITS | {PolicyKind.IDENTITY}


def _needed(request: Request, grant: Grant, kind: PolicyKind) -> tuple[frozenset[PolicyKind], bool]:
    """The layers on the principal's side that must allow, and whether the resource's must too."""
    principal = request.principal
    if not principal.account:
        return _NO_LAYER, True
    cross_account = request.resource_account not in ("", principal.account)
    exclusive = kind is not PolicyKind.RESOURCE
    if principal.kind == "root":
        return _NO_LAYER, cross_account or exclusive
    if cross_account:
        return _OWN_SIDE, True
    if grant is Grant.DIRECT:
        return _NO_LAYER, exclusive
    if grant is Grant.ROLE:
        return _LIMITS, exclusive
    return _OWN_SIDE, exclusive


def _scps_bind(principal: Principal) -> bool:
    """SCPs bind users, roles and root users of member accounts; not services, nor their roles."""
    return bool(principal.account) and not principal.is_service_linked


def _rcps_bind(principal: Principal, action: str) -> bool:
    """RCPs bind everyone but service-linked roles, on the services that have them."""
    return (
        action.partition(":")[0] in RCP_SERVICES
        and action != "kms:retiregrant"
        and not principal.is_service_linked
    )


def governing_kind(action: str, resource: str) -> PolicyKind:
    """The kind of resource policy that governs an action on a resource, given or not.

    A role always has a trust policy and a KMS key a key policy, and without their allow nothing is
    allowed; so a request on one whose policy is not given is denied.
    """
    action = action.lower()
    if action in _TRUST_ACTIONS and ":role/" in resource:
        return PolicyKind.TRUST
    if action.startswith("kms:") and ":key/" in resource:
        return PolicyKind.KEY
    return PolicyKind.RESOURCE


def _speaks(resource: NamedPolicy | None, action: str) -> bool:
    """A trust policy only speaks about assuming the role, not about managing it."""
    return resource is not None and (
        resource.kind is not PolicyKind.TRUST or action in _TRUST_ACTIONS
    )


def _layers(
    policies: PolicySet,
    resource: NamedPolicy | None,
    scps: tuple[tuple[NamedPolicy, ...], ...],
    rcps: tuple[tuple[NamedPolicy, ...], ...],
) -> Iterator[NamedPolicy]:
    for level in rcps:
        yield from level
    for level in scps:
        yield from level
    if resource is not None:
        yield resource
    yield from policies.identity
    if policies.boundary is not None:
        yield policies.boundary
    if policies.session is not None:
        yield from policies.session


def _require(
    kind: PolicyKind,
    layer: tuple[NamedPolicy, ...],
    view: View,
    hits: list[Hit],
    gaps: list[PolicyKind],
) -> None:
    """Note the first statement of the layer that allows, or that there is none."""
    for named in layer:
        for statement in named.policy.about(view.action)[1]:
            if statement.holds(view):
                hits.append((named, statement))
                return
    gaps.append(kind)


def _best_grant(resource: NamedPolicy | None, view: View) -> tuple[Grant, Hit | None]:
    """The closest grant that the resource's policy gives, and the statement that gives it."""
    best, granting = Grant.NONE, None
    if resource is None or (
        view.principal.kind == "anonymous" and resource.kind is PolicyKind.TRUST
    ):
        return best, granting
    for statement in resource.policy.about(view.action)[1]:
        grant = statement.grants(view)
        if grant > best and statement.holds(view):
            best, granting = grant, (resource, statement)
            if grant is Grant.DIRECT:
                break
    return best, granting
