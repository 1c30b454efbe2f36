"""Take the pictures of the workbench that README and docs show, light and dark. Run as a script."""

from __future__ import annotations

import hashlib
import json
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError

from mockserver.auth.signing import issued_now, sign
from mockserver.commands.running import make_server
from mockserver.service.assembly import assemble
from mockserver.settings import Settings
from tools import chromium

ROOT = Path(__file__).parent.parent
WORKBENCH = ROOT / "mockserver" / "web" / "workbench"
FOLDER = ROOT / "docs" / "screenshots"
HASH = FOLDER / "workbench.sha256"
# The address, and what is clicked there.
PICTURES = {
    "requests": ("#requests/00000004", ""),
    "profile": ("#profiles/ACME01/CRM/C-000001", 'tr[data-path="/CustomerType"]'),
    "faults": ("#faults?text=500+p%3D0.3+after-commit", ""),
}
_FAULTS = ("500 p=0.2", "delay=80..220 p=0.3", "503 op=replace path=/Emails at=2,3 after-commit", "reset every=20")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_PROFILE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/"


def digest() -> str:
    """Return the hash of the workbench's files: the pictures show these and no others."""
    known = hashlib.sha256()
    for path in sorted(WORKBENCH.rglob("*")):
        if path.suffix in (".html", ".css", ".js"):
            known.update(path.relative_to(WORKBENCH).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return known.hexdigest()


def _set(path: str, value: Any, op: str = "replace") -> dict[str, Any]:
    return {"op": op, "path": path, "value": value}


# What the pictures show: identifier, user, operations.
_STORY: tuple[tuple[str, str, list[dict[str, Any]]], ...] = (
    ("C-000005", "editor@acme.example", [_set("/DefaultLocale", "fr-FR")]),
    ("C-NOPE", "editor@acme.example", [_set("/CustomerType", "Gold")]),
    ("C-000001", "reader@acme.example", [_set("/CustomerType", "Gold")]),
    (
        "C-000001",
        "editor@acme.example",
        [
            _set("/CustomerType", "Customer", "test"),
            _set("/Emails/0/EmailAddress", "theo@mail.example"),
            _set("/CustomerTipe", "Gold"),
            _set("/ProfileTags/-", {"Name": "Gold"}, "add"),
        ],
    ),
    ("C-000001", "editor@acme.example", [_set("/CustomerType", "Gold"), _set("/IsActive", "TRUE")]),
    ("C-000001", "editor@acme.example", [_set("/DefaultLocale", "fr-CA-x-quebec-city")]),
    ("C-000001", "editor@acme.example", [_set("/Emails/0/EmailAddress", "theo@mail.example")]),
    ("C-000016", "editor@acme.example", [{"op": "remove", "path": "/ProfileId"}]),
)


_UNHARMED = 5


def _send(url: str, method: str, body: Any, headers: dict[str, str]) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except HTTPError as refusal:
        refusal.close()


def tell(url: str, secrets: dict[str, str]) -> None:
    """Send what the pictures show: some requests, then faults, then more."""
    for number, (identifier, user, operations) in enumerate(_STORY):
        if number == _UNHARMED:
            for rule in _FAULTS:
                _send(f"{url}/__admin/faults", "POST", rule, {"Content-Type": "application/json"})
        header = sign("ACME01", user, secrets[user], issued_now(datetime.now(UTC)))
        headers = {"Authorization": header, "Content-Type": "application/json-patch+json"}
        _send(f"{url}{_PROFILE}{identifier}", "PATCH", operations, headers)


def main() -> None:
    """Serve the demo, let requests come, and take each picture in both schemes."""
    path = chromium.installed()
    if path is None:
        raise SystemExit(chromium.MISSING)
    mock = assemble(Settings(port=0, log="off"))
    secrets = {name: user.secrets[0] for name, user in mock.fixtures.clients["acme01"].users.items()}
    FOLDER.mkdir(parents=True, exist_ok=True)
    with make_server(mock) as server, chromium.started(path) as running:
        url = f"http://127.0.0.1:{server.port}"
        tell(url, secrets)
        for scheme in SCHEMES:
            page = running.new_page(viewport={"width": 1440, "height": 810}, color_scheme=scheme)
            for name, (address, clicked) in PICTURES.items():
                page.goto(f"{url}/__admin/ui")
                page.goto(f"{url}/__admin/ui{address}")
                if clicked:
                    page.locator(clicked).click()
                page.wait_for_timeout(1000)
                page.screenshot(path=FOLDER / f"{name}-{scheme}.png")
    HASH.write_text(f"{digest()}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
