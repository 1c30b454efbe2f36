"""Write mockserver/web/reasons.json from docs/reasons.yaml: cause, remedy, and the example with the answer that it got.

With --check nothing is written; exit code 1 says that the file is stale.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder, TestResponse

from mockserver.auth.signing import sign
from mockserver.service.assembly import Mock, assemble
from mockserver.settings import Settings
from mockserver.story.provenance import RULES
from mockserver.story.story import advice
from mockserver.web.app import create_app

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "docs" / "reasons.yaml"
WRITTEN = ROOT / "mockserver" / "web" / "reasons.json"
_NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
_PROFILE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"
_EDITOR = {
    "user": "editor@acme.example",
    "secret": "fake-demo-secret-of-the-acme-editor",
    "timestamp": "2026-01-31T12:00:00Z",
    "keyed": True,
}
_LONG = {"%%nine thousand letters%%": "x" * 9000, "%%300 brackets%%": "[" * 300}
_SHOWN_HEADERS = ("Allow", "Content-Type", "Location", "WWW-Authenticate", "X-Mock-Explain", "X-Mock-Provenance")
_LONGEST = 300


def reasons() -> dict[str, dict[str, Any]]:
    """Return all that is told of each reason beside its row in the table of provenances."""
    rows = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    if unlike := rows.keys() ^ RULES.keys():
        raise ValueError(f"{SOURCE.name} and the table of provenances differ in {', '.join(sorted(unlike))}")
    return {
        code: {
            "cause": row["cause"],
            "remedy": advice(code) or row["remedy"],
            "server": _flags(row["example"]),
            "example": None if row["example"].get("shown") is False else example(code, row["example"]),
        }
        for code, row in rows.items()
    }


def _flags(wanted: Mapping[str, Any]) -> str | None:
    """Return how the server of an example was started, None for as usual."""
    words = []
    for name, value in wanted.get("serve", {}).items():
        flag = name.replace("_", "-")
        words.append(f"--no-{flag}" if value is False else f"--{flag}" if value is True else f"--{flag} {value}")
    return " ".join(words) or None


def example(code: str, wanted: Mapping[str, Any]) -> str:
    """Send the example and return it with its answer; raise ValueError if that has another reason."""
    mock, client = _served(json.dumps(wanted.get("serve", {})), wanted.get("accounts", ""))
    mock.worlds.default.reset()
    mock.worlds.default.clock.freeze(_NOW)
    for method, path, body in wanted.get("first", ()):
        client.open(path, method=method, data=body, content_type="application/json")
    sent = _request(wanted)
    answer = client.open(sent)
    if code not in _reasons_of(answer, mock):
        raise ValueError(f"{code}: the example is answered with {answer.status}, {_reasons_of(answer, mock)}")
    return _text(sent, answer)


@cache
def _served(settings: str, accounts: str) -> tuple[Mock, FlaskClient]:
    """Return a mock on the demo's fixtures, with settings as JSON and lines for its first account, and its client."""
    options = {"log": "off", **json.loads(settings)}
    with tempfile.TemporaryDirectory() as folder:
        if accounts:
            options["fixtures"] = Path(shutil.copytree(Settings().fixtures, Path(folder) / "fixtures"))
            file = options["fixtures"] / "clients.toml"
            text = file.read_text(encoding="utf-8").replace("[clients.ACME01]\n", f"[clients.ACME01]\n{accounts}\n")
            file.write_text(text, encoding="utf-8")
        mock = assemble(Settings(**options))
    return mock, create_app(mock).test_client()


def _request(wanted: Mapping[str, Any]) -> EnvironBuilder:
    if "control" in wanted:
        method, path, body = wanted["control"]
        return EnvironBuilder(path, method=method, headers=wanted.get("headers"), data=body or None,
                              content_type="application/json" if body else None)  # fmt: skip
    path, body = wanted.get("path", _PROFILE), _body(wanted)
    type_ = wanted.get("type", "application/json-patch+json") if body is not None else None
    headers = {**({"Authorization": _signature(path, wanted)} if wanted.get("signed") is not False else {})}
    headers |= {**({"Content-Type": type_} if type_ else {}), **wanted.get("headers", {})}
    return EnvironBuilder(path, method=wanted.get("method", "PATCH"), headers=headers, data=body)


def _body(wanted: Mapping[str, Any]) -> bytes | None:
    if "base64" in wanted:
        return b64decode(wanted["base64"])
    if "file" in wanted:
        return (ROOT / wanted["file"]).read_bytes()
    body = json.dumps(wanted["patch"]) if "patch" in wanted else wanted.get("body")
    for short, long in _LONG.items():
        body = body and body.replace(short, long)
    return None if body is None else body.encode()


def _signature(path: str, wanted: Mapping[str, Any]) -> str:
    how = {**_EDITOR, **wanted.get("signed", {})}
    return sign(path.split("/")[1], how["user"], how["secret"], how["timestamp"], keyed=how["keyed"])


def _reasons_of(answer: TestResponse, mock: Mock) -> set[str | None]:
    story = next((exchange.story for exchange in mock.worlds.default.journal.newest()), None)
    told = (answer.get_json(silent=True) or {}) if answer.request.path.startswith("/__admin") else {}
    return {answer.headers.get("X-Mock-Explain"), told.get("reason"), *(story.rests_on if story else ())}


def _text(sent: EnvironBuilder, answer: TestResponse) -> str:
    """Return request and answer as they are on the wire, but for what is long, or always the same."""
    path, headers = sent.path + (f"?{sent.query_string}" if sent.query_string else ""), sent.headers.items()
    named = {**dict(headers), **({"Content-Type": sent.content_type} if sent.content_type else {})}
    named = {name: value.partition(" Signature=")[0] + " Signature=…" if " Signature=" in value else value
             for name, value in named.items()}  # fmt: skip
    request = [f"{sent.method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    shown = [f"{name}: {answer.headers[name]}" for name in _SHOWN_HEADERS if name in answer.headers]
    head = [f"HTTP/1.1 {answer.status}", *shown]
    body = sent.input_stream
    body.seek(0) if body is not None else None
    told = [body.read().decode("utf-8", "replace") if body is not None else "", answer.text]
    parts = ["\n".join(request), _short(told[0]), "\n".join(head), _short(told[1])]
    return "\n\n".join(filter(None, parts))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def main() -> int:
    """Write the file, or with --check compare it."""
    text = json.dumps(reasons(), ensure_ascii=False, indent=1) + "\n"
    if "--check" not in sys.argv:
        WRITTEN.write_text(text, encoding="utf-8")
        return 0
    fresh = WRITTEN.exists() and WRITTEN.read_text(encoding="utf-8") == text
    if not fresh:
        print(f"{WRITTEN.relative_to(ROOT)} is stale: run python docs/write_reasons.py", file=sys.stderr)
    return 0 if fresh else 1


if __name__ == "__main__":
    sys.exit(main())
