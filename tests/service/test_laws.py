"""Laws that hold for every patch: all or nothing, no 5xx, the contract kept, JSON says what XML says, worlds apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver.formats.xml_read import PATCH_NAMESPACE, PATCH_ROOT
from mockserver.profile.conformance import problems
from tests.conftest import Client

pytestmark = pytest.mark.slow
EXAMPLES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
ROOTS = ["ProfileId", "Edited", "Addresses", "PhoneNumbers", "Consents", "IsActive", "RegistrationConfirmed",
         "DefaultLocale", "CustomerType", "PreservePreferences", "CustomerName", "AlternateIds", "Emails", "Groups",
         "ProfileTags", "CustomFields", "ReasonCode"]  # fmt: skip
LEAVES = ["EmailAddress", "IsDefault", "FirstName", "PhoneNumberNumeric", "Name", "Value", "AlternateId", "CreatedBy"]
INDICES = ["0", "1", "2", "3", "9", "-", "-1", "01", "+1", "x", ""]

segments = st.sampled_from([*ROOTS, *LEAVES, *INDICES, "~1", "~2", "Missing", "isactive"]) | st.text(max_size=5)
likely = st.builds(
    lambda root, rest: "/".join(["", root, *rest]),
    st.sampled_from(ROOTS),
    st.lists(st.sampled_from([*INDICES[:6], *LEAVES]), max_size=2),
)
paths = likely | st.lists(segments, max_size=4).map(lambda parts: "/" + "/".join(parts)) | st.text(max_size=12)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20) | st.sampled_from(["true", "2024-01-05T10:00:00.000Z", "12", "x" * 120, "\ud800"])
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*LEAVES, "$ref", "$id"]), inner, max_size=3)
    ),
    max_leaves=6,
)
names = st.sampled_from(
    ["add", "replace", "remove", "test", "add", "replace", "remove", "move", "copy", "ADD", "7", "x"]
)
operations = st.fixed_dictionaries({}, optional={"op": names, "path": paths, "value": values, "from": paths})
documents = st.lists(operations, max_size=6)


def sent(document: Any) -> bytes:
    import json

    return json.dumps(document).encode()


@pytest.fixture(scope="module")
def client(make_mock: Callable[..., Any]) -> Client:
    return Client(make_mock(journal_entries=0))


@EXAMPLES
@given(documents)
def test_vendor_laws(client: Client, document: list[dict[str, Any]]) -> None:
    """Never a 5xx; after a refusal nothing changed; after a 200 the profile obeys the contract."""
    client.mock.worlds.default.reset()
    before = client.profile()
    other = client.mock.worlds.default.profiles.read(("acme01", "crm", "c-2"))
    status, _, body = client(sent(document))
    assert status in (200, 400), body
    # A patch may remove the very id that the URL uses: then the profile is looked up by its slot.
    stored = [orjson.loads(raw) for _, raw in client.mock.worlds.default.profiles.items()]
    if status == 200:
        answered = orjson.loads(body)
        assert list(problems(answered, client.mock.tree.root)) == []
        assert list(answered) == list(before)
        assert answered["ProfileId"] == before["ProfileId"]
        assert answered["Consents"] == before["Consents"]
    else:
        assert before in stored
    assert client.mock.worlds.default.profiles.read(("acme01", "crm", "c-2")) == other


@EXAMPLES
@given(documents)
def test_library_is_atomic_too(make_mock: Callable[..., Any], client: Client, document: list[dict[str, Any]]) -> None:
    """Whatever the library does half, the stored profile never is."""
    library = _library(make_mock)
    library.mock.worlds.default.reset()
    before = library.mock.worlds.default.profiles.read(("acme01", "crm", "c-000417"))
    status, _, _ = library(sent(document))
    assert status in (200, 400, 500)
    if status != 200:
        assert library.mock.worlds.default.profiles.read(("acme01", "crm", "c-000417")) == before


_clients: dict[str, Client] = {}


def _library(make_mock: Callable[..., Any]) -> Client:
    if "library" not in _clients:
        _clients["library"] = Client(make_mock(dialect="library", journal_entries=0))
    return _clients["library"]


plain = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=12)
typed = st.sampled_from(["/CustomerType", "/CustomerName/FirstName", "/Emails/0/EmailAddress"]).flatmap(
    lambda path: st.tuples(st.sampled_from(["add", "replace", "test"]), st.just(path), plain)
) | st.sampled_from(["/IsActive", "/Emails/1/IsDefault"]).flatmap(
    lambda path: st.tuples(st.sampled_from(["add", "replace", "test"]), st.just(path), st.booleans())
)


@EXAMPLES
@given(st.lists(typed, max_size=4))
def test_json_says_what_xml_says(client: Client, rows: list[tuple[str, str, Any]]) -> None:
    """The same operations get the same answer in either format."""
    as_xml = "".join(
        f"<OperationOfUserProfile><op>{op}</op><path>{path}</path>"
        f"<value>{escape(value) if isinstance(value, str) else str(value).lower()}</value></OperationOfUserProfile>"
        for op, path, value in rows
    )
    xml = f'<{PATCH_ROOT} xmlns="{PATCH_NAMESPACE}"><Operations>{as_xml}</Operations></{PATCH_ROOT}>'
    answers = []
    for body, content_type in (
        (sent([{"op": op, "path": path, "value": value} for op, path, value in rows]), "application/json"),
        (xml.encode(), "application/xml"),
    ):
        client.mock.worlds.default.reset()
        client.mock.worlds.default.clock.freeze(client.mock.started_at)
        status, _, answer = client(body, content_type=content_type, accept="application/json")
        answers.append((status, answer))
    assert answers[0] == answers[1]


@EXAMPLES
@given(st.lists(st.tuples(st.sampled_from(["w1", "w2"]), documents), max_size=6))
def test_worlds_do_not_interact(client: Client, steps: list[tuple[str, list[dict[str, Any]]]]) -> None:
    """Any interleaving of two worlds gives each what it gives alone."""
    worlds = client.mock.worlds

    def run(wanted: set[str]) -> dict[str, list[Any]]:
        for name in ("w1", "w2"):
            worlds.get(name).reset()
            worlds.get(name).clock.freeze(client.mock.started_at)
        seen: dict[str, list[Any]] = {"w1": [], "w2": []}
        for name, document in steps:
            if name in wanted:
                status, _, body = client(sent(document), x_mock_namespace=name)
                seen[name].append((status, body))
        return seen

    together = run({"w1", "w2"})
    assert together["w1"] == run({"w1"})["w1"]
    assert together["w2"] == run({"w2"})["w2"]
