"""The journal: the newest exchanges within their bounds, and no secret among them."""

from __future__ import annotations

import gc
import sys
import threading
import tracemalloc
import weakref
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.auth.signing import ALGORITHMS, sign
from mockserver.errors import ApiError, BadRequest, UsageError
from mockserver.journal.har import har
from mockserver.journal.log import Budget, Exchange, Journal, stored_bytes
from mockserver.journal.view import curl_text, entry_json
from mockserver.profile.members import compile_members
from mockserver.service.assembly import load_contract
from mockserver.settings import Settings
from mockserver.story.story import Story

NOW = datetime(2024, 5, 1, 10, 0, 0, 250_000, tzinfo=UTC)
TARGET = "/ACME/Profile/AlternateIdType/CRM/AlternateId/C-1"
PROFILE = {
    "ProfileId": 1,
    "IsActive": True,
    "CustomerType": "Customer",
    "AlternateIds": [
        {"AlternateIdType": "CRM", "AlternateId": "C-1"},
        {"AlternateIdType": "Loyalty", "AlternateId": "42"},
    ],
    "Emails": [{"EmailAddress": "zoe@example.com", "IsActive": True}],
}
TREE = compile_members(load_contract(Settings().contract))
_numbers = count(1)


def exchange(**changes: Any) -> Exchange:
    """Return an exchange in which a patch was sent and nothing changed, but for what is named."""
    profile = orjson.dumps(PROFILE)
    usual: dict[str, Any] = {
        "id": f"{next(_numbers):08x}",
        "world": "default",
        "at": NOW,
        "duration_s": 0.0015,
        "method": "PATCH",
        "target": TARGET,
        "headers": (("host", "localhost:8080"), ("content-type", "application/json")),
        "body": b"[]",
        "status": 200,
        "answer_headers": (("Content-Type", "application/json; charset=utf-8"),),
        "answer_body": profile,
        "story": Story("patch-empty", None, ()),
        "user": "John.Doe",
        "fault": None,
        "before": profile,
        "after": profile,
        "key": ("ACME", "CRM", "C-1"),
    }
    return Exchange(**{**usual, **changes})


def patch(operations: list[Any], after: dict[str, Any] | None = None, **changes: Any) -> Exchange:
    """Return an exchange in which a patch was applied; `after` names the members that it changed."""
    changed = {} if after is None else {"after": orjson.dumps({**PROFILE, **after})}
    # As the service does it: the story of a success holds no operations, they are read from the body again.
    story = Story("patch-applied" if after else "patch-changed-nothing")
    return exchange(**{"body": orjson.dumps(operations), "story": story, **changed, **changes})


def refusal(error: ApiError, operations: list[Any], **changes: Any) -> Exchange:
    """Return an exchange in which a patch was refused."""
    usual = {"status": error.status, "before": None, "after": None, "answer_body": b'{"Message":"no"}'}
    story = Story(error.rule, error, operations)
    return exchange(**{**usual, "body": orjson.dumps(operations), "story": story, **changes})


def journal_of(*exchanges: Exchange) -> Journal:
    journal = Journal(1000, 1 << 24)
    for one in exchanges:
        journal.append(one)
    return journal


# -- the ring --------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.integers(0, 400), max_size=40), st.integers(1, 12), st.integers(0, 16_000))
def test_the_ring_holds_the_longest_run_of_newest_exchanges_that_fits(
    sizes: list[int], max_entries: int, max_bytes: int
) -> None:
    """After any appends, what is kept is the longest tail within both bounds, and the counters say so."""
    sent = [exchange(body=b"x" * size, answer_body=b"", before=None, after=None) for size in sizes]
    journal = Journal(max_entries, max_bytes)
    for one in sent:
        journal.append(one)
    tails = [sent[start:] for start in range(len(sent) + 1)]
    fits = next(t for t in tails if len(t) <= max_entries and sum(map(stored_bytes, t)) <= max_bytes)
    assert [one.id for one in journal] == [one.id for one in fits]
    assert journal.bytes_used == sum(map(stored_bytes, fits))
    assert (journal.total, journal.dropped, len(journal)) == (len(sent), len(sent) - len(fits), len(fits))


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        pytest.param({"answer_body": b"a" * 50, "before": b"b" * 10, "after": b"c" * 10}, 70, id="all-differ"),
        pytest.param({"answer_body": b"a" * 50, "before": (p := b"p" * 100), "after": p}, 150, id="unchanged-profile"),
        pytest.param({"answer_body": (q := b"q" * 100), "before": b"", "after": q}, 100, id="answer-is-the-profile"),
        pytest.param({"answer_body": b"", "before": None, "after": None}, 0, id="nothing"),
    ],
)
def test_each_stored_object_counts_once(changes: dict[str, Any], counted: int) -> None:
    """Profile and answer are often one object; it takes its memory once."""
    bare = {"headers": (), "answer_headers": (), "target": "", "body": b"", "story": Story("patch-empty")}
    nothing = stored_bytes(exchange(**bare, answer_body=b"", before=None, after=None))
    assert stored_bytes(exchange(**bare, **changes)) - nothing == counted


