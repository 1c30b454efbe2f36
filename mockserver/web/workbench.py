"""The workbench's files, the pages about reasons, and the way of a browser there. No data in them, so no token."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from mockserver.web import reasons
from mockserver.web.guard import admin_error, same_origin

PAGE: Final = "/__admin/ui"
_FOLDER: Final = Path(__file__).parent / "workbench"
_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Kept by the browser, and asked for again each time: a new version of the server shows at once.
    "Cache-Control": "no-cache",
}


def workbench(*, pure: bool) -> Blueprint:
    """Return the blueprint of the page; a pure mock leads nobody there from `/`, which is the vendor's."""
    page = Blueprint("workbench", __name__, template_folder=".")
    doors = {"/__admin", "/__admin/", f"{PAGE}/"} | (set() if pure else {"/"})

    @page.before_app_request
    def lead_browsers_here() -> AnyResponse | None:
        named = request.path.startswith(reasons.PAGES)
        if request.method != "GET" or not (named or request.path in doors) or not _wants_html():
            return None
        return _about_reason() if named else redirect(PAGE)

    @page.get(PAGE, defaults={"name": "index.html"})
    @page.get(f"{PAGE}/<path:name>")
    def file(name: str) -> Response:
        """Show the workbench, the page that tells people what happens."""
        if not _navigates(name) and not same_origin():
            return admin_error(403, "a page of another origin may not use the workbench", rule="origin-not-allowed")
        return _answer(name)

    return page


def _about_reason() -> Response | None:
    text = reasons.page(request.path)
    headers = {**_HEADERS, "Vary": "Accept"}
    return None if text is None else Response(text, headers=headers, content_type="text/html; charset=utf-8")


def _wants_html() -> bool:
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def _navigates(name: str) -> bool:
    """Tell whether somebody came by a link or the address bar; what asks for a part is a page."""
    return name == "index.html" and request.headers.get("Sec-Fetch-Mode") == "navigate"


def _answer(name: str) -> Response:
    path = _files().get(name)
    if path is None:
        raise NotFound
    response = Response(path.read_bytes(), content_type=f"{_TYPES[path.suffix]}; charset=utf-8", headers=_HEADERS)
    response.add_etag()
    response.make_conditional(request)
    return response


@cache
def _files() -> dict[str, Path]:
    """Return every file of the page by its name there."""
    return {path.relative_to(_FOLDER).as_posix(): path for path in _FOLDER.rglob("*") if path.suffix in _TYPES}
