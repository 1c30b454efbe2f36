"""What people and clients see of the journal: WireMock's shapes, the story, a curl command, an HTTP Archive."""

from __future__ import annotations

import subprocess
from base64 import b64decode
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mockserver.errors import BadRequest, NotFound
from mockserver.journal.har import har
from mockserver.journal.log import Exchange
from mockserver.journal.view import curl_text, entry_json, explain_json, found_json, list_json
from mockserver.story.provenance import RULES
from mockserver.story.story import Story
from tests.examples import many
from tests.journal.exchanges import NOW, PROFILE, TARGET, TREE, exchange, journal_of, patch, refusal

SIGNED = "PNAUTHINFO3-HMAC-SHA512 Credential=John.Doe/2024-05-01T10:00:00Z Signature=[redacted]"


def sent_as(document: Any) -> Any:
    """Return an answer as its reader gets it."""
    return orjson.loads(orjson.dumps(document))


def test_an_entry_has_the_shape_of_a_wiremock_serve_event() -> None:
    """A client of WireMock's journal finds everything where it looks for it."""
    sent = patch([{"op": "replace", "path": "/IsActive", "value": False}], {"IsActive": False}, id="0000002a")
    entry = entry_json(sent, TREE)
    mock = entry.pop("mock")
    assert entry == {
        "id": "0000002a",
        "request": {
            "url": TARGET,
            "absoluteUrl": f"http://localhost:8080{TARGET}",
            "method": "PATCH",
            "headers": {"host": "localhost:8080", "content-type": "application/json"},
            "cookies": {},
            "browserProxyRequest": False,
            "loggedDate": 1714557600250,
            "loggedDateString": "2024-05-01T10:00:00Z",
            "body": '[{"op":"replace","path":"/IsActive","value":false}]',
            "bodyAsBase64": "W3sib3AiOiJyZXBsYWNlIiwicGF0aCI6Ii9Jc0FjdGl2ZSIsInZhbHVlIjpmYWxzZX1d",
        },
        "responseDefinition": {
            "status": 200,
            "transformers": [],
            "fromConfiguredStub": True,
            "transformerParameters": {},
        },
        "response": {
            "status": 200,
            "headers": {"Content-Type": "application/json; charset=utf-8"},
            "body": sent.answer_body.decode(),
            "bodyAsBase64": entry["response"]["bodyAsBase64"],
        },
        "wasMatched": True,
        "timing": {"addedDelay": 0, "processTime": 2, "responseSendTime": 0, "serveTime": 2, "totalTime": 2},
    }
    assert b64decode(entry["response"]["bodyAsBase64"]) == sent.answer_body
    assert mock == {
        "world": "default",
        "user": "John.Doe",
        "operationId": "patchProfileByAlternateId",
        "profile": {"client": "ACME", "type": "CRM", "id": "C-1"},
        "reason": "patch-applied",
        "provenance": "documented",
        "explanation": "Every operation was applied; the whole profile is returned. [documented]",
        "hint": "",
        "fault": None,
        "operations": [{"op": "replace", "path": "/IsActive"}],
        "changes": [{"path": "/IsActive", "before": True, "after": False}],
        "durationMs": 1.5,
        "receivedAt": "2024-05-01T10:00:00.250Z",
        "at": "2024-05-01T10:00:00.250Z",
        "frozen": False,
        "connection": None,
        "applied": None,
        "tolerated": False,
        "surprising": False,
    }


def test_a_list_and_a_count_say_whether_the_journal_is_on() -> None:
    """`requestJournalDisabled` is how WireMock tells 'none came' from 'none was kept'."""
    listed = sent_as(list_json([exchange(id="1"), exchange(id="2")], 17, TREE))
    assert [entry["id"] for entry in listed["requests"]] == ["1", "2"]
    assert listed["meta"] == {"total": 17}
    assert listed["requestJournalDisabled"] is False
    assert list_json([], 0, TREE, disabled=True) == {
        "requests": [],
        "meta": {"total": 0},
        "requestJournalDisabled": True,
    }


def test_found_requests_are_flat_as_in_wiremock() -> None:
    """WireMock's find lists requests, not events; the id and our part come with them."""
    found = sent_as(found_json([exchange(id="7")], TREE))
    assert found["requestJournalDisabled"] is False
    [request] = found["requests"]
    assert (request["id"], request["url"], request["method"]) == ("7", TARGET, "PATCH")
    assert request["mock"]["reason"] == "patch-empty"


