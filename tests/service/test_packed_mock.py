"""A mock on a packed file: everything that works on a folder works on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import orjson
import pytest
from flask.testing import FlaskClient

from mockserver.fixtures import packed
from mockserver.fixtures.generator import generate
from mockserver.fixtures.loading import Source
from mockserver.fixtures.packing import pack
from mockserver.profile.keys import read_key
from mockserver.service.assembly import assemble
from mockserver.service.reload import Reading, Reload, Reloaded
from mockserver.service.sample import sample_target
from mockserver.settings import Settings
from mockserver.testing.server import Options, serving
from mockserver.web.app import create_app
from tests.fixtures.directories import CLIENTS, TREE, lines, minimal, write

MANY = [*generate(40, 1)]
PROFILE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-{}"
REPLACE = [{"op": "replace", "path": "/CustomerType", "value": "Zanzibar"}]
RENAME = [{"op": "replace", "path": "/AlternateIds", "value": [{"AlternateIdType": "CRM", "AlternateId": "N-1"}]}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "folder", {"profiles/ACME01.ndjson": lines(*MANY)})


@pytest.fixture
def file(folder: Path, tmp_path: Path) -> Path:
    pack(Source(folder), tmp_path / "all.packed", TREE)
    return tmp_path / "all.packed"


def served(fixtures: Path, **settings: Any) -> FlaskClient:
    return create_app(assemble(Settings(fixtures=fixtures, auth="off", log="off", **settings))).test_client()


def test_every_answer_is_the_folder_s(folder: Path, file: Path) -> None:
    """Pages, searches, changes, new and removed profiles, snapshots and resets: in one order, byte for byte."""
    one, other = served(folder), served(file)
    steps: list[tuple[str, str, Any]] = [
        ("GET", "/__admin/profiles?limit=7&offset=5", None),
        ("PATCH", PROFILE.format(1000003), REPLACE),
        ("PATCH", PROFILE.format(1000004), RENAME),
        ("POST", "/__admin/snapshots/kept", None),
        ("PUT", "/__admin/profiles/ACME01/CRM/C-5", minimal(5)),
        ("DELETE", "/__admin/profiles/ACME01/CRM/C-1000001", None),
        ("DELETE", "/__admin/profiles/ACME01/CRM/N-1", None),
        ("POST", "/ACME01/Profile/Create", {"CustomerType": "New"}),
        *(
            ("GET", f"/__admin/profiles?{query}", None)
            for query in ("", "offset=36", "q=zanzi", "q=crm&limit=3&offset=2")
        ),
        ("GET", "/__admin/profiles?changed=true", None),
        ("POST", "/__admin/snapshots/kept/restore", None),
        ("GET", "/__admin/profiles?changed=true&limit=1", None),
        ("POST", "/__admin/reset", None),
        ("GET", "/__admin/profiles", None),
        ("PATCH", PROFILE.format(2000000), REPLACE),
    ]
    for method, path, body in steps:
        answers = [client.open(path, method=method, json=body) for client in (one, other)]
        assert answers[0].status_code == answers[1].status_code, (path, [answer.data for answer in answers])
        assert without_moments(answers[0].data) == without_moments(answers[1].data), path


def without_moments(body: bytes) -> Any:
    return [
        line
        for line in orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).split(b"\n")
        if b"Date" not in line
    ]


def test_a_file_that_is_replaced_is_read_again(folder: Path, file: Path) -> None:
    """What a world changed stays; a file that can't be used changes nothing."""
    mock = assemble(Settings(fixtures=file, auth="off", log="off"))
    reload, world = Reload(mock), mock.worlds.create("w")
    world.profiles.delete(("acme01", "crm", "c-1000001"))
    assert reload.run().status == "unchanged"
    write(folder, {"profiles/ACME01.ndjson": lines({**MANY[0], "CustomerType": "Other"}, *MANY[1:30], minimal(7))})
    pack(Source(folder), file, TREE)
    outcome = reload.run()
    assert (outcome.status, outcome.profiles) == ("reloaded", {"added": 1, "changed": 1, "removed": 10})
    assert (world.profiles.count, mock.worlds.default.profiles.count) == (30, 31)
    assert world.profiles.read(("acme01", "crm", "c-1000001")) is None
    before = mock.fixtures
    file.unlink()
    file.write_bytes(b"no packed file")
    refused = reload.read()
    assert isinstance(refused, Reloaded)
    assert (refused.status, refused.problems[0]["text"]) == ("refused", "it is no packed file")
    assert (mock.fixtures is before, len([*world.profiles.items()])) == (True, 30)
    write(folder, {"clients.toml": CLIENTS + "[clients.LATER]\n"})
    pack(Source(folder), file, TREE)
    found = reload.read()
    assert isinstance(found, Reading)
    assert (reload.swap(found).status, "later" in mock.service.clients) == ("reloaded", True)


def test_a_sample_is_found_without_looking_through_all(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of the client's alternate ids, for there is none that the documentation uses."""
    mock, reading = assemble(Settings(fixtures=file, log="off")), Mock(wraps=read_key)
    client = mock.fixtures.clients["acme01"]
    monkeypatch.setattr(packed, "read_key", reading)
    assert (sample_target(mock, client), reading.call_count) == (PROFILE.format(1000000), 1)
    assert sample_target(mock, mock.fixtures.clients["globex"]) is None


def test_a_test_gets_its_server_on_a_packed_file(file: Path) -> None:
    """By the plugin's own server."""
    with serving(Options(fixtures=file)) as server, server.world() as mypreferences:
        assert mypreferences.client().patch("CRM", "C-1000003", REPLACE).status == 200
