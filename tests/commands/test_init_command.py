"""`mockserver init`: a folder that is right as it is, and schemas that say what the readers of the files say."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from mockserver.fixtures.clients import read_clients
from mockserver.fixtures.schemas import schemas
from mockserver.service.assembly import load_contract
from mockserver.settings import FIELDS, Settings
from mockserver.verify.target.targets import TARGET_KEYS
from tests.commands.calling import Done
from tests.fixtures.directories import CLIENTS, DEMO, TREE, minimal

SCHEMAS = schemas(load_contract(Settings().contract), TARGET_KEYS)


def problems(name: str, document: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMAS[name]).iter_errors(document)]


@pytest.fixture
def folder(run: Callable[..., Done], tmp_path: Path) -> Path:
    assert run("init", "mine").code == 0
    return tmp_path / "mine"


def test_what_is_written_works(run: Callable[..., Done], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its test does, too, as `tests/ci/test_jobs.py` shows."""
    monkeypatch.chdir(folder)
    assert run("check").out == "ok: 1 profile of 1 client, contract and settings\n"


def test_each_file_names_a_schema_that_is_there_and_fits(folder: Path) -> None:
    for path in folder.rglob("*.toml"):
        first, text = path.read_text(encoding="utf-8").split("\n")[0], path.read_text(encoding="utf-8")
        schema = json.loads((path.parent / first.removeprefix("#:schema ")).read_text(encoding="utf-8"))
        assert not list(Draft202012Validator(schema).iter_errors(tomllib.loads(text))), path
    profile = folder / "fixtures/profiles/ACME01/jane.json"
    document = json.loads(profile.read_text(encoding="utf-8"))
    assert json.loads((profile.parent / document["$schema"]).read_text(encoding="utf-8")) == SCHEMAS["profile"]
    assert problems("profile", document) == []


def test_nothing_is_written_over(run: Callable[..., Done], folder: Path) -> None:
    (folder / "mockserver.toml").write_text("seed = 1\n")
    done = run("init", "mine")
    assert (done.code, (folder / "mockserver.toml").read_text()) == (2, "seed = 1\n")
    assert "there already" in done.err


@pytest.mark.parametrize("path", sorted(DEMO.rglob("*.json")), ids=lambda path: path.stem)
def test_the_demos_profiles_fit_their_schema(path: Path) -> None:
    assert problems("profile", json.loads(path.read_bytes())) == []


def test_accounts_fit_their_schema() -> None:
    account = '[clients.ACME01]\naccount_rules = true\ntypes.EmailAddressType = ["Personal"]'
    for text in (CLIENTS, account, (DEMO / "clients.toml").read_text(encoding="utf-8")):
        assert read_clients(text.encode(), TREE)[1] == []
        assert problems("clients", tomllib.loads(text)) == []


WRONG: dict[str, tuple[str, Any]] = {
    "an unknown member": ("profile", minimal(Colour="red")),
    "a wrong type": ("profile", minimal(IsActive="yes")),
    "no alternate ids": ("profile", {"ProfileId": 1}),
    "an unknown setting": ("settings", {"dialekt": "vendor"}),
    "an impossible value": ("settings", {"dialect": "other"}),
    "a port out of range": ("settings", {"port": 65536}),
    "a user without a secret": ("clients", {"clients": {"A": {"users": {"u": {}}}}}),
    "an unknown permission": ("clients", {"clients": {"A": {"groups": {"g": {"permissions": ["all"]}}}}}),
    "an unknown key of a target": ("targets", {"targets": {"t": {"secret": "x"}}}),
}


@pytest.mark.parametrize(("name", "document"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_fits_no_schema(name: str, document: Any) -> None:
    assert problems(name, document)


def test_every_setting_is_in_its_schema() -> None:
    assert SCHEMAS["settings"]["properties"].keys() == FIELDS.keys()