def test_a_repeated_header_is_a_list() -> None:
    """One value is text, several are a list, as WireMock writes them."""
    headers = entry_json(exchange(headers=(("accept", "a"), ("accept", "b"), ("x", "c"))), TREE)["request"]["headers"]
    assert headers == {"accept": ["a", "b"], "x": "c"}


def test_a_request_that_met_no_route_is_unmatched() -> None:
    """WireMock's 'unmatched' is a request that nothing was there to answer."""
    lost = refusal(NotFound("no", rule="route-unknown"), [], target="/nowhere", headers=(), key=None, user=None)
    entry = entry_json(lost, TREE)
    assert (entry["wasMatched"], entry["responseDefinition"]["fromConfiguredStub"]) == (False, False)
    assert "absoluteUrl" not in entry["request"]
    assert (entry["mock"]["profile"], entry["mock"]["user"]) == (None, None)


def test_every_reason_can_be_shown() -> None:
    """There is no story that the view trips over, nor one that JSON can't carry."""
    for reason in RULES:
        shown = entry_json(exchange(story=Story(reason), before=None, after=None), TREE)
        assert orjson.loads(orjson.dumps(shown))["mock"]["reason"] == reason


def test_bytes_that_are_no_text_are_whole_in_base64() -> None:
    """A body is shown for reading and kept for the truth."""
    request = entry_json(exchange(body=b"\xff\xfe["), TREE)["request"]
    assert request["body"] == "\ufffd\ufffd["
    assert b64decode(request["bodyAsBase64"]) == b"\xff\xfe["


def test_half_a_surrogate_pair_does_not_break_the_answer() -> None:
    """JSON may hold one, UTF-8 may not."""
    half = "/Custom\ud800"
    error = BadRequest("no", rule="path-member-unknown", operation=0, path=half, why=f"there is no {half}")
    sent = refusal(error, [], user=half, key=("ACME", "CRM", half))
    sent = replace(sent, story=Story(error.rule, error, [{"op": "add", "path": half}]))
    assert b"/Custom?" in orjson.dumps(explain_json(sent, TREE))
    assert b"/Custom?" in orjson.dumps(entry_json(sent, TREE))


def test_an_explanation_names_operation_rule_source_and_advice() -> None:
    """Everything that someone needs who asks why."""
    operations = [{"op": "test", "path": "/IsActive", "value": True}, {"op": "add", "path": "/CustomrType"}]
    error = BadRequest("no", rule="path-member-unknown", operation=1, path="/CustomrType")
    explained = explain_json(refusal(error, operations, id="9", fault="flaky#3"), TREE)
    assert explained["request"] == f"PATCH {TARGET}"
    assert explained["operation"] == {"index": 1, "op": "add", "path": "/CustomrType"}
    assert (explained["id"], explained["status"], explained["fault"]) == ("9", 400, "flaky#3")
    assert (explained["reason"], explained["provenance"]) == ("path-member-unknown", "library")
    assert explained["statement"] == RULES["path-member-unknown"].statement
    assert explained["source"] == RULES["path-member-unknown"].source
    assert explained["hint"] == "Did you mean /CustomerType?"
    assert explained["explanation"].startswith("Operation 1 (add /CustomrType): ")


@pytest.mark.parametrize(
    ("operations", "index"),
    [([], 0), ([None], 0), ([{"op": "add"}], 4), ([{"op": "add"}], None)],
    ids=["no-operations", "a-null", "beyond-the-end", "not-about-one"],
)
def test_an_explanation_survives_any_operation(operations: list[Any], index: int | None) -> None:
    """A refusal may point at an operation that is null, or that could not be read."""
    error = BadRequest("no", rule="operation-null", operation=index)
    explained = explain_json(refusal(error, operations), TREE)
    assert explained["operation"] == ({"index": 0} if operations == [None] else None)


# -- curl ------------------------------------------------------------------------------------------------------------

# Stand-ins that print what they were called with; real programs are not asked.
STUBS = r"""
curl() { if [ "$CURL_STDIN" ]; then body=$(base64 | tr -d '\n'); fi
  for word in "$@"; do printf '%s\0' "$word"; done; printf '%s\0' "$body"; }
mockserver() { printf 'SIGNED'; for word in "$@"; do printf ' <%s>' "$word"; done; }
"""


