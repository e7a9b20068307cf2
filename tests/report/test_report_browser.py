"""The HTML report in a headless Chromium: it works, logs nothing, asks for nothing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright
from support.results import DENIED, ENVIRONMENT, fleet, result, run

from harness.cli.coverage import catalogue
from harness.report.html import render_html

FOUND = Path(sys.prefix) / ".browser"
EVIL = '<script>alert(1)</script><img src=x onerror=alert(2)>"&'


# Not for the session: while Playwright runs, other tests of this thread could run no coroutine.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert FOUND.exists(), "no Chromium was looked for: run `make test`, or `make browser` first"
    with sync_playwright() as playwright:
        yield launched(playwright)


def launched(playwright: Playwright) -> Browser:
    # As root, for instance in a container, Chromium has no sandbox.
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return playwright.chromium.launch(
        executable_path=FOUND.read_text(encoding="utf-8").strip(),
        args=["--no-sandbox"] if root else [],
    )


class Opened:
    """A report on a page, and what went wrong on it."""

    def __init__(self, page: Page, file: Path) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.wrong.append(message.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("dialog", lambda dialog: self.wrong.append(dialog.message))
        page.on("request", lambda request: self.asked.append(request.url))
        self.url = file.as_uri()

    def open(self, link: str = "") -> Page:
        self.page.goto(self.url + link)
        self.page.wait_for_selector("html[data-ready]")
        return self.page


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Any]:
    """Opens the report of a run. Afterwards nothing may have been said or asked for."""
    pages: list[Opened] = []

    def open_report(data: dict[str, Any], **options: Any) -> Opened:
        file = tmp_path / "report.html"
        file.write_text(render_html(data, catalogue()), encoding="utf-8")
        pages.append(Opened(browser.new_page(**options), file))
        return pages[-1]

    yield open_report
    for each in pages:
        each.page.close()
        assert each.wrong == []
        assert [url for url in each.asked if not url.startswith((each.url, "data:"))] == []


BROKEN = result(
    test="t::broken",
    principal="no organization 777777777777",
    principal_kind="outsider",
    principal_arn="arn:aws:sts::777777777777:assumed-role/x/y",
    resource="globex",
    expected="denied",
    verdict="broken",
    claim="an outsider cannot assume a fleet role",
    decision={
        "outcome": "Allowed",
        "action": "sts:AssumeRole",
        "resource": "arn:aws:iam::111111111111:role/globex",
        "statements": [
            {
                "kind": "trust",
                "policy": "trust policy",
                "attached": [],
                "sid": "ApprovedCallers",
                "index": 0,
                "statement": {"Effect": "Allow", "Principal": "*"},
                "place": "modules/operations-role-fleet/policies.tf:64",
            }
        ],
        "missing": [],
        "near": [],
        "note": "",
    },
)


def test_a_run_that_held(opened: Any) -> None:
    data = run(result(), result(test="t::other", principal="x", resource="globex", **DENIED))
    page = opened(data).open()
    expect(page.locator("h1")).to_have_text("The walls hold: 2 of 2 probes.")
    expect(page.locator(".graph .box.ops")).to_have_count(1)
    expect(page.locator("header")).to_have_class("verdict good")
    expect(page.locator("#matrix-table .cell.allowed")).to_have_text(["allowed"])
    expect(page.locator(".graph .box.customer text:not(.small)")).to_have_text(["acme", "globex"])
    expect(page.locator("#count")).to_have_text("2 of 2 probes")


def test_a_wall_that_broke_comes_first_with_what_decided(opened: Any) -> None:
    page = opened(run(result(), BROKEN)).open()
    expect(page.locator("header")).to_have_class("verdict bad")
    expect(page.locator("#matrix-table .cell.broken")).to_have_text("ALLOWED, must be denied")
    expect(page.locator(".item").first).to_contain_text("an outsider cannot assume")
    detail = page.locator("#detail")
    expect(detail).to_contain_text("modules/operations-role-fleet/policies.tf:64")
    expect(detail).to_contain_text('"Principal": "*"')


def test_filters_search_keys_and_links(opened: Any) -> None:
    report = opened(run(*(result(test=f"t::{n}", claim=f"claim {n}") for n in range(30)), BROKEN))
    page = report.open()
    page.keyboard.press("/")
    page.keyboard.type("CLAIM 17")
    expect(page.locator("#count")).to_have_text("1 of 31 probes")
    page.locator("#list").press("ArrowDown")
    expect(page.locator("#detail h3")).to_have_text("claim 17")
    link = page.evaluate("location.hash")
    page.locator("#clear").click()
    expect(page.locator("#count")).to_have_text("31 of 31 probes")
    page.locator("[data-standing=broken]").click()
    expect(page.locator("#count")).to_have_text("1 of 31 probes")
    page.locator("[data-table=P]").click()
    expect(page.locator("#count")).to_have_text("0 of 31 probes")
    expect(page.locator("#scope")).to_contain_text("only rows of table P")
    expect(page.locator("#detail")).to_have_text("Nothing fits.")
    page.locator("#scope button").click()
    expect(page.locator("#scope")).to_be_hidden()
    page.goto("about:blank")
    expect(report.open(link).locator("#detail h3")).to_have_text("claim 17")


def test_the_theme_follows_the_system_and_can_be_switched(opened: Any) -> None:
    page = opened(run(result()), color_scheme="dark").open()
    color = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(color)
    page.locator("#theme").click()
    light = page.evaluate(color)
    page.emulate_media(color_scheme="light")
    page.locator("#theme").click()
    assert dark != light
    assert page.evaluate(color) == dark


def test_nothing_in_the_results_is_markup(opened: Any) -> None:
    texts = ("claim", "principal", "resource", "message", "twin", "evidence", "action", "probe")
    data = run(result(**dict.fromkeys(texts, EVIL), request=None), tests=[])
    data["environment"] = {
        **data["environment"],
        "name": EVIL,
        "accounts": [{"account": "111111111111", "part": "operations", "owner": EVIL}],
    }
    page = opened(data).open()
    expect(page.locator("#detail h3")).to_have_text(EVIL)
    expect(page.locator("img")).to_have_count(0)


def test_two_hundred_customers_can_be_read(opened: Any) -> None:
    data = fleet(200, broken=True)
    assert len(data["results"]) == 50_000
    report = opened(data)
    page = report.open()
    assert Path(page.url.removeprefix("file://")).stat().st_size < 4_000_000
    expect(page.locator(".graph .box.customer")).to_have_count(199)
    # Who broke through is named, and drawn into what it got into.
    broken = page.locator(".graph .box.broken text:not(.small)")
    expect(broken).to_have_text(["operations account", "customer-000", "customer-001"])
    expect(page.locator(".graph .arrow.broken")).to_have_count(1)
    expect(page.locator(".breaches button")).to_contain_text(
        "customer-001 200000000001 → customer-000's fleet role"
    )
    expect(page.locator("#matrix-table .cell.broken")).to_have_count(1)
    # What cannot be seen is not in the document.
    assert page.locator(".item").count() < 60
    page.locator("#matrix-columns").fill("customer-000")
    expect(page.locator("#matrix-table tbody th[scope=row]")).to_have_count(200)
    expect(page.locator("#matrix-table thead th")).to_have_text(["principal", "customer-000"])
    page.locator("#matrix-filter").fill("customer-150")
    expect(page.locator("#matrix-table tbody th[scope=row]")).to_have_count(1)
    page.locator("#search").fill("customer-123 thing number 49")
    expect(page.locator("#count")).to_have_text("1 of 50,000 probes")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_never_wider_than_the_window(opened: Any, width: int) -> None:
    page = opened(run(result(), BROKEN), viewport={"width": width, "height": 800}).open()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


ACME = "arn:aws:sts::222222222222:assumed-role/bulkhead-caller/probe"
GLOBEX_KEY = "arn:aws:kms:eu-central-1:333333333333:key/x"
FLEET = "arn:aws:sts::111111111111:assumed-role/bulkhead-acme/t"


def wrong(**changes: Any) -> dict[str, Any]:
    return result(matrix=False, verdict="broken", expected="denied", **changes)


@pytest.mark.parametrize(
    ("probe", "says", "boxes"),
    [
        (
            wrong(
                principal_kind="outsider",
                principal_arn="arn:aws:sts::777777777777:assumed-role/x/y",
                action="kms:Encrypt",
                resource="key of globex 333333333333",
                resource_arn=GLOBEX_KEY,
            ),
            "no organization 777777777777 → globex 333333333333 (kms:Encrypt; 1 probe)",
            ["no organization", "globex"],
        ),
        (
            wrong(
                principal="acme fleet role for 222222222222",
                principal_kind="fleet",
                principal_arn=FLEET,
                action="bedrock:InvokeModel",
                resource="globex's profile of a model",
                resource_arn="arn:aws:bedrock:eu-central-1:111111111111:inference-profile/x",
            ),
            "acme's fleet role → globex's fleet role (bedrock:InvokeModel; 1 probe)",
            ["operations account", "acme", "globex"],
        ),
        (
            result(
                matrix=False,
                verdict="broken",
                expected="absent",
                observed="present",
                principal_arn=ACME,
                action="logs:PutLogEvents",
                resource="everything else that is kept in eu-central-1",
                resource_arn="",
                message="found in /x of operations (111111111111, eu-central-1)",
            ),
            "acme 222222222222 → operations account (logs:PutLogEvents; 1 probe)",
            ["operations account", "acme"],
        ),
        (
            wrong(
                principal="operations administrator 111111111111",
                principal_kind="operations",
                principal_arn="arn:aws:iam::111111111111:user/administrator",
                action="bedrock:GetConfiguration",
                resource="operations account in eu-central-1",
                resource_arn="",
            ),
            "operations account is not as it must be (bedrock:GetConfiguration; 1 probe)",
            ["operations account"],
        ),
        (
            result(
                matrix=False,
                verdict="broken",
                expected="SCP and RCP",
                observed="no SCP",
                principal="administrator 999999999999",
                principal_kind="administrator",
                principal_arn="arn:aws:iam::999999999999:user/administrator",
                action="organizations:ListPoliciesForTarget",
                resource="333333333333",
                resource_arn="",
            ),
            "globex 333333333333 is not as it must be "
            "(organizations:ListPoliciesForTarget; 1 probe)",
            ["globex"],
        ),
    ],
    ids=["key", "profile", "leak", "setting", "read"],
)
def test_whatever_breaks_is_drawn_from_who_to_what(
    opened: Any, probe: dict[str, Any], says: str, boxes: list[str]
) -> None:
    page = opened(run(result(), probe)).open()
    expect(page.locator(".breaches button")).to_have_text([says])
    broken = page.locator(".graph .box.broken text:not(.small)")
    assert sorted(broken.all_text_contents()) == sorted(boxes)
    expect(page.locator(".graph .arrow.broken")).to_have_count(int("→" in says))
    page.locator(".breaches button").click()
    expect(page.locator("#count")).to_have_text("1 of 2 probes")
    expect(page.locator("#detail .badge")).to_have_text("broken")


def test_log_groups_show_what_was_written(opened: Any) -> None:
    written = result(probe="caller-writes", matrix=False, principal_arn=ACME)
    refused = {
        **written,
        "principal_arn": ACME.replace("222222222222", "333333333333"),
        "verdict": "broken",
        "observed": "denied",
    }
    page = opened(run(result(), written, refused)).open()
    states = page.locator(".graph .part text.small").filter(has_text="written")
    expect(states).to_have_text(["written", "not written"])
    expect(page.locator(".graph .arrow.blocked")).to_have_count(1)
    expect(page.locator("#flows .sub")).to_contain_text("1 write their own records")


def test_a_designed_call_that_is_refused_is_no_broken_wall(opened: Any) -> None:
    data = run(result(), result(verdict="broken", observed="denied", principal="globex caller"))
    page = opened(data).open()
    expect(page.locator("h1")).to_have_text(
        "Not as designed: no wall broke, but 1 designed call was refused."
    )
    expect(page.locator("header")).to_have_class("verdict unsure")
    expect(page.locator("[data-standing=blocked] b")).to_have_text("1")
    expect(page.locator("[data-standing=broken] b")).to_have_text("0")
    expect(page.locator("#matrix-table .cell.blocked")).to_have_text("DENIED, must be allowed")
    expect(page.locator("#detail .badge")).to_have_text("a designed call was refused")
    expect(page.locator(".graph g.broken")).to_have_count(0)


def test_cells_boxes_and_arrows_lead_to_their_probes(opened: Any) -> None:
    denied = result(test="t::d", claim="no way", resource="globex", principal_arn=ACME, **DENIED)
    page = opened(run(result(principal_arn=ACME), result(matrix=False), denied)).open()
    page.locator("#matrix-table .cell.denied").click()
    expect(page.locator("#detail h3")).to_have_text("no way")
    expect(page.locator("#count")).to_have_text("1 of 3 probes")
    # By keys, too: one stop for the table, then arrows.
    page.locator("#matrix-table .cell.allowed").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#matrix-table .cell.denied")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.locator("#detail h3")).to_have_text(result()["claim"])
    page.locator(".graph .arrow.allowed").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#scope")).to_contain_text("acme 222222222222 assumes its own fleet role")
    page.locator(".graph .box.customer rect").first.click()
    expect(page.locator("#count")).to_have_text("3 of 3 probes")
    assert page.locator("#matrix-table [tabindex='0']").count() == 1
    assert page.locator(".graph [tabindex='0']").count() == 1


@pytest.mark.parametrize("customers", [4, 8, 16, 40])
def test_names_never_leave_their_boxes(opened: Any, customers: int) -> None:
    """Names may have 32 letters; where they are cut, the whole stands in the title."""
    data = fleet(customers)
    text = json.dumps(data).replace("customer-", "wwwwwwwww-wwwwwwwwww-enter-")
    page = opened(json.loads(text), viewport={"width": 1280, "height": 800}).open()
    outside = page.evaluate(
        """() => [...document.querySelectorAll(".graph .box")].flatMap((box) => {
          const room = box.querySelector("rect").getBoundingClientRect();
          return [...box.querySelectorAll("text")].filter((text) => {
            const at = text.getBoundingClientRect();
            return at.left < room.left - 1 || at.right > room.right + 1;
          }).map((text) => text.textContent);
        })"""
    )
    assert outside == []
    titles = page.locator(".graph .customer title").all_text_contents()
    assert titles[0].startswith("wwwwwwwww-wwwwwwwwww-enter-000 200000000000")
    assert len(titles) == customers


def test_the_detail_follows_the_filter(opened: Any) -> None:
    decided = {
        **BROKEN["decision"],
        "outcome": "ExplicitlyDenied",
    }
    first = result(test="t::1", claim="first")
    shows = result(test="t::2", claim="it decides", decision=decided, **DENIED)
    page = opened(run(first, shows)).open()
    # On its own, the page opens a refusal that shows its statement.
    expect(page.locator("#detail h3")).to_have_text("it decides")
    page.locator("#search").fill("first")
    expect(page.locator("#detail h3")).to_have_text("first")
    page.locator("#search").fill("xyzzy")
    expect(page.locator("#detail")).to_have_text("Nothing fits.")
    assert page.evaluate("location.hash") == ""
    page.locator("#clear").click()
    expect(page.locator("#detail h3")).to_have_text("first")


TOUCHING = """() => {
  const ends = [...document.querySelectorAll('.graph .arrow.refused path:not(.wide)')].map(path => {
    const at = path.getPointAtLength(path.getTotalLength());
    return [at.x - 10, at.y - 10, at.x + 10, at.y + 10];  // a cross and a little room
  });
  const boxes = [...document.querySelectorAll('.graph .box rect')].map(each => each.getBBox());
  const found = [];
  for (const text of document.querySelectorAll('.graph .arrow text')) {
    const on = text.getBBox();
    const meets = (left, top, right, bottom) =>
      on.x < right && on.x + on.width > left && on.y + 2 < bottom && on.y + on.height - 2 > top;
    if (ends.some(end => meets(...end))) found.push(`${text.textContent} on a cross`);
    if (boxes.some(b => meets(b.x, b.y, b.x + b.width, b.y + b.height)))
      found.push(`${text.textContent} on a box`);
  }
  return found;
}"""


def test_every_account_stands_in_the_picture_and_nothing_on_another(opened: Any) -> None:
    """The management account is drawn, too, when nothing is wrong with it."""
    others = [
        {"account": "666666666666", "part": "outsider", "owner": "other organization"},
        {"account": "777777777777", "part": "outsider", "owner": "no organization"},
        {"account": "999999999999", "part": "management", "owner": "management"},
    ]
    tries = [
        result(
            test=f"t::{number}",
            principal_arn=f"arn:aws:iam::{each['account']}:role/x",
            resource_arn=f"arn:aws:iam::{target}:role/y",
            matrix=False,
            **DENIED,
        )
        for each in others
        for target in ("111111111111", "222222222222")
        for number in range(100)
    ]
    kept = [each for each in ENVIRONMENT["accounts"] if each["part"] != "outsider"]
    environment = {**ENVIRONMENT, "accounts": [*kept, *others]}
    page = opened(run(result(), *tries, environment=environment)).open()
    for account in environment["accounts"]:
        shown = page.locator(f".graph .box[data-account='{account['account']}'] text.small").first
        expect(shown).to_have_text(account["account"])
    expect(page.locator(".graph .arrow.refused")).to_have_count(6)
    assert page.evaluate(TOUCHING) == []


def test_everything_that_is_shown_can_be_searched(opened: Any) -> None:
    asked = {
        "request": {
            "service": "sts",
            "operation": "AssumeRole",
            "region": "eu-1",
            "parameters": {},
        },
        "answer": {"status": 403, "code": "AccessDenied", "request_id": "4711-0815"},
    }
    page = opened(run(result(), {**BROKEN, **asked})).open()
    for wanted in (
        *("777777777777:assumed-role/x/y", "t::broken", "403 AccessDenied", "4711-0815"),
        *("ApprovedCallers", "policies.tf:64", "sts assumerole eu-1"),
    ):
        page.locator("#search").fill(wanted)
        expect(page.locator("#count")).to_have_text("1 of 2 probes")


def test_rows_and_words_are_explained(opened: Any) -> None:
    page = opened(run(result(rows=["T07", "G07"]))).open()
    says = "The account is trusted, and not one role of it"
    expect(page.locator("#detail .rowlist li").first).to_contain_text(says)
    expect(page.locator("#detail .rowlist li").last).to_contain_text("management account")
    assert says in str(page.locator("#detail .tag").first.get_attribute("title"))
    expect(page.locator("#row option[value=T07]")).to_have_text(f"T07 {says} (1)")
    page.locator(".glossary summary").click()
    expect(page.locator(".glossary dt").filter(has_text="twin")).to_be_visible()


def test_what_decided_comes_first_and_names_its_policy(opened: Any) -> None:
    def policy(kind: str, name: str, **changes: Any) -> dict[str, Any]:
        body = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        shown = {"kind": kind, "policy": name, "attached": [], "sid": "", "index": 0}
        return {**shown, "statement": body, "place": "", **changes}

    levels = ["the organization's root", "the account"]
    statements = [
        policy("scp", "FullAWSAccess", attached=levels),
        policy("identity", "call-and-record", sid="AssumeFleetRole"),
        policy("trust", "trust policy", sid="ApprovedCallers", place="m.tf:1"),
    ]
    page = opened(
        run(result(decision={**BROKEN["decision"], "statements": statements})),
        viewport={"width": 1280, "height": 800},
    ).open()
    names = page.locator("#detail .statement .policy")
    expect(names).to_have_text(
        [
            "trust policy of role globex, statement ApprovedCallers",
            "identity policy call-and-record, statement AssumeFleetRole",
            "service control policy FullAWSAccess, "
            "attached to the organization's root and the account",
        ]
    )
    # Without scrolling; and what says nothing is not said.
    detail, text = page.locator("#detail"), page.locator("#detail pre").first
    inside, room = text.bounding_box(), detail.bounding_box()
    assert inside and room and inside["y"] + inside["height"] < room["y"] + room["height"]
    expect(detail).not_to_contain_text("the call was allowed")


def test_what_was_read_stands_where_there_is_no_request(opened: Any) -> None:
    call = {
        "service": "oam",
        "operation": "ListLinks",
        "region": "eu-west-1",
        "parameters": {"Filter": "x"},
        "status": 200,
        "code": "",
        "times": 2,
    }
    note = "No request was made: none can name it."
    facts = [
        result(test="t::1", claim="calls", reads={"calls": [call], "places": [], "note": ""}),
        result(test="t::2", claim="places", reads={"calls": [], "places": ["a: b"], "note": ""}),
        result(test="t::3", claim="note", reads={"calls": [], "places": [], "note": note}),
    ]
    page = opened(run(*facts)).open()
    for claim, says in (
        ("calls", "oam ListLinks in eu-west-1, Filter x: HTTP 200, 2 times"),
        ("places", "a: b"),
        ("note", note),
    ):
        page.locator("#search").fill(claim)
        expect(page.locator("#detail")).to_contain_text(says)


def test_the_matrix_shows_thirty_rows_whole_and_says_where_it_goes_on(opened: Any) -> None:
    page = opened(fleet(30), viewport={"width": 1280, "height": 800}).open()
    box = "document.getElementById('matrix-table')"
    assert page.evaluate(f"{box}.scrollHeight - {box}.clientHeight") <= 0
    report = opened(fleet(40), viewport={"width": 390, "height": 800})
    page = report.open()
    expect(page.locator("#matrix .fading")).to_have_class("fading down across")
    expect(page.locator(".hint.sideways")).to_be_visible()
    width = page.locator("#matrix-table tbody th[scope=row]").first.bounding_box()
    assert width is not None
    assert width["width"] <= 120
    page.locator(".item").nth(2).click()
    expect(page.locator("#detail h3")).to_be_in_viewport()


def test_sixteen_fleet_roles_fit_or_say_that_there_are_more(opened: Any) -> None:
    page = opened(fleet(16), viewport={"width": 1280, "height": 800}).open()
    expect(page.locator("#matrix-count")).to_have_text(
        "16 of 16 principals, 16 of 16 fleet roles; scroll sideways for the rest →"
    )
    page.locator("#matrix-columns").fill("customer-00")
    expect(page.locator("#matrix-count")).to_have_text("16 of 16 principals, 10 of 16 fleet roles")
