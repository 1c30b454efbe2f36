"""Requests appear by themselves, are found again, and tell why they were answered so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.workbench import ID, USER, Workbench, replace

Start = Callable[..., Workbench]


def test_a_first_visitor_is_told_what_to_send_and_sees_it_come(workbench: Start) -> None:
    """The empty page has a signed request to paste; the first one that comes opens by itself."""
    bench = workbench().open()
    bench.see("Nothing has come yet")
    bench.patch([replace("/CustomerTipe")])
    bench.see("Did you mean /CustomerType?", "#detail")


def test_a_request_appears_by_itself_at_once(workbench: Start) -> None:
    """By the answer for which the page waits already; whoever watches sees it, and a screen reader is told."""
    bench = workbench()
    bench.patch([replace()])
    with bench.page.expect_request("**/__admin/requests?*wait=*") as waiting:
        bench.open("#requests").rows(1)
    bench.patch([replace("/Emails/9/IsActive", True)])
    news = waiting.value.response()
    assert news is not None
    assert "index-out-of-bounds" in news.text()
    bench.rows(2)
    assert "index-out-of-bounds" in bench.find("tr[data-id]").first.inner_text()
    bench.page.wait_for_function("() => document.getElementById('news').textContent.includes('index-out-of-bounds')")


def test_a_filter_narrows_the_list_and_stands_in_the_address(workbench: Start) -> None:
    """By text, by one part alone, by status and reason, and what surprises; a link carries it."""
    bench = workbench()
    bench.patch([replace()])
    bench.patch([replace("/CustomerTipe")])
    bench.patch([{"op": "remove", "path": "/Emails/0"}], signed=False)
    bench.open("#requests").rows(3)
    bench.find("#q").fill("op:replace path:/customertipe")
    bench.rows(1)
    bench.find("#q").fill(f"user:{USER}")
    bench.rows(2)
    bench.find("#q").fill("changed:yes")
    bench.rows(1)
    bench.find("#q").fill("")
    bench.button("changed", "main").click()
    bench.rows(1)
    bench.button("4xx", "main").click()
    bench.rows(2)
    assert "status=4" in bench.page.url
    bench.find("#freason").select_option("path-member-unknown")
    bench.rows(1)
    bench.find("#q").fill("nothing fits this")
    bench.see("No request fits this filter")
    bench.button("Show all").click()
    bench.rows(3)
    bench.find("#odd").click()
    bench.rows(2)
    bench.page.reload()
    bench.rows(2)


def test_a_first_visitor_gets_a_request_to_paste_or_to_send(workbench: Start) -> None:
    """Signed, for the shell; or sent from the page."""
    bench = workbench().open()
    bench.see("curl -i", ".copybox")
    bench.button("Send it from here").click()
    bench.see('"Prospect"', "#detail .plus")


def test_a_rush_is_shown_by_its_newest_requests_until_it_is_over(workbench: Start) -> None:
    """Or until somebody looks closer; nothing is left out of the list then."""
    bench = workbench().open("#requests")
    bench.see("Nothing has come yet")
    bench.flood(400)
    bench.see("400 of 400", "#shown")
    bench.flood(400)
    bench.find("#follow").click()
    bench.patch(b"[]", signed=False)
    bench.find("#follow:not(:text-is('Paused'))").click()
    bench.see("801 of 801", "#shown")


def test_the_story_says_what_was_refused_where_and_what_to_write_instead(workbench: Start) -> None:
    """Each operation with its outcome, the pointer marked in the body, the operation to write beside it."""
    bench = workbench()
    bench.patch([{"op": "test", "path": "/IsActive", "value": True}, replace(), replace("/CustomerTipe"), replace()])
    row = bench.open("#requests").rows(1)
    row.click()
    bench.see("Did you mean /CustomerType?", ".steps")
    outcomes = [word.strip() for word in bench.find(".did").all_inner_texts()]
    assert outcomes == ["held", "undone", "refused", "not reached"]
    assert bench.find(".hunk mark").inner_text() == "CustomerTipe"
    assert bench.find(".hunk ins").inner_text() == "CustomerType"
    bench.see("a refused patch changes nothing", "#detail")
    bench.see("the vendor's software, when run", "#detail")


def test_the_difference_shows_before_and_after(workbench: Start) -> None:
    """What stood there, what stands there, and the stamp."""
    bench = workbench()
    bench.patch([replace("/CustomerType", "Gold")])
    bench.open("#requests/00000001")
    bench.see("/Edited/ModifiedDate", ".hunk")
    bench.see('"Gold"', ".hunk .plus")
    bench.see('"Customer"', ".hunk .minus")


def test_a_frozen_clock_is_seen_on_every_view_until_it_runs(workbench: Start) -> None:
    """The most forgotten cause of a 401 stands above them all."""
    bench = workbench()
    bench.admin("PUT", "clock", {"freeze": "2026-01-31T12:00:00Z"})
    bench.open("#requests").see("12:00:00 frozen", "#clockchip")
    for view in ("profiles", "faults", "worlds", "numbers", "reports"):
        bench.go(f"#{view}").see("12:00:00 frozen", "#clockchip")
    bench.go("#worlds").button("Let it run").click()
    bench.find("#clockchip:not(.frozen)").wait_for()


def test_a_frozen_clock_explains_a_wrong_signature(workbench: Start) -> None:
    """It is named beside the request, and in its signature's diagnosis."""
    bench = workbench()
    bench.admin("PUT", "clock", {"freeze": "2026-01-31T12:00:00Z"})
    bench.patch([replace()])
    bench.open("#requests/00000001?tab=signature")
    bench.see("What to do", "#tp")
    bench.find("#tp .bad").first.wait_for()
    assert bench.page.get_by_role("img", name="the world’s clock stood still").count() == 1