def run(command: str) -> list[str]:
    """Run a command line in sh with the stand-ins; return curl's words and, in Base64, what came through its pipe."""
    piped = "1" if "| curl" in command else ""
    result = subprocess.run(
        ["sh"],
        input=f"{STUBS}\n{command}\n".encode(),
        capture_output=True,
        check=True,
        env={"CURL_STDIN": piped, "PATH": "/usr/bin:/bin"},
    )
    return result.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


def sent_body(words: list[str]) -> bytes:
    data = words[words.index("--data-binary") + 1] if "--data-binary" in words else ""
    return b64decode(words[-1]) if data == "@-" else data.encode("utf-8", "surrogateescape")


def header_words(words: list[str]) -> list[str]:
    return [words[index + 1] for index, word in enumerate(words) if word == "--header"]


def test_curl_repeats_the_request_and_signs_it_anew() -> None:
    """Paste it: same method, URL, headers and body, with a fresh signature of the same kind."""
    headers = (("host", "x"), ("content-length", "4"), ("authorization", SIGNED), ("content-type", "text/json"))
    words = run(curl_text(exchange(headers=headers, body=b"[ ]\n"), "http://localhost:8080/"))
    assert words[:4] == ["--globoff", "--path-as-is", "--request", "PATCH"]
    assert words[4] == f"http://localhost:8080{TARGET}"
    assert header_words(words) == [
        "authorization: SIGNED <sign> <--client> <ACME> <--user> <John.Doe> <--algorithm> <SHA512>",
        "content-type: text/json",
        "Accept:",
    ]
    assert sent_body(words) == b"[ ]\n"


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        pytest.param({"headers": ()}, ["Accept:", "Content-Type:"], id="what-curl-would-add-is-taken-out"),
        pytest.param({"headers": (), "body": b""}, ["Accept:"], id="no-body-no-content-type"),
        pytest.param(
            {"headers": (("accept", ""), ("content-type", "a/b"))}, ["accept;", "content-type: a/b"], id="empty-value"
        ),
        pytest.param(
            {"headers": (("authorization", "Bearer [redacted]"), ("accept", "*/*"), ("content-type", "a/b"))},
            ["authorization: Bearer token-of-mine", "accept: */*", "content-type: a/b"],
            id="bearer-from-a-variable",
        ),
        pytest.param(
            {
                "headers": (("authorization", SIGNED.replace("-HMAC", "")), ("accept", "a"), ("content-type", "b")),
                "user": None,
                "key": ("AC'ME~w", "", ""),
            },
            [
                "authorization: SIGNED <sign> <--client> <AC'ME~w> <--user> <John.Doe> <--algorithm> <SHA512> "
                "<--unkeyed>",
                "accept: a",
                "content-type: b",
            ],
            id="user-from-the-credential",
        ),
        pytest.param(
            {"headers": (("x-admin-token", "[redacted]"), ("a b", "c"), ("accept", "a"), ("content-type", "b"))},
            ["accept: a", "content-type: b"],
            id="redacted-and-impossible-headers-are-left-out",
        ),
    ],
)
def test_curl_sends_the_headers_that_were_sent(changes: dict[str, Any], wanted: list[str]) -> None:
    """No header more, none less; credentials come from outside."""
    assert header_words(run(f"TOKEN=token-of-mine\n{curl_text(exchange(**changes), 'http://h')}")) == wanted


@settings(max_examples=many(60))
@given(
    body=st.binary(max_size=20) | st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace")),
    target=st.text(st.characters(min_codepoint=33, max_codepoint=0x17F), max_size=15),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=15),
    user=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=10),
)
def test_nothing_in_a_request_escapes_the_quotes(body: bytes, target: str, value: str, user: str) -> None:
    """Whatever was sent reaches curl as one word each, also quotes, dollars, backticks, newlines and NUL."""
    sent = exchange(body=body, target=f"/{target}", user=user, headers=(("x-value", value), ("authorization", SIGNED)))
    words = run(curl_text(sent, "http://localhost"))
    assert f"http://localhost/{target}" in words
    assert (f"x-value: {value}" if value.strip() else "x-value;") in words
    signed = f"authorization: SIGNED <sign> <--client> <ACME> <--user> <{user}> <--algorithm> <SHA512>"
    assert signed in words
    assert sent_body(words) == body


