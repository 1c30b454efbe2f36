"""Fixtures and settings read again: all or nothing, and told."""

from __future__ import annotations

import gc
import json
import os
import re
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mockserver.errors import UsageError
from mockserver.fixtures.fixture_set import KeyIndex
from mockserver.profile.keys import Key
from mockserver.service import reload as reload_module
from mockserver.service.assembly import Mock, assemble
from mockserver.service.reload import Reading, Reload
from mockserver.settings import FIELDS, Settings, load_settings
from mockserver.web.app import create_app
from tests.fixtures.directories import CLIENTS, ROOT, minimal, write

FILE = "profiles/ACME01/a.json"
CONFIG = "dialect = 'vendor'\nport = 8080\n"


@pytest.fixture
def mock(tmp_path: Path) -> Mock:
    (tmp_path / "mockserver.toml").write_text(CONFIG)
    return assemble(Settings(fixtures=write(tmp_path / "fixtures", {FILE: minimal(CustomerType="old")}), auth="off"))


@pytest.fixture
def reload(mock: Mock, tmp_path: Path) -> Reload:
    config, flags = tmp_path / "mockserver.toml", {"fixtures": mock.settings.fixtures, "auth": "off"}
    return Reload(mock, lambda: load_settings(flags, {}, config), config)


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def customer_type(mock: Mock, identifier: str = "c-1", world: str | None = None) -> Any:
    found = mock.worlds.get(world).profiles.read(("acme01", "crm", identifier))
    return None if found is None else json.loads(found)["CustomerType"]


def test_an_edit_is_seen_in_every_world(mock: Mock, reload: Reload) -> None:
    mock.worlds.create("w")
    write(mock.settings.fixtures, {FILE: minimal(CustomerType="new"), "profiles/ACME01/b.json": minimal(2)})
    outcome = reload.run()
    assert (outcome.status, outcome.profiles) == ("reloaded", {"added": 1, "changed": 1, "removed": 0})
    worlds = (None, "w", "made-later")
    assert [customer_type(mock, world=world) for world in worlds] == ["new"] * 3
    assert [customer_type(mock, "c-2", world) for world in worlds] == ["Customer"] * 3


def test_a_broken_edit_changes_nothing_and_says_what_to_write(
    mock: Mock, reload: Reload, caplog: pytest.LogCaptureFixture
) -> None:
    """All files count as one: the good edit beside the broken one is not taken either."""
    write(mock.settings.fixtures, {FILE: minimal(CustomerType="new"), "profiles/ACME01/b.json": minimal(2, Emails=5)})
    outcome = reload.run()
    (problem,) = outcome.problems
    assert (outcome.status, Path(problem["file"]).name, problem["place"]) == ("refused", "b.json", "/Emails")
    assert problem["hint"]
    assert "b.json: /Emails" in caplog.text
    assert (customer_type(mock), customer_type(mock, "c-2")) == ("old", None)


def test_without_an_edit_nothing_is_swapped(mock: Mock, reload: Reload) -> None:
    fixtures, service = mock.fixtures, mock.service
    assert reload.run().status == "unchanged"
    assert (mock.fixtures, mock.service) == (fixtures, service)
    assert mock.service is service


def test_a_clash_names_both(mock: Mock, reload: Reload) -> None:
    entry = {"AlternateIdType": "CRM", "AlternateId": "mine"}
    body = json.dumps(minimal(77, AlternateIds=[entry])).encode()
    mock.worlds.get("w").profiles.put("acme01", body, [("crm", "mine")])
    write(mock.settings.fixtures, {"profiles/ACME01/b.json": minimal(5, AlternateIds=[entry])})
    told = {"world": "w", "what": "alternate id acme01/crm/mine", "world_profile": 77, "fixture_profile": 5}
    assert reload.run().clashes == [told]


def test_settings_that_can_change_do_and_others_are_named(mock: Mock, reload: Reload, tmp_path: Path) -> None:
    (tmp_path / "mockserver.toml").write_text("dialect = 'library'\nport = 9999\n")
    outcome = reload.run()
    assert (outcome.status, outcome.restart) == ("reloaded", ["port"])
    assert (mock.settings.dialect, mock.service.policy.dialect.name, mock.settings.port) == ("library", "library", 8080)


