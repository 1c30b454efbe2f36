"""For everybody: with a token, by keyboard alone, on a narrow screen, in both schemes, with a screen reader."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any

import pytest

from tests.browser.workbench import ID, Workbench, replace

Start = Callable[..., Workbench]
AXE = resources.files("axe_playwright_python") / "axe.min.js"
EVERYTHING = {"resultTypes": ["violations"]}
CONTRAST = {**EVERYTHING, "runOnly": ["color-contrast"]}
VIEWS = (
    "#requests", "#requests/00000001", "#requests/00000001?tab=request", "#requests/00000001?tab=signature",
    "#requests/00000001?tab=try", f"#profiles/ACME01/CRM/{ID}", "#faults", "#worlds", "#numbers",
    "#reports/reasons/test-failed",
)  # fmt: skip


def test_the_token_is_asked_for_once_and_kept_in_the_tab(workbench: Start) -> None:
    """A wrong one is refused in words; after a reload it is still known, and nothing else keeps it."""
    bench = workbench(admin_token="right-token")
    bench.expected = ("401",)
    bench.open("#requests").see("The control surface needs its token")
    bench.find("#tok").fill("wrong")
    bench.button("Open the workbench").click()
    bench.see("That is not this server’s token")
    bench.find("#tok").fill("right-token")
    bench.page.keyboard.press("Enter")
    bench.see("Nothing has come yet")
    bench.page.reload()
    bench.see("Nothing has come yet")
    assert "right-token" not in bench.page.evaluate(
        "() => JSON.stringify(localStorage) + document.cookie + location.href"
    )


def test_everything_is_reached_by_keyboard(workbench: Start) -> None:
    """Rows, detail, tabs, filter, views, the tree and the builder, without a mouse."""
    bench = workbench()
    bench.patch([replace("/CustomerTipe")])
    bench.patch([replace()])
    bench.open("#requests").rows(2)
    press, focused = bench.page.keyboard.press, bench.page.evaluate
    press("j")
    bench.page.wait_for_url("**#requests/00000002*")
    press("j")
    bench.page.wait_for_url("**#requests/00000001*")
    bench.find('[data-id="00000001"] .open:focus').wait_for()
    press("Enter")
    bench.find("#detail:focus").wait_for()
    for _ in range(9):
        press("Tab")
        if focused("() => document.activeElement.getAttribute('role')") == "tab":
            break
    press("ArrowRight")
    bench.find("#tp-request[aria-selected=true]:focus").wait_for()
    press("Escape")
    bench.find('[data-id="00000001"] .open:focus').wait_for()
    press("/")
    bench.page.keyboard.type("tipe")
    bench.rows(1)
    press("Escape")
    press("s")
    bench.find("#odd[aria-pressed=true]").wait_for()
    press("2")
    bench.find(".finder").wait_for()
    press("/")
    bench.page.keyboard.type(ID)
    bench.find(".plist button").filter(has_text=ID).wait_for()
    for _ in range(3):
        press("Tab")
        if ID in focused("() => document.activeElement.textContent"):
            break
    press("Enter")
    bench.page.wait_for_url(f"**#profiles/ACME01/CRM/{ID}*")
    bench.find(".tree tr[tabindex='0']").focus()
    press("ArrowDown")
    press("ArrowRight")
    bench.find(".tree tr[aria-expanded=true]:focus").wait_for()
    press("ArrowDown")
    press("Enter")
    bench.page.get_by_role("textbox", name="Path of operation 0").wait_for()
    press("?")
    bench.see("Keys of one letter are on")
    press("Escape")
    press("3")
    bench.find("#ftext").wait_for()


def test_each_question_of_a_newcomer_is_answered_by_keyboard(workbench: Start) -> None:
    """Why was it refused, what do I write instead, what changed, which fault comes next, why does my signature fail?"""
    bench = workbench()
    bench.patch([replace()])
    bench.patch([replace("/CustomerTipe")])
    bench.admin("POST", "faults", {"text": "503 first=1 op=remove"})
    bench.open("#requests").rows(2)
    press = bench.page.keyboard.press
    press("j")
    press("Enter")
    bench.see("Did you mean /CustomerType?", "#detail .steps")
    assert bench.find("#detail .hunk ins").inner_text() == "CustomerType"
    press("j")
    bench.see('"Gold"', "#detail .plus")
    press("2")
    bench.find(".plist .diffs").first.wait_for()
    press("3")
    bench.see("the next request that matches, its number 1: it is answered 503", "#plansay")
    bench.admin("PUT", "clock", {"freeze": "2026-01-31T12:00:00Z"})
    bench.patch([replace()])
    press("1")
    bench.rows(3)
    press("j")
    bench.see("Let it run again", "#detail")
    bench.find("#clockchip.frozen").focus()
    press("Enter")
    bench.button("Let it run", "main").focus()
    press("Enter")
    bench.find("#clockchip:not(.frozen)").wait_for()


def test_a_letter_typed_into_a_field_is_a_letter(workbench: Start) -> None:
    """And one checkbox turns the keys of one letter off."""
    bench = workbench().open("#faults")
    bench.find("#ftext").press_sequentially("s12?")
    assert bench.find("#ftext").input_value() == "s12?"
    bench.find("#helpb").click()
    bench.find("#letters").uncheck()
    bench.page.keyboard.press("Escape")
    bench.find("#main").focus()
    bench.page.keyboard.press("4")
    assert "#faults" in bench.page.url


@pytest.mark.parametrize("width", [360, 390])
def test_a_narrow_screen_shows_all_of_it(workbench: Start, width: int) -> None:
    """One column, the views at the bottom; the open request covers the list and can be closed."""
    bench = workbench()
    bench.page.set_viewport_size({"width": width, "height": 740})
    bench.patch([replace("/CustomerTipe")])
    bench.open("#requests").rows(1).click()
    bench.see("Did you mean /CustomerType?", "#detail")
    for view in ("requests", "profiles", "faults", "worlds", "numbers", "reports"):
        bench.page.get_by_role("link", name=view.capitalize()).first.click()
        bench.page.wait_for_url(f"**#{view}*")
        assert bench.page.evaluate("() => document.documentElement.scrollWidth") <= width, view
    bench.go("#requests/00000001").button("Close the request").click()
    bench.find("tr[data-id]").wait_for()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "width", "views", "asked"),
    [
        pytest.param("light", 1440, VIEWS, EVERYTHING, id="light"),
        pytest.param("dark", 1440, VIEWS[1:], CONTRAST, id="dark"),
        pytest.param("dark", 390, VIEWS[::3], EVERYTHING, id="dark-and-narrow"),
    ],
)
def test_an_accessibility_checker_finds_nothing(
    workbench: Start, scheme: Any, width: int, views: tuple[str, ...], asked: dict[str, Any]
) -> None:
    """axe-core, WCAG 2.2 A and AA: no finding on any view, in both schemes, wide and narrow.

    In the dark the colours alone are others.
    """
    bench = workbench(own={"color_scheme": scheme, "bypass_csp": True})
    bench.page.set_viewport_size({"width": width, "height": 800})
    bench.patch([replace(), replace("/CustomerTipe")])
    bench.admin("POST", "faults", "500 p=0.3 after-commit")
    bench.open().page.add_script_tag(content=AXE.read_text())
    found = {view: findings for view in views if (findings := _findings(bench.go(view), asked))}
    assert found == {}


def _findings(bench: Workbench, asked: dict[str, Any]) -> list[str]:
    bench.find("main :is(table, figure, textarea, .kv, p)").first.wait_for(state="attached")
    result = bench.page.evaluate("asked => axe.run(document, asked)", asked)
    return [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:120]}" for one in result["violations"]]
