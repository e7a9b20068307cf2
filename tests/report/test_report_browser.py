"""The HTML report in a headless Chromium: it works, logs nothing, asks for nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright
from support.results import DENIED, fleet, result, run

from harness.cli.coverage import catalogue
from harness.report.html import render_html

FOUND = Path(sys.prefix) / ".browser"
EVIL = '<script>alert(1)</script><img src=x onerror=alert(2)>"&'


@pytest.fixture(scope="session")
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
    expect(page.locator("header")).to_have_class("verdict good")
    expect(page.locator("#matrix-table .cell.allowed")).to_have_text(["allowed"])
    expect(page.locator(".graph .box.customer text:not(.small)")).to_have_text(["acme", "globex"])
    expect(page.locator("#count")).to_have_text("2 of 2")


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
    expect(page.locator("#count")).to_have_text("1 of 31")
    page.locator("#list").press("ArrowDown")
    expect(page.locator("#detail h3")).to_have_text("claim 17")
    link = page.evaluate("location.hash")
    page.locator("#clear").click()
    expect(page.locator("#count")).to_have_text("31 of 31")
    page.locator("[data-verdict=broken]").click()
    expect(page.locator("#count")).to_have_text("1 of 31")
    page.locator("[data-table=P]").click()
    expect(page.locator("#count")).to_have_text("0 of 31 of table P")
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
    expect(page.locator(".graph .box.broken")).to_have_count(1)
    expect(page.locator("#matrix-table .cell.broken")).to_have_count(1)
    # What cannot be seen is not in the document.
    assert page.locator(".item").count() < 60
    page.locator("#matrix-filter").fill("customer-000")
    expect(page.locator("#matrix-table tbody th[scope=row]")).to_have_count(200)
    page.locator("#search").fill("customer-123 thing number 49")
    expect(page.locator("#count")).to_have_text("1 of 50,000")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_never_wider_than_the_window(opened: Any, width: int) -> None:
    page = opened(run(result(), BROKEN), viewport={"width": width, "height": 800}).open()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
