"""The page about each reason: for browsers, without a token, in words that the control surface tells programs too."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape

import pytest
from flask.testing import FlaskClient

from mockserver.service.assembly import Mock, assemble
from mockserver.settings import Settings
from mockserver.story.provenance import RULES
from mockserver.web.app import create_app

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
TOKEN = {"X-Mock-Admin-Token": "secret"}


@pytest.fixture(scope="module")
def guarded() -> FlaskClient:
    return create_app(assemble(Settings(log="off", admin_token="secret"))).test_client()


@pytest.mark.parametrize("reason", RULES)
def test_a_browser_reads_what_a_program_is_told(guarded: FlaskClient, reason: str) -> None:
    """Cause, remedy, certainty and example, each escaped; the page alone needs no token."""
    page = guarded.get(f"/__admin/reasons/{reason}", headers=BROWSER)
    told = guarded.get(f"/__admin/reasons/{reason}", headers=TOKEN).get_json()
    assert page.mimetype == "text/html"
    for name in ("statement", "cause", "remedy", "mark", "source"):
        assert told[name] in unescape(page.text), name
    assert ("<pre>" in page.text) == (told["example"] is not None)
    if told["example"] is not None:
        assert "HTTP/1.1" in told["example"]


def test_the_page_is_served_as_the_workbench_is(guarded: FlaskClient) -> None:
    """By the same policy, without scripts; a cache keeps page and JSON apart."""
    page = guarded.get("/__admin/reasons/test-failed", headers=BROWSER)
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.headers["Vary"] == "Accept"
    assert "<script" not in page.text
    assert guarded.get("/__admin/ui/workbench.css").status_code == 200


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("test-failed", {}, 401, id="a-program-without-the-token"),
        pytest.param("no-such-reason", BROWSER, 401, id="a-browser-at-an-unknown-reason-without-the-token"),
        pytest.param("no-such-reason", BROWSER | TOKEN, 404, id="a-browser-at-an-unknown-reason"),
        pytest.param("%3Cscript%3E", BROWSER | TOKEN, 404, id="markup-as-a-reason"),
        pytest.param("test-failed", BROWSER | {"Host": "evil.example"}, 421, id="a-foreign-host"),
    ],
)
def test_whatever_else_is_answered_as_before(
    guarded: FlaskClient, path: str, headers: dict[str, str], status: int
) -> None:
    answer = guarded.get(f"/__admin/reasons/{path}", headers=headers)
    assert (answer.status_code, answer.mimetype) == (status, "application/json")


def test_a_log_line_says_where_to_read_more(make_mock: Callable[..., Mock], caplog: pytest.LogCaptureFixture) -> None:
    """With the sentence, which is told once."""
    http = create_app(make_mock(log="all")).test_client()
    path = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"
    with caplog.at_level("INFO"):
        for _ in range(2):
            http.patch(path, json=[{"op": "remove", "path": "/ProfileId"}])
    first, second = [record.getMessage() for record in caplog.records if "member-read-only" in record.getMessage()]
    assert first.endswith(" More: /__admin/reasons/member-read-only")
    assert "More:" not in second