@pytest.mark.parametrize("body", [b"@/etc/passwd", b"[" + b" " * 200_000 + b"]", b"\r\n[]"], ids=["at", "long", "cr"])
def test_bodies_that_no_argument_can_carry_come_through_a_pipe(body: bytes) -> None:
    """curl would read a file for @name, and the shell has a longest argument."""
    command = curl_text(exchange(body=body), "http://localhost")
    assert command.startswith("printf %s ")
    assert sent_body(run(command)) == body


# -- HTTP Archive ----------------------------------------------------------------------------------------------------

# The members that HAR 1.2 requires (http://www.softwareishard.com/blog/har-12-spec/).
ENTRY = {"startedDateTime", "time", "request", "response", "cache", "timings"}
REQUEST = {"method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"}
RESPONSE = {"status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL", "headersSize",
            "bodySize"}  # fmt: skip


def test_the_archive_has_what_har_1_2_requires() -> None:
    """Any reader of HAR files opens it; members of our own start with an underscore, as the format asks."""
    sent = [exchange(), exchange(status=499, answer_headers=(), body=b"", answer_body=b"", headers=())]
    archive = sent_as(har(journal_of(*sent)))
    assert list(archive) == ["log"]
    assert archive["log"]["version"] == "1.2"
    assert set(archive["log"]["creator"]) == {"name", "version"}
    for entry in archive["log"]["entries"]:
        assert set(entry) - {"_mock"} == ENTRY
        assert set(entry["request"]) - {"postData"} == REQUEST
        assert set(entry["response"]) == RESPONSE
        assert {"size", "mimeType"} <= set(entry["response"]["content"])
        assert set(entry["timings"]) == {"send", "wait", "receive"}
        assert sum(entry["timings"].values()) == entry["time"]


def test_the_archive_tells_what_was_sent_and_answered() -> None:
    """Query, body and answer are where HAR has them; a body that is no text is marked as Base64."""
    sent: Exchange = exchange(target=f"{TARGET}?a=1&b=%20x&a=", answer_body=b"\xff")
    [entry] = sent_as(har([sent]))["log"]["entries"]
    assert entry["startedDateTime"] == "2024-05-01T10:00:00.250Z"
    assert entry["request"]["url"] == f"http://localhost:8080{TARGET}?a=1&b=%20x&a="
    assert entry["request"]["queryString"] == [
        {"name": "a", "value": "1"},
        {"name": "b", "value": " x"},
        {"name": "a", "value": ""},
    ]
    assert entry["request"]["postData"] == {"mimeType": "application/json", "params": [], "text": "[]"}
    assert entry["response"]["statusText"] == "OK"
    assert entry["response"]["content"] == {
        "size": 1,
        "mimeType": "application/json; charset=utf-8",
        "text": "/w==",
        "encoding": "base64",
    }


def test_the_archive_has_the_scheme_of_the_server() -> None:
    """Whatever its address, the host is the one that was asked for."""
    [entry] = sent_as(har([exchange(scheme="https")], "http://127.0.0.1:8080"))["log"]["entries"]
    assert entry["request"]["url"] == f"https://localhost:8080{TARGET}"


def test_the_archive_is_in_order_of_time() -> None:
    """HAR readers expect the oldest entry first, however the journal was read."""
    journal = journal_of(*(exchange(id=str(second), at=NOW.replace(second=second)) for second in range(3)))
    assert [entry["_mock"]["id"] for entry in sent_as(har(journal.entries()))["log"]["entries"]] == ["0", "1", "2"]


def test_changes_are_those_of_the_profile() -> None:
    """Lists of one length are compared position by position, others as a whole; a no-op has no changes."""
    emails = [{"EmailAddress": "zoe@example.com", "IsActive": False}]
    changed = entry_json(patch([], {"Emails": emails, "AlternateIds": []}), TREE)["mock"]["changes"]
    assert changed == [
        {"path": "/AlternateIds", "before": PROFILE["AlternateIds"], "after": []},
        {"path": "/Emails/0/IsActive", "before": True, "after": False},
    ]
    assert entry_json(patch([], {}), TREE)["mock"]["changes"] == []