def test_entries_come_newest_first_and_iteration_goes_the_other_way() -> None:
    """People read the newest first; a verification needs the order of arrival."""
    one, two, three = exchange(), exchange(), exchange()
    journal = journal_of(one, two, three)
    assert [entry.id for entry in journal.entries()] == [three.id, two.id, one.id]
    assert [entry.id for entry in journal.entries(limit=2)] == [three.id, two.id]
    assert [entry.id for entry in journal] == [one.id, two.id, three.id]


@pytest.mark.parametrize(
    ("since", "kept"),
    [
        pytest.param("second", ["third"], id="an-id"),
        pytest.param("long-gone", ["third", "second", "first"], id="an-id-that-is-gone"),
        pytest.param(NOW, ["third", "second"], id="a-time"),
        pytest.param("2024-05-01T10:00:01.25Z", ["third"], id="text"),
        pytest.param("2024-05-01 10:00:01", ["third", "second"], id="text-without-zone"),
        pytest.param("2024-05-01T12:00:01.250 02:00", ["third"], id="a-plus-that-a-query-turned-into-a-space"),
        pytest.param("2024-05-02", [], id="a-day"),
    ],
)
def test_since_leaves_out_what_is_older(since: str | datetime, kept: list[str]) -> None:
    """A reader who polls names the last entry seen, or a time."""
    steps = enumerate(("first", "second", "third"))
    journal = journal_of(*(exchange(id=name, at=NOW + timedelta(seconds=step)) for step, name in steps))
    assert [entry.id for entry in journal.entries(since=since)] == kept


def test_since_refuses_a_time_that_is_none() -> None:
    """A typing error must not read as 'everything'."""
    with pytest.raises(UsageError, match="not a time"):
        journal_of(exchange()).entries(since="2024-13-01")


def test_one_exchange_can_be_read_and_removed() -> None:
    """The bytes of a removed exchange are free again."""
    one, two = exchange(), exchange(body=b"[ ]")
    journal = journal_of(one, two)
    assert journal.get(two.id) == two
    assert journal.remove(one.id)
    assert not journal.remove(one.id)
    assert journal.get(one.id) is None
    assert (len(journal), journal.bytes_used, journal.dropped) == (1, stored_bytes(two), 0)


def test_a_cleared_journal_is_empty_and_goes_on() -> None:
    """`total` counts on, for it is a counter of the server's life."""
    journal = journal_of(exchange(), exchange())
    journal.clear()
    assert (len(journal), journal.bytes_used, journal.total, list(journal)) == (0, 0, 2, [])
    journal.append(exchange())
    assert (len(journal), journal.total) == (1, 3)


def test_no_entries_switch_the_journal_off() -> None:
    """With 0 entries nothing is kept and nothing counts as dropped."""
    journal = Journal(0, 1 << 20)
    journal.append(exchange())
    assert (len(journal), journal.total, journal.dropped) == (0, 0, 0)


def traced(action: Callable[[], Any]) -> tuple[int, Any]:
    """Return the bytes that an action leaves allocated, with its result."""
    gc.collect()
    tracemalloc.start()
    try:
        result = action()
        gc.collect()
        return tracemalloc.get_traced_memory()[0], result
    finally:
        tracemalloc.stop()


def test_an_empty_journal_costs_next_to_nothing() -> None:
    """Worlds are made by the thousand, and many never see a request."""
    used, journals = traced(lambda: [Journal(10_000, 1 << 26) for _ in range(1000)])
    assert used / len(journals) < 500


def test_memory_stays_flat_once_the_ring_is_full() -> None:
    """Ten times as many appends as entries take no more memory than as many."""

    def fill(appends: int) -> Journal:
        journal = Journal(200, 1 << 26)
        for number in range(appends):
            journal.append(patch([{"op": "add", "path": "/CustomerType", "value": f"{number:06d}"}], {}))
        return journal

    once, _ = traced(lambda: fill(200))
    again, _ = traced(lambda: fill(2000))
    assert again < once * 1.02