def test_a_broken_setting_changes_nothing(mock: Mock, reload: Reload, tmp_path: Path) -> None:
    (tmp_path / "mockserver.toml").write_text("dialekt = 'library'\n")
    (problem,) = reload.run().problems
    assert problem["file"].endswith("mockserver.toml:1: dialekt")
    assert "dialect" in problem["hint"]
    assert mock.settings.dialect == "vendor"


def test_leftovers_are_named_and_skipped(mock: Mock, reload: Reload, caplog: pytest.LogCaptureFixture) -> None:
    names = (".a.json.swp", "a.json~", "notes.txt")
    write(mock.settings.fixtures, {f"profiles/ACME01/{name}": "{" for name in names})
    assert tuple(Path(row["file"]).name for row in reload.run().skipped) == names
    assert all(name in caplog.text for name in names)


def test_a_schema_may_be_named(mock: Mock, reload: Reload) -> None:
    write(mock.settings.fixtures, {FILE: {"$schema": "../../profile.schema.json", **minimal(CustomerType="new")}})
    assert reload.run().status == "reloaded"
    assert b"$schema" not in (mock.worlds.default.profiles.read(("acme01", "crm", "c-1")) or b"$schema")


def test_the_reading_that_began_later_stays(mock: Mock, reload: Reload) -> None:
    """A slow one that ends after it is forgotten."""
    slow = reload.read()
    write(mock.settings.fixtures, {FILE: minimal(CustomerType="new")})
    reload.run()
    assert isinstance(slow, Reading)
    assert reload.swap(slow).status == "reloaded"
    assert customer_type(mock) == "new"


def test_a_later_reading_of_the_same_changes_nothing_more(mock: Mock, reload: Reload) -> None:
    """As when somebody asks for one just as the watcher has begun another."""
    write(mock.settings.fixtures, {FILE: minimal(CustomerType="new")})
    first, second = reload.read(), reload.read()
    assert isinstance(first, Reading)
    assert isinstance(second, Reading)
    outcomes = [reload.swap(reading) for reading in (first, second)]
    assert [(one.status, one.profiles["changed"]) for one in outcomes] == [("reloaded", 1), ("unchanged", 0)]


