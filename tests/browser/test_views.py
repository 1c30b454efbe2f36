"""The other views: profiles and a patch for one, planned faults, worlds, numbers, reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as replace_settings

from playwright.sync_api import Page

from mockserver.commands.running import make_server
from mockserver.service.assembly import Mock
from tests.browser.workbench import ID, Workbench, replace

Start = Callable[..., Workbench]
BROKEN_RUN = {
    "target": "sandbox", "dialect": "vendor", "seed": 1, "verdicts": {"held": 1, "broken": 1}, "requests": 4,
    "seconds": 1.5, "stages": [],
    "cases": [
        {"stage": "rules", "id": "type-length", "title": "CustomerType holds up to 100 characters", "verdict": "broken",
         "why": "the page limits it", "source": "page", "tags": [], "seconds": 0.1,
         "fact": ["members.CustomerType.max_length"], "problems": ["expected 400, got 200"],
         "exchanges": [{"request": "PATCH /ACME01/…", "reply": "200"}]},
        {"stage": "rules", "id": "adds", "title": "add adds", "verdict": "held", "why": "the page says so",
         "source": "page", "tags": [], "seconds": 0.1, "fact": ["operation.add"]},
    ],
}  # fmt: skip


def test_a_fault_is_read_while_it_is_written_and_its_plan_is_drawn(workbench: Start) -> None:
    """The server says what it understood and what it would strike; a wrong word gets the nearest one."""
    bench = workbench()
    bench.expected = ("faults?dry=true",)  # a refusal of what is half written
    bench.open("#faults").find("#ftext").fill("500 p=0.3 after-comit")
    bench.see("after-commit", "#fsay")
    assert bench.find("#fadd").is_disabled()
    bench.find("#ftext").fill("500 p=0.3 after-commit")
    bench.find(".strip .new .a").first.wait_for()
    assert bench.find(".strip .new .cells > span").count() == 50
    assert bench.admin("GET", "faults")["faults"] == []
    bench.find("#fadd").click()
    bench.find("#rules tr").wait_for()
    drawn = bench.find(".strip .line:not(.new) .cells .a").count()
    (plan,) = bench.admin("GET", "faults/plan?n=50")["plan"].values()
    assert drawn == sum(cell is not None for cell in plan) > 0
    bench.button("Next strike").click()
    bench.see("it is applied and saved, then answered 500", "#plansay")


def test_a_fault_is_switched_off_and_removed(workbench: Start) -> None:
    """Off, it strikes nobody and keeps its counts; removing asks once."""
    bench = workbench()
    bench.admin("POST", "faults", "503")
    assert bench.patch([replace()]) == 503
    bench.open("#faults").button("Switch off", "#rules").click()
    bench.see("Switched off.", "#rules")
    assert bench.patch([replace()]) == 200
    bench.press_and_be_sure("Remove", "#rules")
    bench.see("No fault is planned in this world")


def test_the_form_writes_the_line(workbench: Start) -> None:
    """What is chosen in the form stands in the line that can be kept."""
    bench = workbench().open("#faults")
    bench.button("Use the form").click()
    bench.find("#f1").select_option("reset")
    bench.find("#f3").select_option("every=")
    bench.find("#f6").select_option("replace")
    assert bench.find("#ftext").input_value() == "reset op=replace every=5 after-commit"


def test_a_profile_is_found_and_shows_what_differs_and_who_changed_it(workbench: Start) -> None:
    """By text; the tree marks what differs from the fixture, the history names the request."""
    bench = workbench()
    bench.patch([replace("/CustomerType", "Gold")])
    bench.open("#profiles")
    bench.page.get_by_role("searchbox", name="Find a profile").fill(ID)
    bench.find(".plist:not(:has(button ~ button)) button").click()
    bench.find('tr[data-path="/CustomerType"].changed').wait_for()
    assert '"Gold"' in bench.find('tr[data-path="/CustomerType"] ins').inner_text()
    bench.page.get_by_role("tab", name="History").click()
    bench.find(".past a").first.click()
    bench.see("patch-applied", "#detail")


def test_a_patch_is_built_by_pointing_and_each_dialect_answers(workbench: Start) -> None:
    """A click on a member is an operation; the three dialects stand side by side, and a first request is sent."""
    bench = workbench()
    bench.open(f"#profiles/ACME01/CRM/{ID}")
    bench.find('tr[data-path="/IsActive"]').click()
    bench.page.get_by_role("textbox", name="Value of operation 0").fill('"FALSE"')
    bench.find(".dialects .warn").wait_for()
    said = dict(
        zip(bench.find(".dialects .who").all_inner_texts(), bench.find(".dialects .st").all_inner_texts(), strict=True)
    )
    assert said == {"vendor": "200", "library": "200", "rfc6902": "400"}
    bench.find('tr[data-path="/ProfileId"]').click()
    assert bench.page.get_by_label("Operation 1", exact=True).input_value() == "test"
    bench.button("Take operation 1 out").click()
    bench.button("Send to default").click()
    bench.see("/IsActive", "#detail .hunk")


def test_worlds_are_made_chosen_and_reset(workbench: Start) -> None:
    """Each with its own requests; a snapshot brings profiles back."""
    bench = workbench()
    bench.patch([replace()], X_Mock_Namespace="blue")
    bench.open("#worlds").button("Choose").click()
    bench.see("Clock of world", "main")
    bench.go("#requests").rows(1)
    bench.go("#worlds").find("#newsnapshot").fill("before")
    bench.button("Keep as it is now").click()
    bench.button("Restore").wait_for()
    bench.find("tr").filter(has_text="blue").get_by_role("button", name="Reset…").click()
    bench.find("#reset .pri").click()
    bench.see("is reset", ".toast")
    bench.go("#requests").see("Nothing has come yet")


def test_settings_that_are_read_again_are_shown(clean_tab: Page, make_mock: Callable[..., Mock]) -> None:
    """Without the page being opened anew."""
    mock = make_mock(port=0)
    with make_server(mock) as server, Workbench(clean_tab, server).watched() as bench:
        bench.open().see("vendor", ".facts")
        mock.settings = replace_settings(mock.settings, dialect="library")
        bench.find("#world").select_option("*")  # looks round at once, not at the next of its steps
        bench.see("library", ".facts")


def test_numbers_are_drawn(workbench: Start) -> None:
    """Rates, statuses and latencies, each with its figures in words."""
    bench = workbench()
    bench.patch([replace()])
    bench.patch([replace("/CustomerTipe")])
    bench.open("#numbers")
    charts = bench.find(".chart svg[role=img]")
    charts.first.wait_for()
    assert [label.split(":")[0] for label in (charts.nth(n).get_attribute("aria-label") or "" for n in (0, 2))] == [
        "Requests a second", "Time to answer",
    ]  # fmt: skip
    bench.page.get_by_role("link", name="path-member-unknown").click()
    bench.rows(1)


def test_a_report_says_what_is_broken_and_which_fact_it_rests_on(workbench: Start) -> None:
    """The verdict in a sentence, the failures, the facts of the page; reasons are one click away."""
    bench = workbench()
    bench.admin("POST", "reports", BROKEN_RUN)
    bench.open("#reports")
    bench.see("expected 400, got 200", ".fail")
    assert bench.find(".verdict").inner_text().startswith("Broken. sandbox")
    assert bench.find(".matrix tbody tr").first.inner_text().split()[0] == "broken"
    bench.see("The behaviours one by one").click()
    bench.page.get_by_role("link", name="test-failed", exact=True).click()
    bench.see("A test compares the converted value", ".aside")