def test_a_refusal_keeps_no_frames_alive() -> None:
    """An exception holds its traceback, and with it every local of the request; the journal must not."""

    class Local:
        pass

    def refused() -> tuple[ApiError, weakref.ref[Local]]:
        local = Local()
        try:
            try:
                raise KeyError("inner")
            except KeyError as inner:
                raise BadRequest("no", rule="test-failed") from inner
        except BadRequest as error:
            return error, weakref.ref(local)

    error, local = refused()
    journal = journal_of(refusal(error, []))
    gc.collect()
    assert local() is None
    assert next(iter(journal)).story.refusal is error


def test_threads_append_while_others_read() -> None:
    """No exchange is lost or counted twice, and each thread's come in its own order."""
    journal = Journal(10_000, 1 << 26)
    barrier = threading.Barrier(5)
    reading = threading.Event()

    def write(writer: int) -> None:
        barrier.wait()
        for number in range(500):
            journal.append(exchange(id=f"{writer}-{number}"))

    def read() -> None:
        barrier.wait()
        while not reading.is_set():
            entries = journal.entries()
            assert len({entry.id for entry in entries}) == len(entries)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
        reader = threading.Thread(target=read)
        for thread in (*writers, reader):
            thread.start()
        for thread in writers:
            thread.join()
        reading.set()
        reader.join()
    finally:
        sys.setswitchinterval(interval)
    assert (len(journal), journal.total, journal.dropped) == (2000, 2000, 0)
    assert journal.bytes_used == sum(map(stored_bytes, journal))
    for writer in range(4):
        mine = [entry.id for entry in journal if entry.id.startswith(f"{writer}-")]
        assert mine == [f"{writer}-{number}" for number in range(500)]


# -- the budget of all worlds ----------------------------------------------------------------------------------------


def test_the_largest_journal_gives_way_and_the_others_keep_everything() -> None:
    """A world under load can't make another world's verification fail."""
    budget = Budget(400_000)
    quiet, busy = Journal(10_000, 1 << 26, budget), Journal(10_000, 1 << 26, budget)
    for _ in range(5):
        quiet.append(exchange())
    for _ in range(1000):
        busy.append(exchange())
    assert (len(quiet), quiet.dropped) == (5, 0)
    assert busy.dropped > 0
    assert len(busy) > 50
    assert quiet.bytes_used + busy.bytes_used == budget.used <= budget.max_bytes


def test_a_forgotten_journal_gives_its_bytes_back() -> None:
    """A world that is evicted takes its journal along without telling anyone."""
    budget = Budget(100_000)
    for _ in range(20):
        world = Journal(10_000, 1 << 26, budget)
        for _ in range(30):
            world.append(exchange())
        assert len(world) == 30
    assert budget.used <= budget.max_bytes


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 800)), max_size=60), st.integers(500, 40_000))
def test_all_journals_together_stay_within_the_budget(appends: list[tuple[int, int]], max_bytes: int) -> None:
    """Whoever appends whatever, the sum is right and never too large; clearing gives back."""
    budget = Budget(max_bytes)
    journals = [Journal(20, 1 << 20, budget) for _ in range(4)]
    for world, size in appends:
        journals[world].append(exchange(body=b"x" * size, answer_body=b"", before=None, after=None))
        assert sum(journal.bytes_used for journal in journals) == budget.used <= max_bytes
    for journal in journals:
        assert journal.bytes_used == sum(map(stored_bytes, journal))
        journal.clear()
    assert budget.used == 0


# -- redaction -------------------------------------------------------------------------------------------------------

