"""The life of profiles: random sequences of every operation, held against a small model of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import orjson
import pytest

from mockserver.errors import UsageError
from mockserver.journal.query import verify
from mockserver.journal.view import mock_json
from mockserver.service.assembly import Mock
from tests.conftest import Client

SEQUENCES = int(os.environ.get("LIFE_SEQUENCES", "500"))
STEPS = 14
IDS = ("C-000417", "c-2", "a", "A", "b", "x")
ENTRY = "AlternateIds"


class Model:
    """Profiles as a dictionary by ProfileId."""

    def __init__(self) -> None:
        zoe = ["c-000417", "0035e00000xyz1aaaf", "9876543210"]
        self.profiles: dict[int, dict[str, Any]] = {
            70012345: {"ids": zoe, "active": True, "type": "Customer", "consents": 2, "tags": 4},
            2: {"ids": ["c-2"], "active": True, "type": "Customer", "consents": 0, "tags": 0},
        }
        self.next = 70012346

    def found(self, name: str | int) -> int | None:
        if isinstance(name, int):
            return name if name in self.profiles else None
        owner = self.owner(name)
        return owner if owner is not None and self.profiles[owner]["active"] else None

    def owner(self, name: str) -> int | None:
        return next((number for number, row in self.profiles.items() if name.lower() in row["ids"]), None)

    def patch(self, name: str | int, member: str, value: Any) -> int:
        number = self.found(name)
        if number is None:
            return 404
        profile = self.profiles[number]
        if member == ENTRY:
            if self.owner(value) not in (None, number):
                return 400
            profile["ids"] = [value.lower()]
        else:
            profile[{"IsActive": "active", "CustomerType": "type"}[member]] = value
        return 200

    def live(self, number: int, active: bool) -> int:
        if number not in self.profiles:
            return 404
        self.profiles[number]["active"] = active
        return 200

    def delete(self, number: int) -> int:
        return 404 if self.profiles.pop(number, None) is None else 204

    def create(self, name: str, active: bool) -> int:
        if self.owner(name) is not None:
            return 400
        row = {"ids": [name.lower()], "active": active, "type": "Customer", "consents": 0, "tags": 1}
        self.profiles[self.next] = row
        self.next += 1
        return 201

    def consent(self, number: int) -> int:
        if number not in self.profiles:
            return 404
        self.profiles[number]["consents"] += 1
        return 201


class Api:
    """The calls of the API in one world."""

    def __init__(self, client: Client, world: str) -> None:
        self.client = client
        self.world = world

    def __call__(self, method: str, path: str, document: Any = None) -> tuple[int, Any]:
        data = b"" if document is None else orjson.dumps(document)
        target = f"/ACME01/{path}"
        status, _, body = self.client(data, target=target, method=method, x_mock_namespace=self.world)
        return status, orjson.loads(body) if body else None


def place_of(name: str | int) -> str:
    return f"Profile/{name}" if isinstance(name, int) else f"Profile/AlternateIdType/CRM/AlternateId/{name}"


def entry(name: str) -> list[dict[str, str]]:
    return [{"AlternateIdType": "CRM", "AlternateId": name}]


def step(draw: Random, model: Model, api: Api) -> tuple[int, int]:
    """Do one thing in both; return what the model and the mock say of it."""
    name, number = draw.choice(IDS), draw.choice([70012345, 2, 70012346, 70012347])
    some: str | int = name if draw.random() < 0.5 else number
    kind = draw.randrange(7)
    if kind == 0:
        return (404 if model.found(some) is None else 200), api("GET", place_of(some))[0]
    if kind == 1:
        choices: list[tuple[str, Any]] = [("IsActive", draw.random() < 0.5), ("CustomerType", "Gold"), (ENTRY, name)]
        member, value = draw.choice(choices)
        written = entry(name) if member == ENTRY else value
        patch = [{"op": "replace", "path": f"/{member}", "value": written}]
        return model.patch(some, member, value), api("PATCH", place_of(some), patch)[0]
    if kind in (2, 3):
        call = ("Deactivate", "Activate")[kind - 2]
        return model.live(number, kind == 3), api("POST", f"Profile/{number}/{call}")[0]
    if kind == 4:
        return model.delete(number), api("DELETE", f"Profile/{number}")[0]
    if kind == 5:
        active = draw.random() < 0.7
        document = {"AlternateIds": entry(name), "IsActive": active, "ProfileTags": [{"Name": "New"}]}
        return model.create(name, active), api("POST", "Profile", document)[0]
    consent = {"ConsentType": "M", "ConsentVersion": "1", "Locale": "en-US", "ConsentStatus": draw.randint(1, 4)}
    return model.consent(number), api("POST", f"Consents/{number}", {"Consents": [consent]})[0]


def differences(seed: int, client: Client) -> Iterator[str]:
    """Yield where the mock is not what the model says, after each step and at the end."""
    draw, model, api = Random(seed), Model(), Api(client, f"life-{seed}")
    for number in range(STEPS):
        wanted, got = step(draw, model, api)
        if wanted != got:
            yield f"sequence {seed}, step {number}: {got} instead of {wanted}"
    for number in (70012345, 2, *range(70012346, 70012346 + STEPS)):
        status, profile = api("GET", f"Profile/{number}")
        if status != 200 or number not in model.profiles:
            if (status == 200) != (number in model.profiles):
                yield f"sequence {seed}: {number} answers {status}"
            continue
        shown = {"ids": [row["AlternateId"].lower() for row in profile[ENTRY]], "active": profile["IsActive"],
                 "type": profile["CustomerType"], "consents": len(profile["Consents"] or ()),
                 "tags": len(profile["ProfileTags"] or ())}  # fmt: skip
        if shown != model.profiles[number]:
            yield f"sequence {seed}: {number} is {shown} instead of {model.profiles[number]}"
    counted = sum(row["Count"] for row in api("GET", "Tags")[1]["TagCounts"])
    if counted != sum(row["tags"] for row in model.profiles.values()):
        yield f"sequence {seed}: {counted} tags"


def test_the_mock_does_what_the_model_does(make_mock: Callable[..., Mock]) -> None:
    client = Client(make_mock(journal_entries=0))
    assert [row for seed in range(SEQUENCES) for row in differences(seed, client)] == []


def test_on_redis_too(on_redis: Callable[..., Mock]) -> None:
    client = Client(on_redis(journal_entries=0))
    assert [row for seed in range(SEQUENCES // 25) for row in differences(seed, client)] == []


@pytest.fixture(params=["memory", "redis"])
def api(request: pytest.FixtureRequest) -> Api:
    make = request.getfixturevalue("make_mock" if request.param == "memory" else "on_redis")
    return Api(Client(make()), "w")


def test_a_reason_is_kept_and_erased_and_never_returned(api: Api) -> None:
    """Activate erases it, and so does a patch of /IsActive."""

    def stored() -> Any:
        body = api.client.mock.worlds.get("w").profiles.read(("acme01", "", "2"))
        return orjson.loads(body or b"{}").get("ReasonCode")

    for activate in (("POST", "Profile/2/Activate", None),
                     ("PATCH", "Profile/2", [{"op": "replace", "path": "/IsActive", "value": True}])):  # fmt: skip
        assert api("POST", "Profile/2/Deactivate", {"Reason": "Moved away"})[0] == 200
        assert "ReasonCode" not in api("GET", "Profile/2")[1]
        assert stored() == "Moved away"
        assert api("PATCH", "Profile/2", [{"op": "test", "path": "/ReasonCode", "value": "Moved away"}])[0] == 200
        assert api(*activate)[0] == 200
        assert stored() is None


def test_a_number_is_never_given_twice(api: Api) -> None:
    """Not even that of a profile which is gone; one that was put by hand is passed over."""
    numbers = [api("POST", "Profile", {})[1]["ProfileId"]]
    api("DELETE", f"Profile/{numbers[0]}")
    body = orjson.dumps({"ProfileId": numbers[0] + 2, "AlternateIds": entry("put")})
    api.client.mock.worlds.get("w").profiles.put("acme01", body, [("crm", "put"), ("", str(numbers[0] + 2))])
    numbers += [api("POST", "Profile", {})[1]["ProfileId"] for _ in range(2)]
    assert len({*numbers, numbers[0] + 2}) == 4


def test_a_refused_creation_leaves_nothing(api: Api) -> None:
    taken = {"AlternateIds": [*entry("fresh"), *entry("C-2")]}
    assert api("POST", "Profile", taken)[0] == 400
    assert api("GET", place_of("fresh"))[0] == 404


def test_a_snapshot_holds_a_whole_life(api: Api) -> None:
    profiles = api.client.mock.worlds.get("w").profiles
    api("POST", "Profile/2/Deactivate")
    kept = profiles.snapshot()
    api("DELETE", "Profile/2")
    profiles.restore(kept)
    assert (api("GET", "Profile/2")[0], api("GET", place_of("C-2"))[0]) == (200, 404)
    profiles.reset()
    assert api("GET", place_of("C-2"))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "document", "reason"),
    [
        ("POST", "Profile/2/Deactivate", {"Reason": "x" * 257}, "value-too-long"),
        ("POST", "Profile/2/Deactivate", ["x"], "document-unfit"),
        ("POST", "Profile/99/Deactivate", None, "profile-unknown"),
        ("GET", "Profile/two", None, "profile-id-not-a-number"),
        ("PATCH", "Profile/two", [], "profile-id-not-a-number"),
        ("POST", "Profile", None, "document-missing"),
        ("POST", "Profile", [], "document-unfit"),
        ("POST", "Profile", {"IsActive": "maybe"}, "document-unfit"),
        ("POST", "Profile", {"CustomerType": "x" * 101}, "value-too-long"),
        ("POST", "Profile", {"consents": [{}]}, "consents-on-create"),
        ("POST", "Consents/2", {"Consents": []}, "document-unfit"),
        ("POST", "Consents/2", {"Consents": [{"ConsentStatus": 1}]}, "member-required"),
    ],
    ids=lambda value: None if isinstance(value, (dict, list)) else value,
)
def test_what_can_t_be_done_is_refused(
    call: Callable[..., Client], method: str, path: str, document: Any, reason: str
) -> None:
    """And changes nothing."""
    client = call()
    data = b"" if document is None else orjson.dumps(document)
    status, headers, _ = client(data, method=method, target=f"/ACME01/{path}")
    assert (status in (400, 404), headers["X-Mock-Explain"]) == (True, reason)
    assert client.mock.worlds.default.profiles.changed_count == 0


@pytest.mark.parametrize(
    ("date", "shown"),
    [
        pytest.param("2026-01-01T00:00:00", "2026-01-01T05:00:00.000Z", id="eastern-in-winter"),
        pytest.param("2026-07-01T00:00:00.1234567", "2026-07-01T04:00:00.123Z", id="eastern-in-summer"),
        pytest.param("2026-01-01T00:00:00+01:00", "2025-12-31T23:00:00.000Z", id="offset"),
        pytest.param("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z", id="utc"),
    ],
)
def test_a_consents_date_is_kept_in_utc(call: Callable[..., Client], date: str, shown: str) -> None:
    api = Api(call(), "w")
    consent = {"ConsentType": "M", "ConsentVersion": "1", "Locale": "en-US", "ConsentStatus": 2, "ConsentDate": date}
    assert api("POST", "Consents/2", {"Consents": [consent]})[0] == 201
    [kept] = api("GET", "Profile/2")[1]["Consents"]
    assert (kept["ConsentDate"], kept["ConsentStatus"]) == (shown, "Denied")


def test_an_inactive_profile_can_be_found_by_a_setting(call: Callable[..., Client]) -> None:
    api = Api(call(inactive="found"), "w")
    api("POST", "Profile/2/Deactivate")
    assert (api("GET", place_of("C-2"))[0], api("PATCH", place_of("C-2"), [])[0]) == (200, 200)


def test_the_404_of_an_inactive_profile_says_how_to_bring_it_back(call: Callable[..., Client]) -> None:
    client = call(unknown_profile=400)
    client(b"", method="POST", target="/ACME01/Profile/2/Deactivate")
    status, headers, _ = client(b"[]", target=f"/ACME01/{place_of('C-2')}")
    assert (status, headers["X-Mock-Explain"]) == (400, "profile-inactive")
    story = [entry.story for entry in client.mock.worlds.default.journal][-1].sentence(client.mock.tree)
    assert "ProfileId 2" in story
    assert "POST /ACME01/Profile/2/Activate" in story


def test_the_404_advises_no_call_that_is_not_served(call: Callable[..., Client]) -> None:
    """With the PATCH alone there is no Activate."""
    client = call(operations="patch")
    client(b'[{"op": "replace", "path": "/IsActive", "value": false}]', target=f"/ACME01/{place_of('C-2')}")
    client(b"[]", target=f"/ACME01/{place_of('C-2')}")
    story = [entry.story for entry in client.mock.worlds.default.journal][-1].sentence(client.mock.tree)
    assert "/Activate" not in story
    assert "Start with --inactive found." in story


def test_an_unknown_profile_id_names_the_nearest_one(call: Callable[..., Client]) -> None:
    client = call()
    client(b"", method="GET", target="/ACME01/Profile/22")
    story = [entry.story for entry in client.mock.worlds.default.journal][-1].sentence(client.mock.tree)
    assert "Did you mean ProfileId 2?" in story


def test_a_broken_connection_changes_nothing(call: Callable[..., Client]) -> None:
    """A fault before the commit, which lets the answer be made."""
    for method, path in (("POST", "Profile"), ("DELETE", "Profile/2"), ("POST", "Profile/2/Deactivate")):
        client = call()
        target = f"/ACME01/{path}"
        client(b"{}", method=method, target=target, x_mock_fault="truncate")
        assert client.mock.worlds.default.profiles.changed_count == 0


def test_a_fault_may_be_about_one_operation(call: Callable[..., Client]) -> None:
    """Without a name it strikes every operation; a name that the server lacks is refused with the nearest."""
    api = Api(call(fault=("503 operation=deleteprofile",)), "w")
    assert [api("GET", "Profile/2")[0], api("DELETE", "Profile/2")[0], api("GET", "Profile/2")[0]] == [200, 503, 200]
    every = Api(call(fault=("503",)), "w")
    assert {every("GET", "Profile/2")[0], every("GET", "Tags")[0], every("POST", "Profile", {})[0]} == {503}
    with pytest.raises(UsageError, match="deleteProfile"):
        call(fault=("503 operation=deleteProfil",))
    with pytest.raises(UsageError, match="patchProfileByAlternateId"):
        call(fault=("503 operation=deleteProfile",), operations="patch")


@pytest.mark.parametrize("event", ["created", "deactivated", "activated", "deleted"])
def test_an_event_says_what_became_of_a_profile(call: Callable[..., Client], event: str) -> None:
    """Known by its alternate id, although the requests name its ProfileId or nothing."""
    api = Api(call(), "w")
    number = api("POST", "Profile", {"AlternateIds": entry("new")})[1]["ProfileId"]
    api("PATCH", f"Profile/{number}", [{"op": "replace", "path": "/IsActive", "value": False}])
    api("POST", f"Profile/{number}/Activate")
    api("DELETE", f"Profile/{number}")
    mock = api.client.mock
    spec = {"event": {"profile": "CRM/new", "became": event}, "exactly": 1}
    assert verify(spec, mock.worlds.get("w").journal, mock.tree).passed


def test_an_event_that_can_t_be_is_refused(call: Callable[..., Client]) -> None:
    with pytest.raises(UsageError, match="deleted"):
        verify({"event": {"became": "deletd"}}, [], call().mock.tree)


def test_the_journal_names_a_profile_by_its_number(call: Callable[..., Client]) -> None:
    api = Api(call(), "w")
    api("DELETE", "Profile/2")
    [exchange] = api.client.mock.worlds.get("w").journal
    shown = mock_json(exchange, api.client.mock.tree)
    assert (shown["profile"], shown["changes"][0]["after"]) == ({"client": "ACME01", "profileId": "2"}, None)
