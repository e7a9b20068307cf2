"""customers.yaml: what it becomes, and what people are told when it is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from harness.deploy.embedded_plan import OTHER_MANAGEMENT_ACCOUNT, cloud_plan
from harness.deploy.environment import load_environment
from harness.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
EMBEDDED = ROOT / "environments" / "embedded"


ADMINISTRATOR = ("user/administrator",)
CI = ("trail: false\n",)
GITHUB = "ci: { github: { repository: a/b, deploy_environment: x, plan_environment: 'plan-it' } }\n"


OPERATIONS = ("  region: eu-central-1\n",)
MANAGEMENT = ('  management_account_id: "999999999999"\n',)
GLASS = "roles: [bulkhead/bulkhead-break-glass], emails: [security@example.com]"
NOTIFY = ("    spend:\n", "    regions: [eu-west-1]\n    spend:\n      on_limit: notify\n")
CROSS_REGION = ("{ eu: [eu-central-1, eu-west-1, eu-west-3] }",)
PODS = (
    "{ oidc_provider: oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF, "
    "namespace: apps, service_account: summaries }"
)
GLOBEX = ("  globex:\n",)
ADDED = {*OPERATIONS, *MANAGEMENT, *GLOBEX}


BUDGET = {
    "operations:\n": "operations:\n  budget_emails: [spending@example.com]\n",
    "    spend:\n": "    spend:\n      monthly_budget_usd: 5000\n",
}
"""What makes the embedded environment one with a budget."""


def changed(folder: Path, old: str, new: str, more: Mapping[str, str] | None = None) -> Path:
    """A copy of the embedded environment with one text replaced, or more."""
    text = (EMBEDDED / "customers.yaml").read_text(encoding="utf-8")
    for before, after in {old: new, **(more or {})}.items():
        assert before in text, before
        text = text.replace(before, after, 1)
    (folder / "customers.yaml").write_text(text, encoding="utf-8")
    shutil.copy(EMBEDDED / "customers.schema.json", folder)
    return folder


def test_loads_the_embedded_environment() -> None:
    environment = load_environment(EMBEDDED)
    assert environment.name == "embedded"
    assert environment.operations_account == "111111111111"
    acme = environment.customers["acme"]
    assert [(a.account_id, a.caller) for a in acme.accounts] == [
        ("222222222222", "lambda"),
        ("222222222223", "ecs"),
    ]
    assert [a.further_callers for a in acme.accounts] == [(), ("batch/nightly-summaries",)]
    assert acme.regions == ("eu-central-1", "eu-west-1")
    assert environment.customers["globex"].regions == ("eu-central-1",)
    assert environment.model_regions == ("eu-central-1", "eu-west-1", "eu-west-3")
    assert environment.customer_of("222222222223") is acme
    assert environment.customer_of("888888888888") is None
    assert len(set(environment.accounts)) == len(environment.accounts) == 9


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    assert load_environment(changed(tmp_path, "acme:", "acme:")).content
    assert not load_environment(changed(tmp_path, "content: true", "content: false")).content


def test_models_of_cross_region_profiles_run_where_they_are_sent(tmp_path: Path) -> None:
    folder = changed(tmp_path, *CROSS_REGION, "{ eu: [us-east-1] }")
    file = folder / "customers.yaml"
    assert load_environment(folder).model_regions == ("eu-central-1", "eu-west-1", "us-east-1")
    text = file.read_text(encoding="utf-8").replace(', "eu.anthropic.', ', "anthropic.', 1)
    file.write_text(text, encoding="utf-8")
    assert load_environment(folder).model_regions == ("eu-central-1", "eu-west-1")


def test_jobs_of_ci_are_known_by_their_subjects(tmp_path: Path) -> None:
    lab = (
        "  gitlab: { url: https://git.example.com, project: a/b, deploy_branch: main,"
        " plan_branch: plan, audit_branch: watch }\n"
    )
    both = GITHUB.replace("ci: { github", "ci:\n  github", 1).replace(" } }", " }") + lab
    environment = load_environment(changed(tmp_path, CI[0], CI[0] + both))
    hub = "token.actions.githubusercontent.com repo:a/b:environment:"
    branch = "git.example.com project_path:a/b:ref_type:branch:ref:"
    assert environment.jobs == {
        "deploy": {f"{hub}x", f"{branch}main"},
        "plan": {f"{hub}plan-it", f"{branch}plan"},
        "audit": {f"{branch}watch"},
    }
    assert load_environment(EMBEDDED).jobs == {}


def test_a_customer_can_be_stopped(tmp_path: Path) -> None:
    stopped = load_environment(changed(tmp_path, "  globex:\n", "  globex:\n    stopped: true\n"))
    assert {key for key, each in stopped.customers.items() if each.stopped} == {"globex"}


def test_a_limit_stops_whom_it_is_said_of_unless_it_only_tells(tmp_path: Path) -> None:
    limited = load_environment(EMBEDDED).customers
    assert {key for key, each in limited.items() if each.limited} == {"initech"}
    told = load_environment(
        changed(tmp_path, "    spend:\n", "    spend:\n      on_limit: notify\n")
    ).customers
    assert not any(each.limited for each in told.values())


def test_what_operators_may_set_is_accepted(tmp_path: Path) -> None:
    """Each field that the errors below are about, set as it should be."""
    folder = changed(
        tmp_path,
        OPERATIONS[0],
        OPERATIONS[0]
        + f"  break_glass: {{ {GLASS} }}\n"
        + "  people: { identity_center_region: us-west-2, permission_sets: [Operators] }\n",
    )
    file = folder / "customers.yaml"
    text = file.read_text(encoding="utf-8")
    for old, new in (
        ("trail: false", "trail: true"),
        ("    spend:\n", "    spend:\n      on_limit: notify\n"),
        ("  globex:\n", "  globex:\n    own_organization: true\n    retention_in_days: 90\n"),
        ("  globex:\n", "  globex:\n    masked: { records: [EmailAddress], content: [Ssn-US] }\n"),
        (", caller: ec2", ", caller: ec2, alarms: { errors: 0, heartbeat_minutes: 1440 }"),
        ("  initech:\n", "  initech:\n    legal_hold: true\n"),
        ("caller: ecs", f"caller: eks-irsa, pods: {PODS}"),
        ("caller: lambda", "caller: eks-pod-identity"),
        ("caller: lambda", "caller: existing, caller_role: apps/batch/summaries"),
        (MANAGEMENT[0], MANAGEMENT[0] + '  trusted_accounts: ["123456789012"]\n'),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text, encoding="utf-8")
    environment = load_environment(folder)
    assert environment.break_glass and not load_environment(EMBEDDED).break_glass
    assert {key for key, each in environment.customers.items() if each.legal_hold} == {"initech"}
    assert environment.keeps_records_of("444444444444")
    assert not environment.keeps_records_of("333333333333")


def test_ci_may_deploy(tmp_path: Path) -> None:
    assert load_environment(changed(tmp_path, *CI, GITHUB)).customers


def test_access_granted_to_support_is_listed(tmp_path: Path) -> None:
    environment = load_environment(EMBEDDED)
    assert environment.grants == (("222222222222", "case-4711"),)
    copy = load_environment(changed(tmp_path, "acme:", "acme:"))
    with pytest.raises(UserError, match=r"support\.yaml: cannot be read"):
        _ = copy.grants
    (tmp_path / "bootstrap").mkdir()
    for text in ("- case-1\n", '"222222222222": case-1\n'):
        (tmp_path / "bootstrap" / "support.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=r"support\.yaml:1: must list tickets by account"):
            _ = copy.grants
    (tmp_path / "bootstrap" / "support.yaml").write_text("# none\n", encoding="utf-8")
    assert copy.grants == ()


def test_an_unchanged_copy_loads(tmp_path: Path) -> None:
    assert load_environment(changed(tmp_path, "acme:", "acme:")).customers.keys() == {
        "acme",
        "globex",
        "initech",
    }


@pytest.mark.parametrize("repository", ["a/b", "a@12/b.c@34"], ids=["by name", "by id"])
def test_a_repository_is_named_as_its_tokens_name_it(tmp_path: Path, repository: str) -> None:
    load_environment(changed(tmp_path, *CI, GITHUB.replace("a/b", repository)))


@pytest.mark.parametrize(
    ("old", "new", "field", "fix"),
    [
        ('"111111111111"', "111111111111", "operations.account_id", "put it in quotes"),
        ('"333333333333"', '"33333"', "customers.globex.accounts[0].account_id", "12 digits"),
        ("caller: ec2", "caller: vm", "customers.initech.accounts[0].caller", "lambda, ecs, ec2"),
        (", caller: ec2", ", caller: eks-irsa", "initech.accounts[0]", "pods is missing; add it"),
        (", caller: ec2", ", caller: existing", "initech.accounts[0]", "caller_role is missing"),
        (
            ", caller: ec2",
            f", caller: eks-irsa, pods: {PODS.replace('apps', 'app*')}",
            "initech.accounts[0].pods.namespace",
            "one Kubernetes namespace",
        ),
        (
            ", caller: ec2",
            f", caller: eks-irsa, pods: {PODS.replace('oidc.', 'https://oidc.')}",
            "initech.accounts[0].pods.oidc_provider",
            "without https://",
        ),
        (", caller: ec2", f", caller: ec2, pods: {PODS}", "accounts[0].pods", "caller: eks-irsa"),
        (
            ", caller: ec2",
            ", caller: ecs, caller_role: apps/x",
            "initech.accounts[0].caller_role",
            "belongs to caller: existing",
        ),
        (
            ", caller: ec2",
            ", caller: existing, caller_role: bulkhead/reader/x",
            "initech.accounts[0].caller_role",
            "made elsewhere",
        ),
        (
            ", caller: ec2",
            ", caller: existing, caller_role: apps/x, further_callers: [apps/y, apps/x]",
            "initech.accounts[0].further_callers[1]",
            "leave it out",
        ),
        (", caller: ec2", "", "customers.initech.accounts[0]", "caller is missing; add it"),
        ("regions:", "zones:", "the file", "regions"),
        ("acme:", "Acme Corp:", "customers", "Acme Corp"),
        ('"333333333333"', '"222222222223"', "customers.globex.accounts[0].account_id", "already"),
        ('"888888888888"', '"111111111111"', "probes.control", "operations.account_id"),
        ("acme:", "Acme Corp:", "customers", "lower-case letters"),
        ("\nregions: [eu-ce", "\nregions: [eu-cx", "regions[0]", "mean eu-central-1?"),
        ('["amazon.nova-lite', '["us.amazon.nova-lite', "globex.models[0]", "use amazon.nova-lite"),
        ('["amazon.nova-lite', '["Nova Lite', "customers.globex.models[0]", "a Bedrock model id"),
        ("region: eu-central-1", "region: eu-north-1", "operations.region", "add it there"),
        ("regions: [eu-central-1, eu-west-1]\n", "regions: []\n", "acme.regions", "is empty"),
        ("[eu-central-1, eu-west-1]\n", "[eu-north-1]\n", "acme.regions[0]", "add it there"),
        ("[eu-central-1, eu-west-1]\n", "[eu-west-1, eu-west-1]\n", "acme.regions", "twice"),
        ("[batch/nightly", "[batch/*", "accounts[1].further_callers[0]", "no wildcard"),
        ("[batch/nightly", "[/batch/nightly", "further_callers[0]", "no leading slash"),
        ("[batch/nightly", "['${aws:username}', x", "further_callers[0]", "path and name"),
        ("organization:", "partition: aws-cn\norganization:", "partition", "aws, aws-us-gov"),
        ("us-east-1]", "us-gov-west-1]", "regions[3]", "one environment is in one"),
        ("  region: eu", "  quotas: { roles: 2 }\n  region: eu", "customers", "another cell"),
        ("globex:", "bootstrap:", "customers.bootstrap", "the name of a root"),
        ("globex:", "deploy:", "customers.deploy", "bulkhead-deploy, as another role"),
        ("globex:", "spend-eu-central-1-stop:", "spend-eu-central-1-stop", "another key"),
        ("[batch/nightly", "[bulkhead/bulkhead-deploy, x", "further_callers[0]", "made elsewhere"),
        ("[batch/nightly", "[x, AWSControlTowerExecution, y", "further_callers[1]", "not the"),
        ("[batch/nightly", "[aws-reserved/x/y, z", "further_callers[0]", "is made by AWS"),
        (
            ", caller: ec2",
            ", caller: existing, caller_role: OrganizationAccountAccessRole",
            "initech.accounts[0].caller_role",
            "not the customer",
        ),
        (
            "      amazon.nova-lite",
            "      amazon.nova-pro",
            "initech.quotas",
            "none of the customer",
        ),
        ("tokens_per_minute: 2", "tokens_per_minute: -2", "tokens_per_minute", "number above 0"),
        (*ADMINISTRATOR, "role/*", "administrator", "IAM user's or role's ARN"),
        (*ADMINISTRATOR, "role/OrganizationAccountAccessRole", "administrator", "Not the role"),
        ("trail: false", "trail: no trail", "trail", "must be true or false"),
        ("    eu-central-1: [", "    eu-north-1: [", "alarm_topics.eu-north-1", "name one of them"),
        ("    eu-central-1: [", "    eu-west-1: [", "alarm_topics.eu-west-1[0]", "its own region"),
        (":bulkhead-spending", ":bulkhead-*", "alarm_topics.eu-central-1[0]", "an SNS topic"),
        ("444:application", "445:application", "alarm_topics[0]", "use a topic there"),
        (":sns:eu-central-1:444", ":sns:eu-west-1:444", "alarm_topics[0]", "use a topic there"),
        (*NOTIFY, "initech.spend.on_limit", "operations.alarm_topics"),
        (
            *CROSS_REGION,
            "{ eu: [eu-north-1] }",
            "cross_region.eu[0]",
            "add it there",
        ),
        (*CROSS_REGION, "{ global: [eu-west-1] }", "cross_region", "the prefix of"),
        (*OPERATIONS, f"  break_glass: {{ {GLASS} }}\n", "operations.break_glass", "trail: true"),
        (*OPERATIONS, "  break_glass: { roles: [glass] }\n", "break_glass", "emails is missing"),
        (*MANAGEMENT, '  trusted_accounts: ["222222222222"]\n', "trusted_accounts[0]", "others"),
        (*OPERATIONS, "  people: { permission_sets: [A] }\n", "people", "identity_center_region"),
        (
            *OPERATIONS,
            "  people: { identity_center_region: eu-west-1, permission_sets: ['A*'] }\n",
            "people.permission_sets[0]",
            "without wildcards",
        ),
        (
            *OPERATIONS,
            "  people: { identity_center_region: eu-wset-1, permission_sets: [A] }\n",
            "operations.people.identity_center_region",
            "mean eu-west-1?",
        ),
        (
            "globex:\n",
            "globex:\n    retention_in_days: 2\n",
            "retention_in_days",
            "not one of 1, 3",
        ),
        (
            *GLOBEX,
            "    masked: { records: [Email Address] }\n",
            "masked.records[0]",
            "by its name alone",
        ),
        (*GLOBEX, "    masked: { content: [] }\n", "globex.masked.content", "at least one entry"),
        (
            *GLOBEX,
            "    content_retention_in_days: 60\n",
            "content_retention_in_days",
            "1, 3, 5, 7, 14",
        ),
        (", caller: ec2", ", caller: ec2, alarms: { errors: -1 }", "alarms.errors", "whole number"),
        (
            ", caller: ec2",
            ", caller: ec2, alarms: { heartbeat_minutes: 1441 }",
            "accounts[0].alarms.heartbeat_minutes",
            "from 1 to 1440",
        ),
        (*GLOBEX, "    legal_hold: until further notice\n", "legal_hold", "must be true or false"),
        (*CI, "ci: { github: { repository: a/b } }\n", "ci.github", "deploy_environment"),
        (*CI, "ci: {}\n", "ci", ""),
        (*CI, GITHUB.replace("a/b", "a/*"), "ci.github.repository", "one repository"),
        (*CI, GITHUB.replace("a/b", "a@1/b"), "ci.github.repository", "one repository"),
        (*CI, GITHUB.replace("plan-it", "a:b"), "ci.github.plan_environment", "letters, digits"),
    ],
)
def test_errors_name_file_field_and_fix(
    tmp_path: Path, old: str, new: str, field: str, fix: str
) -> None:
    with pytest.raises(UserError) as error:
        load_environment(changed(tmp_path, old, old + new if old in ADDED else new))
    message = str(error.value)
    assert message.startswith(str(tmp_path / "customers.yaml"))
    assert field in message
    assert fix in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("content_retention_in_days: 3", "globex.content_retention_in_days"),
        ("masked: { content: [Ssn-US] }", "globex.masked.content"),
    ],
)
def test_what_is_said_of_content_needs_a_group_for_it(
    tmp_path: Path, said: str, field: str
) -> None:
    more = {GLOBEX[0]: f"{GLOBEX[0]}    {said}\n"}
    assert load_environment(changed(tmp_path, "acme:", "acme:", more)).customers
    with pytest.raises(UserError, match=f"{field}: .*set content: true"):
        load_environment(changed(tmp_path, "content: true", "content: false", more))


@pytest.mark.parametrize(
    ("old", "new", "field", "fix"),
    [
        (
            "  budget_emails: [spending@example.com]\n",
            "",
            "initech.spend.monthly_budget_usd",
            "operations.budget_emails",
        ),
        ("[spending@example.com]", "[spending]", "operations.budget_emails[0]", "an address"),
        ("_usd: 5000", "_usd: 0.5", "spend.monthly_budget_usd", "whole number"),
        ("_usd: 5000", "_usd: 0", "spend.monthly_budget_usd", "whole number of US dollars"),
    ],
)
def test_errors_of_budgets_name_file_field_and_fix(
    tmp_path: Path, old: str, new: str, field: str, fix: str
) -> None:
    load_environment(changed(tmp_path, "", "", BUDGET))
    with pytest.raises(UserError) as error:
        load_environment(changed(tmp_path, "", "", {**BUDGET, old: new}))
    message = str(error.value)
    assert message.startswith(str(tmp_path / "customers.yaml"))
    assert field in message
    assert fix in message


def test_errors_name_the_line(tmp_path: Path) -> None:
    folder = changed(tmp_path, "caller: ec2", "caller: vm")
    lines = (folder / "customers.yaml").read_text(encoding="utf-8").splitlines()
    line = next(i for i, text in enumerate(lines, 1) if "caller: vm" in text)
    with pytest.raises(UserError, match=rf"customers\.yaml:{line}: "):
        load_environment(folder)


@pytest.mark.parametrize("text", ["customers: [", "a: 1\na: 2\n", "customers:\n\t- x\n"])
def test_broken_yaml_is_one_line(tmp_path: Path, text: str) -> None:
    shutil.copy(EMBEDDED / "customers.schema.json", tmp_path)
    (tmp_path / "customers.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"customers\.yaml:\d+: not valid YAML") as error:
        load_environment(tmp_path)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"customers\.yaml: cannot be read"):
        load_environment(tmp_path)


def test_cloud_plan_puts_the_outsiders_outside() -> None:
    environment = load_environment(EMBEDDED)
    plan = cloud_plan(environment)
    ours, other = plan.organizations
    assert set(ours.accounts) == {*environment.fleet_accounts, environment.probes.control}
    assert other.accounts == (environment.probes.other_organization,)
    members = {*ours.accounts, *other.accounts}
    assert environment.probes.no_organization in set(plan.accounts) - members


def test_cloud_plan_refuses_a_reserved_account(tmp_path: Path) -> None:
    folder = changed(tmp_path, '"888888888888"', f'"{OTHER_MANAGEMENT_ACCOUNT}"')
    with pytest.raises(UserError, match=OTHER_MANAGEMENT_ACCOUNT):
        cloud_plan(load_environment(folder))


def test_every_error_is_told_with_its_line_the_first_in_the_file_first(tmp_path: Path) -> None:
    folder = changed(tmp_path, "caller: ec2", "caller: vm")
    file = folder / "customers.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace("region: eu-central-1", "region: [x]\n  zone: x", 1), encoding="utf-8"
    )
    with pytest.raises(UserError) as error:
        load_environment(folder)
    messages = error.value.messages
    places = [int(message.removeprefix(f"{file}:").split(":")[0]) for message in messages]
    assert len(messages) == 3
    assert places == sorted(places)
    assert "operations.region" in messages[0]
    assert "not a list" in messages[0]
    assert "zone" in messages[1]
    assert "lambda, ecs, ec2" in messages[2]
    assert "ordereddict" not in "".join(messages).lower()


def test_every_contradiction_is_told(tmp_path: Path) -> None:
    folder = changed(tmp_path, '"333333333333"', '"222222222223"')
    file = folder / "customers.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("888888888888", "111111111111"))
    with pytest.raises(UserError) as error:
        load_environment(folder)
    assert ["already" in message for message in error.value.messages] == [True, True]


def test_an_empty_file_says_where_to_start(tmp_path: Path) -> None:
    shutil.copy(EMBEDDED / "customers.schema.json", tmp_path)
    (tmp_path / "customers.yaml").write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(UserError, match="is empty; start from a copy of environments/embedded"):
        load_environment(tmp_path)


def test_a_customer_twice_is_told_in_words(tmp_path: Path) -> None:
    folder = changed(tmp_path, "  globex:", "  acme:")
    with pytest.raises(UserError, match=r'the key "acme" stands twice; remove or rename') as error:
        load_environment(folder)
    assert "{" not in str(error.value)


WRONG: dict[str, tuple[Callable[[str], str], int | str, str]] = {
    "a list": (lambda _: "- a\n", 1, "must be a mapping, not a list"),
    "a scalar": (lambda _: "hello\n", 1, "must be a mapping, not a text"),
    "empty": (lambda _: "# nothing\n", 1, "is empty; start from a copy"),
    "two documents": (lambda _: "a: 1\n---\nb: 2\n", 2, "found another document"),
    "another YAML": (lambda text: f"%YAML 9.1\n---\n{text}", 1, "incompatible YAML document"),
    "nested": (lambda _: "a: " + "[" * 500 + "]" * 500, 1, "nested too deeply"),
    "a tab": (lambda text: text.replace("  globex:", "\tglobex:"), "  globex:", "not valid YAML"),
    "a character": (
        lambda text: text.replace("globex", "gl\0bex"),
        "  globex:",
        r"'\\x00' may not stand",
    ),
    "an alias": (
        lambda text: text.replace("[eu-central-1, eu-west-1]", "*x"),
        "[eu-central-1, eu-west-1]",
        "undefined alias",
    ),
    "itself": (
        lambda text: text.replace("customers:", "customers: &a\n  x: *a"),
        "  acme:",
        "not empty",
    ),
    "a key": (
        lambda text: text.replace("  globex:", "  ~:"),
        "  globex:",
        "the key None is not a text",
    ),
    "a long key": (
        lambda text: text.replace("  globex:", "  ? [a]\n  :"),
        "  globex:",
        "is not a text",
    ),
    "a tag": (
        lambda text: text.replace("caller: ec2", "caller: !x ec2"),
        "caller: ec2",
        "is not one of",
    ),
    "a tagged text": (
        lambda text: text.replace("region: eu-central-1", "region: !x eu-central-1", 1),
        "region: eu-central-1",
        "must be a text, not a value with a tag",
    ),
    "a date": (
        lambda text: text.replace('"333333333333"', "2026-01-31"),
        '"333333333333"',
        "must be a text, not a date; put it in quotes",
    ),
    "infinity": (
        lambda text: text.replace("minutes: 60", "minutes: .inf"),
        "minutes: 60",
        "must be a whole number, not the number inf",
    ),
    "a merge": (
        lambda text: text.replace("  globex:", "  globex:\n    <<: {zone: x}"),
        "  globex:",
        "unknown field zone",
    ),
    "a key that Terraform takes for false": (
        lambda text: text.replace("  globex:", "  no:"),
        "  globex:",
        "customers.no: no without quotes is true or false to Terraform; .* put it in quotes",
    ),
    "a role that Terraform takes for true": (
        lambda text: text.replace("[batch/nightly-summaries]", "[On]"),
        "further_callers: [",
        r"further_callers\[0\]: On without quotes",
    ),
    "a line break at the end": (
        lambda text: text.replace('"333333333333"', '"222222222222\\n"'),
        '"333333333333"',
        "does not fit; wanted: AWS account id",
    ),
    "a line break at the end of a key": (
        lambda text: text.replace("  globex:", '  "acme\\n":'),
        "  globex:",
        r"customers: 'acme\\n' does not fit",
    ),
    "a former customer": (
        lambda text: f'{text}former_customers:\n  acme: {{left: "2026-01-31", accounts: []}}\n',
        "  acme:",
        "acme was a customer until 2026-01-31; give this one another key",
    ),
    "an account that is held for another": (
        lambda text: text.replace(
            "probes:\n",
            'former_customers: { hooli: { left: "2026-01-31", accounts: ["222222222222"],'
            " legal_hold: true } }\nprobes:\n",
        ),
        "probes:",
        "account 222222222222 is listed elsewhere, and held for a customer that left",
    ),
}
"""How the file is changed; the line that is told, or what that line is the first to hold before;
what is said."""


@pytest.mark.parametrize("name", WRONG)
def test_whatever_is_wrong_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    change, place, said = WRONG[name]
    folder = changed(tmp_path, "", "")
    file = folder / "customers.yaml"
    lines = file.read_text(encoding="utf-8").splitlines()
    told = (n for n, text in enumerate(lines, 1) if str(place) in text)
    line = place if isinstance(place, int) else next(told)
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(UserError, match=said) as error:
        load_environment(folder)
    assert str(error.value).startswith(f"{file}:{line}: ")


@pytest.mark.parametrize("key", ['"no"', "'no'", "north"])
def test_a_word_in_quotes_is_a_key(tmp_path: Path, key: str) -> None:
    environment = load_environment(changed(tmp_path, "  globex:", f"  {key}:"))
    assert list(environment.customers) == ["acme", key.strip("\"'"), "initech"]


def test_what_is_no_text_at_all_is_told_with_its_line(tmp_path: Path) -> None:
    folder = changed(tmp_path, "", "")
    file = folder / "customers.yaml"
    before = file.read_bytes()
    line = before[: before.index(b"globex")].count(b"\n") + 1
    file.write_bytes(before.replace(b"globex", b"gl\xffbex"))
    with pytest.raises(UserError, match="is not UTF-8 text; save it as UTF-8") as error:
        load_environment(folder)
    assert str(error.value).startswith(f"{file}:{line}: ")


@pytest.mark.parametrize("file", sorted(ROOT.glob("environments/*/customers.yaml")), ids=str)
def test_editors_find_the_schema_and_every_field_is_described(file: Path) -> None:
    first = file.read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=./customers.schema.json"
    schema = json.loads((file.parent / "customers.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)

    def nameless(part: object, name: str) -> list[str]:
        if isinstance(part, list):
            return [each for item in part for each in nameless(item, name)]
        if not isinstance(part, dict):
            return []
        found = []
        # What is named in a condition is described where it stands.
        part = {key: item for key, item in part.items() if key not in ("if", "then", "else")}
        for field, of in part.get("properties", {}).items():
            shared = schema["$defs"].get(of.get("$ref", "").rpartition("/")[2], {})
            if "description" not in of and "description" not in shared:
                found.append(f"{name}.{field}")
        return found + [
            each for key, item in part.items() for each in nameless(item, f"{name}.{key}")
        ]

    assert nameless(schema, "") == []