def test_a_request_is_changed_tried_and_sent(workbench: Start) -> None:
    """A try changes nothing; sending is a request of its own, which opens."""
    bench = workbench()
    bench.patch([replace("/CustomerTipe", "Gold")])
    bench.open("#requests/00000001?tab=try")
    body = bench.find("#trial")
    body.fill(body.input_value().replace("CustomerTipe", "CustomerType"))
    bench.button("Try", "#tp").click()
    bench.see("patch-applied", "#tp")
    assert bench.admin("GET", f"profiles/ACME01/CRM/{ID}")["CustomerType"] == "Customer"
    bench.button("Send", "#tp").click()
    bench.rows(2)
    bench.page.wait_for_url("**#requests/00000003*")  # the try took a number too
    assert bench.admin("GET", f"profiles/ACME01/CRM/{ID}")["CustomerType"] == "Gold"


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        pytest.param("Copy curl", "curl ", id="curl"),
        pytest.param("Copy as pytest", "def test_", id="pytest"),
        pytest.param("Copy as rule", "CustomerTipe", id="rule"),
        pytest.param("Copy HAR", '"entries"', id="har"),
    ],
)
def test_a_request_can_be_taken_along(workbench: Start, name: str, holds: str) -> None:
    """As curl, as a pytest test, as a rule."""
    bench = workbench(own={"permissions": ["clipboard-read", "clipboard-write"]})
    bench.patch([replace("/CustomerTipe")])
    bench.open("#requests/00000001").button(name).click()
    bench.see("Copied", ".toast")
    assert holds in bench.page.evaluate("navigator.clipboard.readText()")


def test_pausing_holds_new_requests_back_and_clearing_forgets_them(workbench: Start) -> None:
    """Nothing moves under the reader."""
    bench = workbench()
    bench.patch([replace()])
    bench.open("#requests").rows(1)
    bench.find("#follow").click()
    bench.patch([replace("/CustomerType", "B")])
    bench.see("1 new", "#follow")
    assert bench.find("tr[data-id]").count() == 1
    bench.find("#follow").click()
    bench.rows(2)
    bench.press_and_be_sure("Clear")
    bench.see("Nothing has come yet")
    assert bench.admin("GET", "requests")["requests"] == []


def test_a_lost_server_is_told_and_what_was_known_stays(workbench: Start) -> None:
    """Nothing can be sent meanwhile, and nothing looks as if it were live."""
    bench = workbench()
    bench.expected = ("net::ERR_",)
    bench.patch([replace("/CustomerTipe")])
    bench.open("#requests/00000001?tab=try").rows(1)
    bench.server.stop()
    bench.see("What you see is what was known then", "#gone")
    assert bench.find("#conn").inner_text() == "reconnecting"
    assert bench.find("tr[data-id]").count() == 1
    assert bench.button("Send", "#tp").is_disabled()


def test_two_thousand_requests_are_no_burden(workbench: Start) -> None:
    """The visible rows alone are drawn; the last one is reached, and scrolling holds new ones back."""
    bench = workbench()
    bench.flood(2000)
    bench.open("#requests")
    bench.see("2,000 of 2,000", "#shown")
    assert bench.find("tr[data-id]").count() < 120
    bench.page.evaluate("() => { const list = document.getElementById('list'); list.scrollTop = list.scrollHeight }")
    bench.find('tr[data-id="00000001"]').wait_for()
    assert bench.find("tr[data-id]").count() < 120
    bench.patch(b"[]", signed=False)
    bench.see("1 new", "#follow")