STAMP = "2024-05-01T10:00:00Z"
HMAC = f"PNAUTHINFO3-HMAC-SHA256 Credential=John.Doe/{STAMP}"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param(f"{HMAC} Signature=c2VjcmV0", f"{HMAC} Signature=[redacted]", id="as-documented"),
        pytest.param(f"{HMAC}, Signature=c2VjcmV0", f"{HMAC}, Signature=[redacted]", id="with-a-comma"),
        pytest.param(f"{HMAC} signature=c2VjcmV0", f"{HMAC} signature=[redacted]", id="lower-case-name"),
        pytest.param(f"{HMAC} Sig=c2VjcmV0", f"{HMAC} [redacted]", id="misspelt-name"),
        pytest.param(f"{HMAC} c2VjcmV0", f"{HMAC} [redacted]", id="no-name"),
        pytest.param(f"{HMAC}", f"{HMAC} [redacted]", id="no-signature"),
        pytest.param(f"{HMAC}c2VjcmV0", "PNAUTHINFO3-HMAC-SHA256 [redacted]", id="no-space"),
        pytest.param(
            f"PNAUTHINFO3-HMAC-SHA256 Signature=c2VjcmV0 Credential=John.Doe/{STAMP}",
            "PNAUTHINFO3-HMAC-SHA256 [redacted]",
            id="other-order",
        ),
        pytest.param(
            "PNAUTHINFO3-HMAC-SHA256 Credential=John.Doe/1714557600 Signature=c2VjcmV0",
            "PNAUTHINFO3-HMAC-SHA256 Credential=John.Doe/1714557600 Signature=[redacted]",
            id="not-iso-8601",
        ),
        pytest.param(
            f"PNAUTHINF-SHA1 Credential=a b/c/{STAMP} Signature=c2VjcmV0",
            f"PNAUTHINF-SHA1 Credential=a b/c/{STAMP} Signature=[redacted]",
            id="unknown-scheme",
        ),
        pytest.param("Bearer mpt1.abc.def", "Bearer [redacted]", id="bearer"),
        pytest.param("basic dTpw", "basic [redacted]", id="basic"),
        pytest.param("Basic", "Basic", id="scheme-alone"),
        pytest.param("c2VjcmV0", "[redacted]", id="a-bare-secret"),
        pytest.param("c2VjcmV0 c2VjcmV0", "[redacted]", id="secrets"),
        pytest.param("", "[redacted]", id="blank"),
    ],
)
def test_authorization_keeps_scheme_and_credential(sent: str, kept: str) -> None:
    """What a person needs to see who signed and when stays; the signature, under whatever name, goes."""
    [entry] = journal_of(exchange(headers=(("authorization", sent),)))
    assert entry.headers == (("authorization", kept),)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("X-Mock-Admin-Token", "[redacted]"),
        ("x-admin-token", "[redacted]"),
        ("Cookie", "[redacted]"),
        ("Proxy-Authorization", "[redacted]"),
        ("X-Api-Key", "[redacted]"),
        ("X-Client-Secret", "[redacted]"),
        ("X-Signature", "[redacted]"),
        ("Accept", "value"),
        ("X-Correlation-Id", "value"),
    ],
)
def test_headers_that_hold_a_secret_by_their_name_lose_it(name: str, kept: str) -> None:
    """A token in a header of its own is a token too."""
    [entry] = journal_of(exchange(headers=((name, "value"),)))
    assert entry.headers == ((name, kept),)


@pytest.mark.parametrize(
    ("request_line", "sent", "kept"),
    [
        pytest.param(
            "POST /oauth/token",
            "grant_type=client_credentials&client_id=app&client_secret=s3cret&scope=ACME%2FJohn",
            "grant_type=client_credentials&client_id=app&client_secret=[redacted]&scope=ACME%2FJohn",
            id="form",
        ),
        pytest.param("POST /oauth/token", "client%5Fsecret=s3cret", "client%5Fsecret=[redacted]", id="encoded-name"),
        pytest.param("POST /oauth/token", '{"client_secret": "s3cret"}', "[redacted]", id="json-instead"),
        pytest.param("POST /oauth/token", "client_id=a\nclient_secret=s3cret", "[redacted]", id="lines-instead"),
        pytest.param("POST /oauth/token", "key=s3cret", "[redacted]", id="unknown-field"),
        pytest.param("POST /oauth/tokens", "client_secret=s3cret", "client_secret=[redacted]", id="wrong-url"),
        pytest.param("PATCH /oauth/token", "client_secret=s3cret", "client_secret=[redacted]", id="wrong-method"),
        pytest.param(f"PATCH {TARGET}", '[{"path":"/client_secret"}]', '[{"path":"/client_secret"}]', id="a-patch"),
        pytest.param(f"PUT {TARGET}", '[{"op":"add"}]', '[{"op":"add"}]', id="harmless-body"),
    ],
)
def test_bodies_lose_the_credentials_of_a_token_request(request_line: str, sent: str, kept: str) -> None:
    """Of a token request only what is public stays; a patch stays as it was sent."""
    method, _, target = request_line.partition(" ")
    [entry] = journal_of(exchange(method=method, target=target, body=sent.encode()))
    assert entry.body.decode() == kept


