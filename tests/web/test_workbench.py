"""The workbench's files: how they are served, what they may weigh, and that nothing in them comes from elsewhere."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from mockserver.service.assembly import Mock
from mockserver.web.app import create_app
from tools.screenshots import HASH, PICTURES, SCHEMES, digest
from tools.vendor import FOLDER as VENDOR
from tools.vendor import manifest

FOLDER = VENDOR.parent
PAGE = "/__admin/ui"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FILES = sorted(path for path in FOLDER.rglob("*") if path.suffix in (".html", ".css", ".js"))
OURS = [path for path in FILES if path.parent == FOLDER]
LIGHTEST, MOST_LINES = 150_000, 250


@pytest.fixture
def browse(make_mock: Callable[..., Mock]) -> Callable[..., FlaskClient]:
    return lambda **settings: create_app(make_mock(**settings)).test_client()


def test_the_page_needs_no_token(browse: Callable[..., FlaskClient]) -> None:
    """It holds no data; what it asks for then needs the token."""
    http = browse(admin_token="secret")
    assert http.get(PAGE).status_code == 200
    assert http.get("/__admin/requests").status_code == 401


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_comes_with_its_headers(browse: Callable[..., FlaskClient], path: Path) -> None:
    """Scripts and styles from this server alone; the browser asks again each time, and is told what it has."""
    name = path.relative_to(FOLDER).as_posix()
    http, url = browse(), PAGE if name == "index.html" else f"{PAGE}/{name}"
    answer = http.get(url)
    assert answer.data == path.read_bytes()
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.content_type.endswith("; charset=utf-8")
    assert http.get(url, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("name", ["nothing.js", "../workbench.py", "vendor/vendor.toml", "%2e%2e/workbench.py", ""])
def test_nothing_else_is_served(browse: Callable[..., FlaskClient], name: str) -> None:
    """Only the page's own files, whatever a path says."""
    assert browse().get(f"{PAGE}/{name}").status_code in (302, 404)


@pytest.mark.parametrize(
    ("pure", "path", "accept", "status"),
    [
        pytest.param(False, "/", BROWSER, 302, id="a-browser-at-the-root"),
        pytest.param(False, "/__admin", BROWSER, 302, id="a-browser-at-the-control-surface"),
        pytest.param(False, "/", "*/*", 404, id="curl-gets-the-vendors-404"),
        pytest.param(False, "/", "application/json", 404, id="a-client-gets-the-vendors-404"),
        pytest.param(False, "/__admin", "*/*", 200, id="curl-gets-the-list"),
        pytest.param(True, "/", BROWSER, 404, id="a-pure-mock-has-no-page-at-the-root"),
        pytest.param(True, "/__admin", BROWSER, 302, id="a-pure-mock-still-has-its-control-surface"),
    ],
)
def test_browsers_are_led_to_the_page(
    browse: Callable[..., FlaskClient], pure: bool, path: str, accept: str, status: int
) -> None:
    """Who asks for a page gets one; programs get what they always got."""
    answer = browse(pure=pure).get(path, headers={"Accept": accept})
    assert answer.status_code == status
    assert answer.headers.get("Location", PAGE) == PAGE


@pytest.mark.parametrize(
    ("path", "mode", "status"),
    [
        pytest.param("", "navigate", 200, id="a-link-to-the-page"),
        pytest.param("", "cors", 403, id="another-sites-script-reads-the-page"),
        pytest.param("/app.js", "no-cors", 403, id="another-site-loads-a-file"),
        pytest.param("/app.js", "navigate", 403, id="another-site-links-to-a-file"),
    ],
)
def test_other_sites_may_link_to_the_page_alone(
    browse: Callable[..., FlaskClient], path: str, mode: str, status: int
) -> None:
    """A top-level navigation passes; whatever else another origin asks for is refused."""
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}
    assert browse().get(PAGE + path, headers=headers).status_code == status


def test_the_list_of_the_control_surface_names_the_page(browse: Callable[..., FlaskClient]) -> None:
    """Who asks with curl learns that there is a page for people."""
    listed = browse().get("/__admin").get_json()["endpoints"]
    assert {
        "method": "GET",
        "path": PAGE,
        "summary": "Show the workbench, the page that tells people what happens.",
    } in listed


def test_a_foreign_host_is_refused_before_it_is_led_anywhere(browse: Callable[..., FlaskClient]) -> None:
    """A name that somebody else's DNS points here gets no page."""
    answer = browse().get("/__admin", headers={"Host": "evil.example", "Accept": BROWSER})
    assert answer.status_code not in (200, 302)


def test_the_page_stays_light() -> None:
    """Library, styles and scripts together, as they are: nobody builds or minifies them."""
    weighed = [path for path in FILES if path.suffix != ".html"]
    assert sum(path.stat().st_size for path in weighed) <= LIGHTEST


@pytest.mark.parametrize("path", [path for path in OURS if path.suffix == ".js"], ids=lambda path: path.name)
def test_modules_stay_small(path: Path) -> None:
    """One module a view, short enough to be read at once."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_nothing_is_inline_and_nothing_comes_from_elsewhere(path: Path) -> None:
    """The policy would stop it in the browser; here the author is told."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|dangerouslySet|document\.write|\beval\(", text)
    assert not re.search(r"(src|href|from|import|url\()\s*=?\s*[\"'(]?(https?:)?//", text)
    if path.suffix == ".html":
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=", text)


@pytest.mark.parametrize("row", manifest(), ids=lambda row: row["name"])
def test_vendored_files_are_the_published_ones(row: dict[str, str]) -> None:
    """Each has a version, a licence, and the hash of what the registry published."""
    assert row["licence"]
    assert re.fullmatch(r"[a-z]+@\d+\.\d+\.\d+", row["package"])
    assert hashlib.sha256((VENDOR / row["name"]).read_bytes()).hexdigest() == row["sha256"], "run make vendor"


def test_every_vendored_file_stands_in_the_manifest() -> None:
    """Nothing of others without its licence."""
    names = {path.name for path in VENDOR.iterdir()} - {"vendor.toml"}
    assert names == {row["name"] for row in manifest()}


def test_the_pictures_show_these_files() -> None:
    """README and docs show the page as it is."""
    assert HASH.read_text(encoding="utf-8").strip() == digest(), "run make screenshots, and look at what it wrote"
    assert {path.stem for path in HASH.parent.glob("*.png")} == {
        f"{name}-{scheme}" for name in PICTURES for scheme in SCHEMES
    }
