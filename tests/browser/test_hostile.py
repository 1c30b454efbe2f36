"""Whatever a profile, a path, a header or a world holds is shown as text: nothing of it runs or breaks the page."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.workbench import Workbench, replace

Start = Callable[..., Workbench]
SAID = (
    "<script>window.struck = 1</script>", "<img src=x onerror='window.struck = 1'>", "<svg onload='window.struck = 1'>",
    "javascript:window.struck=1", "<iframe srcdoc='<script>parent.struck=1</script>'>", "${window.struck = 1}",
    "<style>*{display:none}</style>", "{{constructor.constructor('struck=1')()}}", "<!--", "]]>", "&lt;b&gt;",
    "%3Cscript%3E", "\u202egnol\u202c", "\u2066\u2067abc", "مرحبا", "עברית", "\u0000", "\ufeff", "🦊", "a\u0300" * 40,
    "\u202e<b>", "W" * 80, "\t\n\r", "__proto__", "constructor", "[object Object]", "-1e999", "null", "/~2/",
)  # fmt: skip
# Each alone, and breaking out of a string, an attribute, a tag, a template, a path.
HOSTILE = [
    around.replace("*", said) for said in SAID for around in ("*", "'*'", '">*', "</td>*", "`*", "</textarea>*", "/*/")
]


def test_markup_in_every_place_stays_text(workbench: Start) -> None:
    """In values, paths, ids and names of operations; in the list and in every part of a request."""
    assert len(HOSTILE) > 200
    bench = workbench()
    for text in HOSTILE:
        bench.patch([replace(f"/{text}", text)], text, signed=False)
    every = [{"op": "test", "path": f"/{text}", "value": {text: [text]}} for text in HOSTILE]
    bench.patch([replace("/CustomerType", "<b>"), *every])
    bench.patch([{"op": text, "path": text, "from": text} for text in HOSTILE])
    bench.open("#requests").rows(len(HOSTILE) + 2)
    for number in range(len(HOSTILE) - 2, len(HOSTILE) + 3):
        for tab in ("story", "request", "answer", "signature", "try"):
            bench.go(f"#requests/{number:08x}?tab={tab}").find(f"#tp-{tab}[aria-selected=true]").wait_for()
    assert bench.page.evaluate("() => window.struck") is None
    assert bench.find("main iframe, main script, main style, main img").count() == 0
    assert bench.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_a_profile_of_hostile_texts_is_shown_inert(workbench: Start) -> None:
    """Names and ids that are markup, in the list, the tree, the builder and the texts."""
    bench = workbench()
    hostile = {
        "AlternateIds": [
            {"AlternateIdType": "<b>", "AlternateId": "\"><img src=x onerror='struck=1'>"},
            {"AlternateIdType": "CRM", "AlternateId": "H-1"},
        ],
        "CustomerName": {"FirstName": "<script>struck = 1</script>", "LastName": "\u202eevil"},
        "CustomerType": "javascript:alert(1)",
    }
    bench.admin("PUT", "profiles/ACME01/CRM/H-1", {**hostile, "ProfileId": 77})
    bench.open("#profiles/ACME01/CRM/H-1").see("<script>struck = 1</script>", "main")
    bench.see("\\u202eevil", "main")
    bench.find('tr[data-path="/CustomerType"]').click()
    for tab in ("JSON and XML", "History"):
        bench.page.get_by_role("tab", name=tab).click()
    assert bench.page.evaluate("() => window.struck") is None
    assert bench.find("main img, main a[href^='javascript']").count() == 0


@pytest.mark.parametrize("tab", ["story", "request", "answer"])
def test_a_value_of_900_000_characters_is_cut_and_can_be_read_on(workbench: Start, tab: str) -> None:
    """The page stays quick and whole."""
    bench = workbench()
    bench.patch([replace("/Emails/0/EmailAddress", "x" * 900_000)])
    bench.open(f"#requests/00000001?tab={tab}")
    bench.see("more characters", "#detail")
    assert len(bench.find("#detail").inner_text()) < 60_000
    bench.button("more characters", "#detail").click()
    assert bench.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_a_path_of_900_000_characters_stays_in_its_pane(workbench: Start) -> None:
    """Heading, operations and body: nothing is cut off at the edge."""
    bench = workbench()
    bench.patch([replace("/CustomFields/0/Value", "y" * 9_000)])
    bench.patch([replace("/CustomFields/0/Value", "z"), replace(f"/{'x' * 900_000}")])
    bench.open()
    bench.rows(2).first.click()
    bench.see("899,601 more characters", "#detail")
    assert bench.page.evaluate(
        "() => { const one = document.getElementById('detail'); return one.scrollWidth <= one.clientWidth }"
    )


def test_a_profiles_name_stays_above_its_tabs(workbench: Start) -> None:
    """However far its members are scrolled."""
    bench = workbench().open("#profiles/ACME01/CRM/C-000417")
    bench.page.set_viewport_size({"width": 1400, "height": 500})
    bench.find('tr[data-path="/CustomFields"]').scroll_into_view_if_needed()
    boxes = [bench.find(f".col {part}").first.bounding_box() for part in ("h2.title", ".tabs")]
    assert boxes[0]
    assert boxes[1]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]
