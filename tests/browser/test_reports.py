"""The pages of reports in a real browser: hostile text stays text, filters filter, everybody can read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mockserver.verify.calls import Call, Reply, Verdict
from mockserver.verify.conversation import Exchange
from mockserver.verify.events import CaseFinished
from tests.browser.test_access import AXE, CONTRAST, EVERYTHING
from tests.verify.reports.test_pages import page_of

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page, Request

HOSTILE = "<img src=x onerror=alert(1)></pre></style><script>document.title='taken'</script>" + "w" * 300


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, clean_tab: Page, tmp_path: Path) -> Iterator[Page]:
    """A page with a hostile failure, in a window as narrow as a telephone."""
    call = Call("PATCH", ("A", "B", "C"), (("X", HOSTILE),), HOSTILE.encode())
    exchange = Exchange(call, Reply(200, {"x": HOSTILE}, HOSTILE.encode(), 0.0))
    broken = CaseFinished(
        "rules", HOSTILE, HOSTILE, Verdict.BROKEN, (HOSTILE,), HOSTILE, "page", (), 0.0, (exchange,), (HOSTILE,)
    )
    late = CaseFinished("rules", "late", "late", Verdict.INCONCLUSIVE, ("no answer",), fact=("operation.method",))
    (tmp_path / "run.html").write_text(page_of(broken, late), encoding="utf-8")
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        complaints.append(message.text)

    def look(sent: Request) -> None:
        complaints.extend([sent.url] if not sent.url.startswith("file:") else [])

    clean_tab.set_viewport_size({"width": 390, "height": 800})
    clean_tab.emulate_media(color_scheme=request.param)
    clean_tab.on("console", hear)
    clean_tab.on("request", look)
    clean_tab.goto((tmp_path / "run.html").as_uri())
    yield clean_tab
    clean_tab.remove_listener("console", hear)
    clean_tab.remove_listener("request", look)
    assert complaints == [], "nothing is loaded, and the page's own policy is kept"


def test_hostile_text_stays_text_and_in_its_place(page: Page) -> None:
    assert page.title() == "Verification of mock"
    assert page.locator("img, script").count() == 0
    assert page.locator("summary", has_text="onerror").count() >= 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_button_shows_one_verdict_alone(page: Page) -> None:
    """Without a script."""
    entries = page.locator(".entry")
    assert [one.is_visible() for one in entries.all()] == [True, True]
    page.locator("label", has_text="inconclusive 1").click()
    assert [one.is_visible() for one in entries.all()] == [False, True]


def test_everybody_can_read_it(page: Page) -> None:
    """axe-core: no finding, with everything unfolded; in the dark the colours alone are others."""
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.evaluate(AXE.read_text())
    asked = CONTRAST if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else EVERYTHING
    found = page.evaluate("asked => axe.run(document, asked)", asked)["violations"]
    assert [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found] == []


def test_a_square_leads_to_its_fact(page: Page) -> None:
    """And opens what is folded away."""
    row = page.locator('[id="operation.method"]')
    page.locator('a.cell[href="#operation.method"]').click()
    assert row.is_visible()
    assert row.locator("td").first.inner_text() == "inconclusive"