def test_what_an_earlier_reading_found_wrong_is_forgotten(
    mock: Mock, reload: Reload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow one that ends after a later one was good says nothing of what is there now."""

    def interrupted(*given: Any, **named: Any) -> Any:
        monkeypatch.undo()
        write(mock.settings.fixtures, {FILE: minimal(CustomerType="new")})
        reload.run()
        raise UsageError("wrong meanwhile")

    monkeypatch.setattr("mockserver.service.reload.load_fixtures", interrupted)
    assert reload.run().status == "reloaded"
    assert reload.last is not None
    assert (reload.last.status, customer_type(mock)) == ("reloaded", "new")


@pytest.mark.parametrize("path", ["profiles", "profiles/ACME01/CRM/C-1/difference"])
def test_profiles_are_compared_with_one_set_of_fixtures(mock: Mock, path: str) -> None:
    """Others may take its place while a thread does so."""
    app, fixtures = create_app(mock), mock.fixtures

    class Passing(KeyIndex):
        def get(self, key: Key, default: Any = None, /) -> Any:
            mock.fixtures = replace(fixtures, bodies=())
            return fixtures.index.get(key)

    mock.fixtures = replace(fixtures, index=Passing())
    assert app.test_client().get(f"/__admin/{path}").status_code == 200


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="what is held is counted")
@pytest.mark.usefixtures("no_collector")
def test_what_was_read_before_is_let_go(mock: Mock, reload: Reload) -> None:
    """By all that is kept of requests too: with many profiles, two readings would not fit into memory."""
    client, path = create_app(mock, reload=reload).test_client(), "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-"
    for target in (f"{path}1", f"{path}none", "/ACME01/Tags"):
        client.get(target)
    client.patch(f"{path}1", json=[], headers={"Accept": "application/xml"})
    service, index = weakref.ref(mock.service), mock.fixtures.index
    write(mock.settings.fixtures, {FILE: minimal(CustomerType="new")})
    reload.run()
    assert service() is None
    assert sys.getrefcount(index) <= 2  # the name here, and the question


def test_a_snapshot_of_earlier_fixtures_differs_from_the_new_ones(mock: Mock, reload: Reload) -> None:
    client = create_app(mock, reload=reload).test_client()
    client.post("/__admin/snapshots/before")
    write(mock.settings.fixtures, {FILE: minimal(CustomerType="new")})
    reload.run()
    listed = [client.get("/__admin/profiles?changed=true").get_json()["profiles"]]
    client.post("/__admin/snapshots/before/restore")
    listed.append(client.get("/__admin/profiles?changed=true").get_json()["profiles"])
    assert [[row["id"] for row in rows] for rows in listed] == [[], ["C-1"]]


def test_the_page_names_the_settings_that_can_change() -> None:
    page = (ROOT / "docs" / "control-surface.md").read_text()
    (listed,) = re.findall(r"that can change while the server runs do \(([^)]*)\)", page)
    assert re.findall(r"`(\w+)`", listed) == [name for name, row in FIELDS.items() if row.metadata.get("live")]


def test_accounts_follow_although_heads_are_kept(mock: Mock, reload: Reload) -> None:
    """A client that was seen, found and kept is gone with its table, and back with it."""
    client = create_app(mock, reload=reload).test_client()

    def send() -> int:
        target = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-1"
        return client.patch(target, json=[]).status_code

    assert send() == 200
    folder = mock.settings.fixtures / "profiles" / "ACME01"
    os.rename(folder, folder.with_name("GLOBEX"))
    write(mock.settings.fixtures, {"clients.toml": "[clients.GLOBEX]\n"})
    assert client.post("/__admin/reload").get_json()["status"] == "reloaded"
    assert send() == 404
    os.rename(folder.with_name("GLOBEX"), folder)
    write(mock.settings.fixtures, {"clients.toml": CLIENTS})
    assert client.post("/__admin/reload").status_code == 200
    assert send() == 200


def test_the_control_surface_goes_by_what_was_read_last(mock: Mock, reload: Reload, tmp_path: Path) -> None:
    """A new client can be named by a fault, a moved operation fail afterwards, and a larger profile be put."""
    client = create_app(mock, reload=reload).test_client()
    rule, move = {"text": "500 client=INITECH"}, {"text": "500 after-commit op=move"}
    profile = minimal(CustomerName={"FirstName": "x" * 3000})
    (tmp_path / "mockserver.toml").write_text("max_profile = 3000\n")
    reload.run()

    def answers() -> list[int]:
        put = client.put("/__admin/profiles/ACME01/CRM/C-1", json=profile)
        return [client.post("/__admin/faults", json=rule).status_code for rule in (rule, move)] + [put.status_code]

    assert answers() == [422, 422, 422]
    (tmp_path / "mockserver.toml").write_text("dialect = 'library'\n")
    write(mock.settings.fixtures, {"clients.toml": f"{CLIENTS}\n[clients.INITECH]\n"})
    reload.run()
    assert answers() == [201, 201, 200]


def test_a_request_is_told_by_the_settings_it_was_answered_by(mock: Mock, reload: Reload, tmp_path: Path) -> None:
    """Also where the world's clock shows another time than the machine's."""
    client = create_app(mock, reload=reload).test_client()
    copy = {"op": "copy", "from": "/DefaultLocale", "path": "/CustomerType"}
    for dialect in ("library", "rfc6902", "vendor"):
        (tmp_path / "mockserver.toml").write_text(f"dialect = '{dialect}'\n")
        reload.run()
        client.patch("/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-1", json=[copy])
        client.put("/__admin/clock", json={"advance": 86_400})
    told = [client.get(f"/__admin/requests/{number:08x}").get_json()["mock"] for number in (1, 2, 3)]
    assert [one["dialect"] for one in told] == ["library", "rfc6902", "vendor"]
    assert [one["operations"][0]["outcome"] for one in told] == ["applied", "refused", "refused"]
    assert told[0]["operations"][0]["changed"] == told[0]["difference"][:1]


def test_policies_of_before_are_bounded(
    mock: Mock, reload: Reload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload_module, "MOST_EARLIER", 2)
    for dialect in ("library", "rfc6902", "vendor", "library"):
        (tmp_path / "mockserver.toml").write_text(f"dialect = '{dialect}'\n")
        reload.run()
    assert [policy.dialect.name for _, policy in mock.earlier] == ["rfc6902", "vendor"]


def test_the_control_surface_is_made_although_what_a_fault_names_is_gone(tmp_path: Path) -> None:
    """The first that asks it comes after the reading; where a rule is from is told all the same."""
    mock = assemble(Settings(fixtures=write(tmp_path, {}), auth="off", fault=("500 client=GLOBEX",)))
    write(tmp_path, {"clients.toml": CLIENTS.replace("[clients.GLOBEX]", "")})
    assert Reload(mock).run().status == "reloaded"
    (rule,) = create_app(mock).test_client().get("/__admin/faults").get_json()["faults"]
    assert (rule["match"], rule["from"]) == ({"client": "GLOBEX"}, "--fault")


def test_a_key_that_was_sent_before_it_was_one_is_not_shown(mock: Mock, reload: Reload) -> None:
    """Somebody who renews keys may send the new one first, anywhere in a request."""
    key, client = "Zq7pXv93LmWd41RtKc8Y", create_app(mock, reload=reload).test_client()
    headers = {"User-Agent": f"by {key}", "X-Mock-Namespace": key}
    client.get(f"/ACME01/Profile/AlternateIdType/CRM/AlternateId/{key}", headers=headers)
    client.post(f"/ACME01~{key}/Profile", json={})
    write(mock.settings.fixtures, {"clients.toml": CLIENTS.replace("editor-test-key", key)})
    reload.run()
    first, second = "00000001", "00000002"
    views = ["requests", "requests.har", "requests?view=rows"]
    views += [f"requests/{number}{view}" for number in (first, second) for view in ("", "/curl", "/explain", "/pytest")]
    answers = {view: client.get(f"/__admin/{view}{'&' if '?' in view else '?'}all=true").text for view in views}
    assert [view for view, text in answers.items() if key in text] == []
    assert all("[redacted]" in answers[view] for view in views[:5])


def test_a_key_that_was_ever_good_stays_secret(mock: Mock, reload: Reload) -> None:
    """The journal may hold it in a body, however often keys were changed since."""
    keys = ["editor-test-key", "Zq7pXv93LmWd41RtKc8Y", "u8Hs2Nb6Ty0Qe5Ja1Vx4"]
    for key in keys:
        write(mock.settings.fixtures, {"clients.toml": CLIENTS.replace("editor-test-key", key)})
        reload.run()
    assert [mock.service.secrets.text(key) for key in keys] == ["[redacted]"] * 3


def test_the_control_surface_tells_the_last_outcome(mock: Mock, reload: Reload) -> None:
    client = create_app(mock, reload=reload).test_client()
    write(mock.settings.fixtures, {FILE: "{"})
    answer = client.post("/__admin/reload")
    assert (answer.status_code, answer.get_json()["problems"][0]["place"]) == (422, "1:2")
    assert client.get("/__admin/version").get_json()["reload"] == {"watching": False, "last": answer.get_json()}


def test_a_shared_store_refuses_with_the_remedy(mock: Mock) -> None:
    mock.worlds = object()  # type: ignore[assignment]
    with pytest.raises(UsageError) as refused:
        Reload(mock).run()
    assert "restart" in refused.value.hint
    with pytest.raises(UsageError, match="shared store"):
        load_settings({"watch": True, "store": "redis://127.0.0.1:1/0"}, {})
    assert load_settings({"store": "redis://127.0.0.1:1/0"}, {}).store.startswith("redis")
