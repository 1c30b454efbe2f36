"""Whatever a case asks for, a session sends only what the target's owner allowed, and shows nothing of it."""

from __future__ import annotations

import contextlib
import json
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.errors import Inconclusive, SafetyRefusal, UsageError
from mockserver.package import shipped
from mockserver.verify.calls import Call, Reply
from mockserver.verify.contract import load_contract
from mockserver.verify.target.redaction import Redactor
from mockserver.verify.target.rehearsal import DryRun
from mockserver.verify.target.session import READING, Clock, Guard, NoAnswer, NotSent, TargetSession, Throttled
from mockserver.verify.target.targets import RESERVE, Credential, Target
from mockserver.verify.target.vetting import NO_LEAVE, Leave, could_change, refusal, touched
from tests.verify.target.fake_vendor import CLIENT, KEY, OTHER, PROFILE, SECRET, USER, FakeVendor

HEADERS = (("Content-Type", "application/json"), ("Accept", "application/json"))
PROFILE_KEY = (CLIENT, *KEY)


class Led(TargetSession):
    """A session as a run leads it: with the user's leave, the profile as it was read, and somebody who guards it."""

    guard: Guard = staticmethod(lambda call, send: send())  # type: ignore[assignment]

    @property
    def leave(self) -> Leave:
        return Leave("" if self.write else NO_LEAVE, shown=PROFILE)

    def send(self, call: Call, leave: Leave | None = None, guard: Guard | None = None) -> Reply:
        return super().send(call, leave or self.leave, guard or self.guard)


class SlowClock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.seconds += seconds

    def clock(self) -> Clock:
        return Clock(lambda: datetime.now(UTC), lambda: self.seconds, self.sleep)


@pytest.fixture
def vendor() -> Iterator[FakeVendor]:
    with FakeVendor().running() as server:
        yield server


def session_of(vendor: FakeVendor, *, write: bool = False, slow: SlowClock | None = None, **changes: Any) -> Led:
    values: dict[str, Any] = {
        "name": "fake",
        "base_url": vendor.url,
        "client": CLIENT,
        "credential": Credential(USER, known=SECRET),
        "keys": (PROFILE_KEY,),
        "rate": 1000.0,
        "timeout_s": 5.0,
    }
    own = {name: changes.pop(name) for name in ("keep_raw", "keep_going") if name in changes}
    clock = slow.clock() if slow else Clock(sleep=lambda seconds: None)
    return Led(Target(**values | changes), write=write, clock=clock, **own)


def call(*operations: Any, **changes: Any) -> Call:
    return Call("PATCH", PROFILE_KEY, HEADERS, json.dumps(operations).encode())._replace(**changes)


SET = {"op": "replace", "path": "/CustomerType", "value": "Prospect"}
OWN_PATH = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"

REFUSED: dict[str, Call] = {
    "another profile": call(key=(CLIENT, *OTHER)),
    "another client": call(key=("OTHER1", *KEY)),
    "the same id in other letters": call(key=(CLIENT, "crm", "c-000417")),
    "a profile below another world": call(key=(f"{CLIENT}~x", *KEY)),
    "DELETE": call(method="DELETE"),
    "PUT": call(method="PUT"),
    "POST": call(method="POST"),
    "a method in disguise": call(headers=(*HEADERS, ("X-HTTP-Method-Override", "DELETE"))),
    "a packed body": call(headers=(*HEADERS, ("Content-Encoding", "gzip"))),
    "a path to another profile": call(path="/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000999"),
    "a path with a query that overrides it": call(path=f"{OWN_PATH}?alternateId=C-000999"),
    "a path that climbs": call(path="/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417/../C-000999"),
    "a path with a coded slash": call(path=f"{OWN_PATH}%2F..%2FC-000999"),
    "the token endpoint": call(path="/oauth/token"),
    "the whole profile": call({"op": "replace", "path": "", "value": {}}),
    "deactivation": call({"op": "replace", "path": "/IsActive", "value": False}),
    "deactivation in other letters": call({"op": "Remove", "path": "//isactive/"}),
    "the addressed id replaced": call({"op": "replace", "path": "/AlternateIds/0/AlternateId", "value": "x"}),
    "the addressed id removed": call({"op": "remove", "path": "/AlternateIds/0"}),
    "all ids replaced": call({"op": "add", "path": "/AlternateIds", "value": []}),
    "the last id, whichever that is": call({"op": "remove", "path": "/AlternateIds/-"}),
    "an id after others have moved": call(
        {"op": "remove", "path": "/AlternateIds/1"}, {"op": "remove", "path": "/AlternateIds/1"}
    ),
    "ids in a body that can't be read": call(body=b"[{'op': 'remove', 'path': '/AlternateIds'}]"),
    "ids in XML": call(body=b"<X><path>/AlternateIds</path></X>"),
}