def test_the_token_that_is_answered_is_not_kept() -> None:
    """A bearer token in the journal would let its reader act for the user."""
    answer = b'{"access_token": "mpt1.abc.def","token_type":"bearer"}'
    [entry] = journal_of(exchange(method="POST", target="/Profiles/oauth/token", answer_body=answer))
    assert orjson.loads(entry.answer_body) == {"access_token": "[redacted]", "token_type": "bearer"}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("/x?access_token=abc&a=1", "/x?access_token=[redacted]&a=1"),
        ("/x?client%5Fsecret=abc", "/x?client%5Fsecret=[redacted]"),
        ("/x?a=token&b", "/x?a=token&b"),
        (TARGET, TARGET),
    ],
)
def test_queries_lose_their_secrets(sent: str, kept: str) -> None:
    """RFC 6750 lets a token travel in the URL."""
    [entry] = journal_of(exchange(target=sent))
    assert entry.target == kept


MANGLED: list[Callable[[str, str], str]] = [
    lambda header, signature: header,
    lambda header, signature: header.lower().replace(signature.lower(), signature),
    lambda header, signature: header.replace(" Signature=", ", Signature="),
    lambda header, signature: header.replace(" Signature=", " Sig="),
    lambda header, signature: header.replace(" Signature=", " Signature: "),
    lambda header, signature: header.replace(" Signature=", "\tSignature="),
    lambda header, signature: header.replace(" Signature=", " "),
    lambda header, signature: header.replace(" Signature=", ""),
    lambda header, signature: header.replace(" Signature=", f" {signature} Signature="),
    lambda header, signature: header.replace(" Credential=", f" Signature={signature} Credential="),
    lambda header, signature: header.replace(" ", "  "),
    lambda header, signature: header.partition(" ")[2],
    lambda header, signature: signature,
    lambda header, signature: f"Bearer {signature}",
    lambda header, signature: f"PNAUTHINFO3-HMAC-SHA256 {signature}",
]
# Marked, so that no secret is by chance a word of ours.
secrets = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=9, max_size=45).map(
    "zqx{}".format
)


def everything_shown(entry: Exchange) -> Iterator[str]:
    yield repr(entry)
    yield orjson.dumps(entry_json(entry, TREE)).decode()
    yield orjson.dumps(har([entry])).decode()
    yield curl_text(entry, "http://localhost")


@settings(deadline=None)
@given(
    mangle=st.sampled_from(MANGLED),
    user=st.text("abc./ @", min_size=1, max_size=10),
    secret=secrets,
    algorithm=st.sampled_from(ALGORITHMS),
    keyed=st.booleans(),
)
def test_no_signature_is_ever_shown(
    mangle: Callable[[str, str], str], user: str, secret: str, algorithm: str, keyed: bool
) -> None:
    """However wrongly a signature is sent, nothing made from the journal contains it."""
    header = sign("ACME", user, secret, STAMP, algorithm=algorithm, keyed=keyed)
    signature = header.rpartition("Signature=")[2]
    [entry] = journal_of(exchange(headers=(("Authorization", mangle(header, signature)),)))
    for text in everything_shown(entry):
        assert signature not in text
        assert signature.rstrip("=") not in text


@settings(deadline=None)
@given(
    secret=secrets,
    others=st.lists(st.sampled_from(["grant_type=client_credentials", "client_id=app", "scope=ACME%2FJohn"])),
    name=st.sampled_from(["client_secret", "client%5Fsecret", "CLIENT_SECRET", "+client_secret", "Password"]),
    at=st.integers(0, 3),
)
def test_no_client_secret_is_ever_shown(secret: str, others: list[str], name: str, at: int) -> None:
    """Wherever the form has it, and in the Basic header too, it is gone."""
    body = "&".join([*others[:at], f"{name}={quote(secret)}", *others[at:]]).encode()
    basic = b64encode(f"app:{secret}".encode()).decode()
    sent = exchange(
        method="POST",
        target=f"/oauth/token?{urlencode({'client_secret': secret})}",
        headers=(("authorization", f"Basic {basic}"), ("x-admin-token", secret)),
        body=body,
        answer_body=orjson.dumps({"access_token": secret}),
    )
    [entry] = journal_of(sent)
    for text in everything_shown(entry):
        assert secret not in text
        assert basic not in text
        assert b64encode(secret.encode()).decode().rstrip("=")[:-2] not in text