@pytest.mark.parametrize("wanted", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_allowed_never_leaves(vendor: FakeVendor, wanted: Call) -> None:
    """Refused before a byte is sent, with leave to write too; the refusal can be asked for beforehand."""
    session = session_of(vendor, write=True)
    assert refusal(wanted, session.target, session.leave)
    with pytest.raises(NotSent) as caught:
        session.send(wanted)
    with pytest.raises(SafetyRefusal):
        session.send_reserved(wanted._replace(body=b"[]", key=(CLIENT, *OTHER)))
    assert caught.value.exit_code == 4
    assert vendor.seen == []
    assert "C-000" not in str(caught.value)


ALLOWED: dict[str, Call] = {
    "a change": call(SET),
    "an id appended": call({"op": "add", "path": "/AlternateIds/-", "value": {}}),
    "another id replaced": call({"op": "replace", "path": "/AlternateIds/1/AlternateId", "value": "x"}),
    "a flag that can be set back": call({"op": "replace", "path": "/PreservePreferences", "value": False}),
    "an active profile activated": call({"op": "replace", "path": "/IsActive", "value": True}),
    "the own path in other letters": call(path=OWN_PATH.replace("Profile", "PROFILE") + "/"),
}


@pytest.mark.parametrize("wanted", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_is_allowed_is_sent(vendor: FakeVendor, wanted: Call) -> None:
    """With leave to write."""
    session = session_of(vendor, write=True)
    assert refusal(wanted, session.target, session.leave) is None
    session.send(wanted)
    assert len(vendor.seen) == 1


CHANGING: dict[str, bytes] = {
    "a replace": json.dumps([SET]).encode(),
    "a replace after a test": json.dumps([{"op": "test", "path": "/X", "value": 1}, SET]).encode(),
    "no op": b'[{"path": "/CustomerType"}]',
    "a test with another name in other letters": b'[{"op": "test", "Op": "replace", "path": "/CustomerType"}]',
    "a test that names more": b'[{"op": "test", "path": "/CustomerType", "value": 1, "from": "/x"}]',
    "the same name twice": b'[{"op": "test", "op": "replace", "path": "/CustomerType", "value": null}]',
    "a trailing comma": b'[{"op": "replace", "path": "/CustomerType",}]',
    "escaped letters": b'[{"op": "replace", "\\u0070ath": "/CustomerType",}]',
    "text after the end": b'[] [{"op": "replace", "path": "/CustomerType"}]',
    "UTF-16": '[{"op": "replace", "path": "/CustomerType"}]'.encode("utf-16"),
    "XML": b"<Operations><OperationOfUserProfile><path>/CustomerType</path></OperationOfUserProfile></Operations>",
    "the op in capitals": b'[{"op": "TEST", "path": "/CustomerType", "value": 1}]',
}
HARMLESS: dict[str, bytes] = {
    "no operations": b"[]",
    "nothing": b"",
    "tests": b'[{"op": "test", "path": "/CustomerType", "value": 1}]',
    "no JSON": b"{nonsense",
    "the page's XML sample": b'<JsonPatchDocumentOfUserProfile5B0F46o8><ContractResolver i:nil="true" />',
}


@pytest.mark.parametrize("body", CHANGING.values(), ids=CHANGING.keys())
def test_a_body_that_any_reader_could_find_a_change_in_needs_leave(vendor: FakeVendor, body: bytes) -> None:
    """Whatever the case's author said of it."""
    assert could_change(call(body=body))
    with pytest.raises(NotSent, match="--write"):
        session_of(vendor).send(call(body=body))
    assert vendor.seen == []


@pytest.mark.parametrize("body", HARMLESS.values(), ids=HARMLESS.keys())
def test_a_body_without_a_change_needs_none(body: bytes) -> None:
    """Unless the case's author knows better."""
    assert not could_change(call(body=body))
    assert could_change(call(body=body, may_change=True))
    assert not could_change(call(body=body, method="GET"))


WORDS = st.sampled_from(["op", "path", "value", "OP", "test", "replace", "add", "/CustomerType", "/IsActive", "", "x"])
VALUES = WORDS | st.none() | st.integers(0, 5)


@given(
    st.lists(st.dictionaries(WORDS, VALUES, max_size=5), max_size=3),
    st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-32"]),
)
@settings(max_examples=100, deadline=None)
def test_no_document_that_changes_something_passes_as_harmless(operations: list[Any], encoding: str) -> None:
    """A document is harmless only if each operation in it is a plain test, or none can be found."""
    body = json.dumps(operations).encode(encoding)
    if not could_change(call(body=body)):
        folded = [{name.lower(): value for name, value in row.items()} for row in operations]
        assert all(row.get("op") == "test" or "path" not in row for row in folded)


TOUCHED = {
    "/Emails/-": ("add", "/emails"),
    "/Emails/00": ("remove", "/emails"),
    "/Emails/0/EmailAddress": ("add", "/emails/0/emailaddress"),
    "/Emails/0": ("replace", "/emails/0"),
    "//CustomerName//FirstName/": ("remove", "/customername/firstname"),
}


def test_an_element_that_is_no_operation_touches_nothing() -> None:
    """Other than a list in the list, in which a lenient reader might find operations."""
    operation = {"op": "replace", "path": "/CustomerType", "value": "x"}
    assert touched(json.dumps([None, 5, operation]).encode()) == ("/customertype",)
    assert touched(json.dumps([[operation]]).encode()) == ("",)


@pytest.mark.parametrize(("path", "expected"), TOUCHED.items(), ids=list(TOUCHED))
def test_what_a_patch_touches(path: str, expected: tuple[str, str]) -> None:
    """Adding or taking an entry touches its collection."""
    assert touched(json.dumps([{"op": expected[0], "path": path}]).encode()) == (expected[1],)
    assert touched(b"no JSON") == ("",)


def test_an_absent_profile_may_be_asked_for_and_not_changed(vendor: FakeVendor) -> None:
    """The owner knows it not to exist, so asking shows nobody's data; a change might create or hit something."""
    nobody = (CLIENT, "CRM", "NOBODY")
    session = session_of(vendor, write=True, absent=(nobody,))
    assert session.send(call(key=nobody)).status == 404
    with pytest.raises(NotSent):
        session.send(call(SET, key=nobody))


def test_redirects_are_never_followed(vendor: FakeVendor) -> None:
    """The signature would go to whoever the answer names."""
    vendor.faults.redirect[1] = f"{vendor.url}/elsewhere"
    with pytest.raises(SafetyRefusal, match="redirect"):
        session_of(vendor).send(call())
    assert len(vendor.seen) == 1


def test_the_budget_is_hard_and_keeps_a_reserve(vendor: FakeVendor) -> None:
    """Cases stop early enough for a restore; the restore stops at the budget."""
    session = session_of(vendor, budget=RESERVE + 3)
    for _ in range(3):
        session.send(call())
    with pytest.raises(Inconclusive, match="budget"):
        session.send(call())
    for _ in range(RESERVE):
        session.read(PROFILE_KEY)
    with pytest.raises(Inconclusive, match="budget"):
        session.read(PROFILE_KEY)
    assert len(vendor.seen) == RESERVE + 3


def test_a_target_that_slows_us_down_does_not_use_up_the_reserve(vendor: FakeVendor) -> None:
    """Each repeated read counts, and the restore must still be possible."""
    vendor.faults.throttle = dict.fromkeys(range(1, 100), "0")
    session = session_of(vendor, slow=SlowClock(), budget=RESERVE + 5)
    with pytest.raises(Inconclusive, match="budget"):
        session.send(call())
    assert len(vendor.seen) == 5


@pytest.mark.parametrize(("left", "sent"), [(READING, 0), (READING + 1, 1)], ids=["too few", "enough"])
def test_a_change_begins_only_if_its_first_reading_fits_too(vendor: FakeVendor, left: int, sent: int) -> None:
    """The guard reads the profile before it, which takes three requests at worst."""

    def guard(call: Call, send: Callable[[], Reply]) -> Reply:
        for _ in range(READING):
            session.read(PROFILE_KEY)
        return send()

    session = session_of(vendor, write=True, budget=RESERVE + left)
    with contextlib.nullcontext() if sent else pytest.raises(Inconclusive, match="budget"):
        session.send(call(SET), guard=guard)
    assert len(vendor.seen) == (READING + 1 if sent else 0)
    assert session.target.budget - session.used >= RESERVE


def test_requests_keep_their_distance(vendor: FakeVendor) -> None:
    """Two a second: the first at once, each other half a second after the one before."""
    slow = SlowClock()
    session = session_of(vendor, slow=slow, rate=2.0)
    for _ in range(3):
        session.send(call())
    assert slow.slept == [0.5, 0.5]


@pytest.mark.parametrize(("header", "waits"), [("7", 7.0), ("", 5.0), ("soon", 5.0)])
def test_reads_wait_as_they_are_told_and_are_repeated(vendor: FakeVendor, header: str, waits: float) -> None:
    """After a 429, Retry-After decides."""
    slow = SlowClock()
    vendor.faults.throttle[1] = header
    assert session_of(vendor, slow=slow).send(call()).status == 200
    assert len(vendor.seen) == 2
    assert sum(slow.slept) == pytest.approx(waits, abs=0.01)


def test_retry_after_may_be_a_date(vendor: FakeVendor) -> None:
    """In the past, it asks for no wait at all; the number of tries is bounded all the same."""
    slow = SlowClock()
    vendor.faults.throttle = dict.fromkeys(range(1, 500), "Wed, 21 Oct 2015 07:28:00 GMT")
    with pytest.raises(Inconclusive, match="asked to wait"):
        session_of(vendor, slow=slow, budget=1000).send(call())
    assert len(vendor.seen) < 150


def test_a_write_is_never_repeated(vendor: FakeVendor) -> None:
    """Neither after a 429 nor after a lost answer; the request after it waits."""
    slow = SlowClock()
    session = session_of(vendor, write=True, slow=slow)
    vendor.faults.throttle[1] = "9"
    with pytest.raises(Throttled):
        session.send(call(SET))
    assert len(vendor.seen) == 1
    session.send(call())
    assert sum(slow.slept) == pytest.approx(9, abs=0.01)
    vendor.faults.drop_after_commit = {1}
    with pytest.raises(NoAnswer) as caught:
        session.send(call(SET))
    assert isinstance(caught.value, OSError)
    assert len(vendor.seen) == 3


def test_a_server_error_ends_the_run(vendor: FakeVendor) -> None:
    """It is returned, so that the case can be judged; no further request of a case is sent, those of the guard are."""
    session = session_of(vendor, write=True)
    vendor.faults.error_after_commit = {1, 2}
    assert session.send(call(SET)).status == 500
    with pytest.raises(Inconclusive, match="server error"):
        session.send(call())
    assert session.read(PROFILE_KEY).status == 200
    stubborn = session_of(vendor, write=True, keep_going=True)
    assert stubborn.send(call({**SET, "value": "Other"})).status == 500
    assert stubborn.send(call()).status == 200


@pytest.mark.parametrize(("status", "ends"), [(500, False), (502, True), (503, True)])
def test_a_server_error_where_a_refusal_is_due(vendor: FakeVendor, status: int, ends: bool) -> None:
    """A 500 is how the vendor's software refuses some patches; any other 5xx is trouble."""
    vendor.quirks.status_for_tests = status
    session = session_of(vendor)
    wrong = call({"op": "test", "path": "/CustomerType", "value": "x"})._replace(refused=True)
    assert session.send(wrong).status == status
    assert bool(session.stopped) is ends


def test_each_call_is_signed_anew(vendor: FakeVendor) -> None:
    """A signature grows old within minutes, a run may take longer."""
    times = iter([datetime(2024, 5, 1, 10, 0, 0, tzinfo=UTC), datetime(2024, 5, 1, 10, 20, 0, tzinfo=UTC)])
    session = session_of(vendor)
    session.clock = Clock(lambda: next(times), session.clock.monotonic, session.clock.sleep)
    session.send(call())
    session.send(call())
    assert ["10:20:00Z" in seen.headers["authorization"] for seen in vendor.seen] == [False, True]


def test_a_change_needs_leave_and_a_guard(vendor: FakeVendor) -> None:
    """Whoever has the session alone can only read."""
    session = TargetSession(session_of(vendor).target, write=True)
    assert session.send(call()).status == 200
    with pytest.raises(NotSent, match="--write"):
        session.send(call(SET))
    with pytest.raises(NotSent, match="nobody would restore"):
        session.send(call(SET), Leave(""))
    assert len(vendor.seen) == 1


def test_raw_exchanges_are_kept_only_on_request_and_privately(vendor: FakeVendor, tmp_path: Path) -> None:
    """0700 and 0600, and without the signature."""
    kept = tmp_path / "raw"
    session_of(vendor).send(call())
    assert not kept.exists()
    session_of(vendor, keep_raw=kept).send(call())
    files = list(kept.iterdir())
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600]
    text = files[0].read_text(encoding="utf-8")
    assert "zoe.oneil@example.com" in text
    assert "Signature" not in text
    assert SECRET not in text
    kept.chmod(0o755)
    with pytest.raises(UsageError, match="others can look"):
        session_of(vendor, keep_raw=kept)


def test_a_dry_session_sends_nothing_and_refuses_the_same(vendor: FakeVendor) -> None:
    """Its answers are made up, its plan is not."""
    target = session_of(vendor).target
    contract = load_contract(shipped("contracts") / "openapi.yaml")
    dry = DryRun(target, contract, write=True, profiles={PROFILE_KEY: PROFILE})
    with dry.guard("one"):
        assert json.loads(dry.send(call(SET)).body)["CustomerType"] == "Prospect"
        assert dry.send(call({**SET, "path": "/Nickname"})).status == 400
    assert [(row.case, row.changes) for row in dry.planned] == [("one", True)] * 2
    with dry.guard("two"):
        dry.send(call())
        with pytest.raises(NotSent):
            dry.send(call(key=(CLIENT, *OTHER)))
    assert {row.case for row in dry.planned} == {"one"}, "a case that can't end is not begun"
    assert list(dry.held) == ["two"]
    assert vendor.seen == []


PERSONAL = ["Zoë", "zoe.oneil@example.com", "C-000417", "(770) 555-0143", "O'Neil-Żak"]
MESSAGES = {
    "The current value 'O'Neil-Żak' at path 'LastName' is not equal to the test value 'Zoë'.": "current value",
    "The request is invalid.": "The request is invalid.",
    "Missing Authorization Header": "Missing Authorization Header",
    "There is no Zoë here.": "text of 21",
}


@pytest.mark.parametrize(("message", "shown"), MESSAGES.items(), ids=["template", "fixed", "fixed 401", "unknown"])
def test_error_texts_show_their_template_only(message: str, shown: str) -> None:
    """What stands in the gaps comes from the profile; a text that nobody knows may be all gap."""
    text = Redactor().message(message)
    assert text.startswith(shown)
    assert not [word for word in PERSONAL if word in text]


def test_redaction_keeps_equality_within_a_run_only() -> None:
    """The same value has the same hash, another run another one; names outside the contract are hashed as well."""
    one, two = Redactor(["Emails", "EmailAddress"]), Redactor()
    assert (
        one.value("zoe.oneil@example.com") == one.value("zoe.oneil@example.com") != two.value("zoe.oneil@example.com")
    )
    assert one.pointer("/Emails/0/EmailAddress") == "/Emails/0/EmailAddress"
    assert "zoe" not in one.pointer("/Emails/0/zoe.oneil@example.com")
    assert one.value({"a": "Zoë"}).startswith("object of 1 #")
    assert one.header("content-type", "application/json; charset=utf-8") == "application/json; charset=utf-8"
    assert "Zoë" not in one.header("x-name", "Zoë")


SENTENCES: dict[str, tuple[str, str]] = {
    "a header": ("the header Cache-Control is 'u=Zoe', it must be no-cache", "the header Cache-Control is text of 5 "),
    "a header as it may be": ("the header Expires is '0', it must be -1", "the header Expires is '0', it must be -1"),
    "a media type": ("Content-Type is 'text/html', it must be one", "Content-Type is 'text/html', it must be one"),
    "another text for a media type": (
        "Content-Type is 'Zoe O\\'Neil', 'x' was expected",
        "Content-Type is text of 10 #",
    ),
    "methods": ("a 405 must say Allow: PATCH, it says 'ZOE'", "a 405 must say Allow: PATCH, it says text of 3 #"),
    "no header": ("a 405 must say Allow: PATCH, it says None", "a 405 must say Allow: PATCH, it says absent"),
    "a known place": ("/Emails/0 is null, it is not object", "/Emails/0 is null, it is not object"),
    "a member's name": ("/Emails/Zoe is x is no member of the contract", "/Emails/#"),
    "several places": (
        "the answer differs from what was expected at /Emails/0, /Zoe, a and 3 more places",
        "the answer differs from what was expected at /Emails/0, /#",
    ),
    "an element": (
        "the elements of / are not the expected ones in the expected order: Zoe stands where Emails was expected",
        "the elements of / are not the expected ones in the expected order: #",
    ),
    "an entity": (
        "the body is not well-formed XML: undefined entity &Zoe;: line 1, column 2",
        "the body is not well-formed XML: undefined entity #",
    ),
    "our own words": ("the answer was 500, 200 was expected", "the answer was 500, 200 was expected"),
}


@pytest.mark.parametrize(("sentence", "shown"), SENTENCES.values(), ids=SENTENCES.keys())
def test_what_a_server_put_into_a_problem_is_not_shown(sentence: str, shown: str) -> None:
    """It may put personal values anywhere: into headers, names of members, elements and entities."""
    said = Redactor({"Emails"}).problem(sentence)
    assert said.startswith(shown)
    assert "zoe" not in said.lower()


SERVER_HEADERS = {
    "allow": ("PATCH, GET", "ZOE"),
    "www-authenticate": ('PNAUTHINFO3 realm="https://pm.mypreferences.com"', "Basic realm=Zoe"),
    "retry-after": ("Wed, 21 Oct 2015 07:28:00 GMT", "Zoe"),
    "cache-control": ("no-cache, max-age=0", "private, u=Zoe"),
    "expires": ("-1", "Zoe"),
    "x-user": ("", "Zoe"),
}


@pytest.mark.parametrize("name", SERVER_HEADERS)
def test_a_header_is_shown_only_as_far_as_it_is_used_as_meant(name: str) -> None:
    usual, misused = SERVER_HEADERS[name]
    assert usual in Redactor().header(name, usual)
    assert "zoe" not in Redactor().header(name, misused).lower()
