"""The fixtures: what loads, how it is kept, and that nothing wrong gets past without being named."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.auth import Client
from mockserver.core.conformance import complete, problems
from mockserver.core.keys import alternate_ids, key_of
from mockserver.core.members import Kind, Member, MemberTree, compile_members
from mockserver.errors import UsageError
from mockserver.store.fixture_generator import generate
from mockserver.store.fixture_profiles import ProfileReader, ReadProfile
from mockserver.store.fixtures import FixtureProblem, KeyIndex, check_fixtures, load_fixtures
from mockserver.wire.json_body import write_json

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "fixtures"
TREE = compile_members(yaml.safe_load((ROOT / "contracts" / "openapi.yaml").read_text(encoding="utf-8")))

CLIENTS = """\
[clients.ACME01]
name = "Acme"
default_type = "Customer"
default_locale = "en-US"
[clients.ACME01.groups.editors]
permissions = ["profile:update"]
[clients.ACME01.users."ed@acme.example"]
secret = "s3cr3t-of-ed"
groups = ["editors"]
[clients.ACME01.oauth_clients.app]
secret = "s3cr3t-of-app"
users = ["ed@acme.example"]
[clients.GLOBEX]
"""


def minimal(number: int = 1, **members: Any) -> dict[str, Any]:
    """Return the smallest profile that loads, with further members."""
    entry = {"AlternateIdType": "CRM", "AlternateId": f"C-{number}"}
    return {"ProfileId": number, "AlternateIds": [entry]} | members


def write(directory: Path, files: Mapping[str, str | bytes | dict[str, Any]]) -> Path:
    """Write a fixture directory; a clients.toml that isn't given is a valid one."""
    for name, content in {"clients.toml": CLIENTS, **files}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content) if isinstance(content, dict) else content
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return directory


def lines(*profiles: dict[str, Any], dump: Callable[[Any], bytes] = orjson.dumps) -> bytes:
    return b"".join(dump(profile) + b"\n" for profile in profiles)


def only_problem(directory: Path) -> FixtureProblem:
    found = check_fixtures(directory, TREE)
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]


class TestDemo:
    def test_loads_without_a_problem(self) -> None:
        """The shipped demo is valid, so that a clean clone starts."""
        assert check_fixtures(DEMO, TREE) == []

    @pytest.mark.parametrize("path", sorted(DEMO.rglob("*.json")), ids=lambda path: path.stem)
    def test_each_profile_obeys_the_contract(self, path: Path) -> None:
        """Every fixture, read on its own, has no breach and is kept complete, in the contract's order."""
        profile = json.loads(path.read_bytes())
        assert list(problems(profile, TREE.root)) == []
        fixtures = load_fixtures(DEMO, TREE)
        client = fixtures.clients[path.parent.name.lower()]
        for kind, value in alternate_ids(profile):
            body = fixtures.bodies[fixtures.index[client.client_id.lower(), kind, value]]
            defaults = {"CustomerType": client.default_type, "DefaultLocale": client.default_locale}
            assert body == write_json(complete(profile, TREE.root, defaults))

    def test_one_profile_has_every_member_filled(self) -> None:
        """A profile without a null or an empty list shows every member; ReasonCode is never printed."""
        profile = json.loads((DEMO / "profiles/ACME01/every-member.json").read_bytes())
        assert list(unfilled(profile, TREE.root)) == []
        assert "ReasonCode" not in profile

    def test_has_an_inactive_and_a_nearly_empty_profile(self) -> None:
        bodies = [orjson.loads(body) for body in load_fixtures(DEMO, TREE).bodies]
        assert any(not profile["IsActive"] for profile in bodies)
        assert any(profile["Addresses"] is profile["Emails"] is profile["CustomerName"] is None for profile in bodies)

    def test_page_sample_is_the_page_s_json_with_two_distinct_ids(self) -> None:
        """The vendor's own sample loads; only its repeated alternate id was changed."""
        page = json.loads((ROOT / "tests/vectors/page_response.json").read_bytes())
        page["AlternateIds"][1]["AlternateId"] = "sample string 3"
        assert json.loads((DEMO / "profiles/ACME01/page-sample.json").read_bytes()) == page

    def test_zoe_is_the_profile_of_the_examples(self) -> None:
        fixtures = load_fixtures(DEMO, TREE)
        zoe = orjson.loads(fixtures.bodies[fixtures.index[key_of("ACME01", "CRM", "C-000417")]])
        assert zoe == json.loads((ROOT / "tests/vectors/base_profile.json").read_bytes())

    def test_two_clients_share_an_alternate_id_but_no_profile(self) -> None:
        """CRM/C-000417 is a profile of each client, and not the same one."""
        fixtures = load_fixtures(DEMO, TREE)
        acme, globex = (fixtures.index[key_of(client, "CRM", "C-000417")] for client in ("ACME01", "GLOBEX"))
        assert (fixtures.owners[acme], fixtures.owners[globex]) == ("ACME01", "GLOBEX")
        assert fixtures.bodies[acme] != fixtures.bodies[globex]

    def test_profile_ids_and_alternate_ids_are_unique(self) -> None:
        fixtures = load_fixtures(DEMO, TREE)
        profiles = [orjson.loads(body) for body in fixtures.bodies]
        assert len({profile["ProfileId"] for profile in profiles}) == len(profiles) >= 16
        assert len(fixtures.index) == sum(len(profile["AlternateIds"]) for profile in profiles)

    @pytest.mark.parametrize("letters", [" ", "/", "\\", "%", "+", "🦊", "顧客", "Ł", "@"])
    def test_has_alternate_ids_that_need_care_in_a_url(self, letters: str) -> None:
        profiles = [orjson.loads(body) for body in load_fixtures(DEMO, TREE).bodies]
        values = [entry["AlternateId"] for profile in profiles for entry in profile["AlternateIds"]]
        assert any(letters in value for value in values)

    def test_generated_profiles_load_beside_it(self, tmp_path: Path) -> None:
        """Generating into the demo's folder clashes with none of its ids."""
        shutil.copytree(DEMO, tmp_path, dirs_exist_ok=True)
        (tmp_path / "profiles/ACME01.ndjson").write_bytes(lines(*generate(100, 0)))
        assert len(load_fixtures(tmp_path, TREE).bodies) == len(load_fixtures(DEMO, TREE).bodies) + 100

    def test_users(self) -> None:
        """An editor, a reader who may not, one whose key was rotated, and an application of both; two windows."""
        clients = load_fixtures(DEMO, TREE).clients
        acme = clients["acme01"]
        permissions = {name: bool(user.permissions) for name, user in acme.users.items()}
        assert permissions == {"editor@acme.example": True, "reader@acme.example": False, "rotating@acme.example": True}
        assert [len(user.secrets) for user in acme.users.values()] == [1, 1, 2]
        [application] = acme.oauth_clients.values()
        assert (len(application.client_id), len(application.secret)) == (48, 64)
        assert application.user_ids == {"editor@acme.example", "reader@acme.example"}
        assert (acme.signature_window_s, clients["globex"].signature_window_s) == (900, 1200)

    def test_every_secret_says_that_it_is_fake(self) -> None:
        clients = load_fixtures(DEMO, TREE).clients.values()
        secrets = [secret for client in clients for user in client.users.values() for secret in user.secrets]
        secrets += [application.secret for client in clients for application in client.oauth_clients.values()]
        assert all(secret.startswith("fake-demo-") for secret in secrets)


def unfilled(value: Any, member: Member, path: str = "") -> Iterator[str]:
    if value in (None, "", []):
        yield path
    elif member.kind is Kind.OBJECT:
        for name, child in member.members.items():
            if child.returned:
                yield from unfilled(value.get(name), child, f"{path}/{name}")
    elif member.item is not None:
        for index, item in enumerate(value):
            yield from unfilled(item, member.item, f"{path}/{index}")


class TestLoading:
    def test_absent_members_get_the_page_s_and_the_client_s_defaults(self, tmp_path: Path) -> None:
        """The page's defaults, and the client's type and locale, stand in for what a fixture leaves out."""
        fixtures = load_fixtures(write(tmp_path, {"profiles/ACME01/a.json": minimal()}), TREE)
        profile = orjson.loads(fixtures.bodies[0])
        assert list(profile) == [member.name for member in TREE.root.members.values() if member.returned]
        assert (profile["CustomerType"], profile["DefaultLocale"]) == ("Customer", "en-US")
        assert (profile["RegistrationConfirmed"], profile["PreservePreferences"]) == (False, True)

    def test_a_given_null_is_no_absent_member(self, tmp_path: Path) -> None:
        profile = minimal(CustomerType=None, Emails=[None, {"EmailAddress": "a@example.com"}])
        fixtures = load_fixtures(write(tmp_path, {"profiles/ACME01/a.json": profile}), TREE)
        loaded = orjson.loads(fixtures.bodies[0])
        assert loaded["CustomerType"] is None
        email = {"EmailAddressType": None, "EmailAddress": "a@example.com", "IsDefault": False, "IsActive": False}
        assert loaded["Emails"] == [None, email]

    @pytest.mark.parametrize(("given_code", "kept"), [("moved away", True), (None, False)])
    def test_reason_code_is_kept_but_not_as_null(self, tmp_path: Path, given_code: str | None, kept: bool) -> None:
        """A member that is never returned may be in a fixture; absent or null it is left out."""
        directory = write(tmp_path, {"profiles/ACME01/a.json": minimal(ReasonCode=given_code)})
        assert ("ReasonCode" in orjson.loads(load_fixtures(directory, TREE).bodies[0])) is kept

    def test_lookup_ignores_case_and_keeps_what_was_written(self, tmp_path: Path) -> None:
        entry = {"AlternateIdType": "Marketo", "AlternateId": "ÄbC"}
        fixtures = load_fixtures(write(tmp_path, {"profiles/ACME01/a.json": minimal(AlternateIds=[entry])}), TREE)
        assert fixtures.index[key_of("acme01", "MARKETO", "äBc")] == 0
        assert orjson.loads(fixtures.bodies[0])["AlternateIds"] == [entry]

    def test_entries_that_name_nothing_are_no_keys(self, tmp_path: Path) -> None:
        """A null or half-empty entry is valid beside a whole one, and can't be looked up."""
        entries = [None, {"AlternateIdType": "CRM"}, {"AlternateId": ""}, {"AlternateIdType": "T", "AlternateId": "x"}]
        fixtures = load_fixtures(write(tmp_path, {"profiles/ACME01/a.json": minimal(AlternateIds=entries)}), TREE)
        assert list(fixtures.index) == [("acme01", "t", "x")]

    def test_same_alternate_id_in_two_clients(self, tmp_path: Path) -> None:
        files = {"profiles/ACME01/a.json": minimal(), "profiles/GLOBEX/b.json": minimal()}
        fixtures = load_fixtures(write(tmp_path, files), TREE)
        assert fixtures.owners == ("ACME01", "GLOBEX")
        assert fixtures.index.get(("acme01", "crm", "c-1")) == 0
        assert fixtures.index.get(("globex", "crm", "c-1")) == 1

    def test_hidden_files_are_ignored(self, tmp_path: Path) -> None:
        files: dict[str, Any] = {
            ".git/x": "",
            "profiles/.keep": "",
            "profiles/ACME01/.swp": "",
        }
        assert check_fixtures(write(tmp_path, files), TREE) == []

    def test_client_defaults_are_optional(self, tmp_path: Path) -> None:
        fixtures = load_fixtures(write(tmp_path, {"profiles/GLOBEX/a.json": minimal()}), TREE)
        assert orjson.loads(fixtures.bodies[0])["CustomerType"] is None
        assert fixtures.clients["globex"] == Client("GLOBEX")

    def test_escapes_what_the_vendor_escapes(self, tmp_path: Path) -> None:
        """U+0085, U+2028 and U+2029 are kept as escapes, like every other byte as it will be sent."""
        profile = minimal(CustomerType='a\x85b\u2028c\u2029d\x1f"\\/é\x7f')
        fixtures = load_fixtures(write(tmp_path, {"profiles/ACME01/a.json": profile}), TREE)
        assert b"a\\u0085b\\u2028c\\u2029d\\u001f" in fixtures.bodies[0]
        assert fixtures.bodies[0] == write_json(orjson.loads(fixtures.bodies[0]))

    def test_progress_ends_at_the_last_byte(self, tmp_path: Path) -> None:
        """Progress counts bytes, never falls back and ends with everything read."""
        profiles = list(generate(5000, 1))
        directory = write(tmp_path, {"profiles/ACME01.ndjson": lines(*profiles), "profiles/ACME01/a.json": minimal()})
        calls: list[tuple[int, int]] = []
        load_fixtures(directory, TREE, progress=lambda done, total: calls.append((done, total)))
        size = sum(path.stat().st_size for path in (directory / "profiles").rglob("*.*json"))
        assert calls == sorted(calls)
        assert 2 < len(calls) <= 101
        assert {total for _, total in calls} == {size}
        assert calls[-1][0] >= size * 0.99


class TestManyProfiles:
    @pytest.mark.parametrize("dump", [orjson.dumps, lambda p: json.dumps(p).encode()], ids=["canonical", "python"])
    @pytest.mark.parametrize("suffix", [".ndjson", ".ndjson.gz"])
    def test_round_trip(self, tmp_path: Path, suffix: str, dump: Callable[[Any], bytes]) -> None:
        """What was written line by line comes back, compressed or not, compact or with spaces and escapes."""
        profiles = list(generate(300, 7, ("en-US", "ja-JP", "pl-PL")))
        content = lines(*profiles, dump=dump)
        content = gzip.compress(content) if suffix.endswith("gz") else content
        fixtures = load_fixtures(write(tmp_path, {f"profiles/ACME01{suffix}": content}), TREE)
        assert [orjson.loads(body) for body in fixtures.bodies] == profiles
        assert list(fixtures.bodies) == [orjson.dumps(profile) for profile in profiles]
        for number, profile in enumerate(profiles):
            for pair in alternate_ids(profile):
                assert fixtures.index["acme01", *pair] == number

    def test_blank_lines_and_windows_line_ends(self, tmp_path: Path) -> None:
        content = b"\r\n".join([orjson.dumps(minimal(1)), b"", b"  ", orjson.dumps(minimal(2))])
        fixtures = load_fixtures(write(tmp_path, {"profiles/ACME01.ndjson": content}), TREE)
        assert [orjson.loads(body)["ProfileId"] for body in fixtures.bodies] == [1, 2]

    def test_beside_a_folder_of_the_same_client(self, tmp_path: Path) -> None:
        """Files and lines of one client add up, and their ids must differ."""
        files: dict[str, Any] = {
            "profiles/ACME01/a.json": minimal(1),
            "profiles/ACME01.ndjson": lines(minimal(2), minimal(3)),
        }
        assert len(load_fixtures(write(tmp_path, files), TREE).bodies) == 3

    def test_gives_up_on_a_file_that_is_wrong_throughout(self, tmp_path: Path) -> None:
        """A file of a million wrong lines is not listed line by line."""
        write(tmp_path, {"profiles/ACME01.ndjson": b"[1]\n" * 1500, "profiles/ACME01/a.json": b"{"})
        found = check_fixtures(tmp_path, TREE)
        assert len(found) == 1002
        assert "the rest was not read" in found[-1].text


SYNTAX_CASES = [
    pytest.param(b"", "1:1", id="empty-file"),
    pytest.param(b'{"ProfileId": 1,\n "IsActive": tru }', "2:", id="syntax-error"),
    pytest.param(b'{"ProfileId": 1,}', "1:", id="trailing-comma"),
    pytest.param(b'{"ProfileId": 01}', "1:", id="leading-zero"),
    pytest.param(b'{"ProfileId": NaN}', "1:", id="not-a-number"),
    pytest.param(b"{} {}", "1:4", id="two-documents"),
    pytest.param(b'{"CustomerType": "\xe9"}', "1:19", id="latin-1"),
    pytest.param(b'{"a": "\xc3\xa9",\n"CustomerType": "\xff"}', "2:18", id="not-utf-8-after-a-line"),
    pytest.param(b"\xef\xbb\xbf{}", "1:1", id="byte-order-mark"),
    pytest.param("{}".encode("utf-16"), "1:1", id="utf-16"),
    pytest.param(b'{"CustomerType": "\\ud800"}', "1:", id="half-a-surrogate-pair"),
]


PROFILE_CASES = [
    pytest.param([minimal()], "/", "profiles/<clientId>.ndjson", id="a-list"),
    pytest.param(None, "/", "UserProfile", id="null"),
    pytest.param("text", "/", "UserProfile", id="a-text"),
    pytest.param({"AlternateIds": minimal()["AlternateIds"]}, "/ProfileId", "whole number", id="no-profile-id"),
    pytest.param(minimal(ProfileId=None), "/ProfileId", "whole number", id="null-profile-id"),
    pytest.param(minimal(ProfileId="1"), "/ProfileId", "whole number", id="profile-id-as-text"),
    pytest.param(minimal(ProfileId=1.0), "/ProfileId", "whole number", id="profile-id-as-fraction"),
    pytest.param(minimal(ProfileId=True), "/ProfileId", "whole number", id="profile-id-as-flag"),
    pytest.param(minimal(ProfileId=2**63), "/ProfileId", "64 bits", id="profile-id-beyond-64-bits"),
    pytest.param(minimal(ProfileId=-(2**63) - 1), "/ProfileId", "64 bits", id="profile-id-below-64-bits"),
    pytest.param(minimal(ProfileId=10**30), "/ProfileId", "64 bits", id="profile-id-of-thirty-digits"),
    pytest.param(minimal(Email=[]), "/Email", "did you mean Emails?", id="misspelt-member"),
    pytest.param(minimal(isactive=True), "/isactive", "did you mean IsActive?", id="member-in-other-case"),
    pytest.param(minimal(Emails=[{"Address": "a"}]), "/Emails/0/Address", "EmailAddress", id="misspelt-nested"),
    pytest.param(minimal(Groups=[{"GroupName": "G"}]), "/Groups/0/GroupName", "did you mean", id="xml-name-in-json"),
    pytest.param(minimal(IsActive="true"), "/IsActive", "true or false", id="flag-as-text"),
    pytest.param(minimal(IsActive=None), "/IsActive", "true or false", id="null-flag"),
    pytest.param(minimal(Emails={}), "/Emails", "a list [ ]", id="object-for-a-list"),
    pytest.param(minimal(CustomerName="Zoe"), "/CustomerName", "an object { }", id="text-for-an-object"),
    pytest.param(minimal(CustomFields=[{"Value": 42}]), "/CustomFields/0/Value", "text in quotes", id="number-as-text"),
    pytest.param(minimal(CustomerType="x" * 101), "/CustomerType", "shorten", id="type-too-long"),
    pytest.param(minimal(DefaultLocale="🦊" * 16), "/DefaultLocale", "shorten", id="locale-too-long"),
    pytest.param(minimal(ReasonCode="x" * 257), "/ReasonCode", "shorten", id="reason-too-long"),
    pytest.param({"ProfileId": 1}, "/AlternateIds", "AlternateIdType", id="no-alternate-ids"),
    pytest.param(minimal(AlternateIds=[]), "/AlternateIds", "AlternateIdType", id="empty-alternate-ids"),
    pytest.param(
        minimal(AlternateIds=[None, {"AlternateIdType": "CRM", "AlternateId": ""}]),
        "/AlternateIds", "neither of them empty", id="alternate-ids-that-name-nothing",
    ),
    pytest.param(
        minimal(AlternateIds=[{"AlternateIdType": t, "AlternateId": "a"} for t in ("CRM", "crm")]),
        "/AlternateIds", "delete one", id="alternate-id-twice-in-one-profile",
    ),
]  # fmt: skip


class TestProfileProblems:
    @pytest.mark.parametrize(("content", "place"), SYNTAX_CASES)
    def test_what_is_not_json_names_line_and_column(self, tmp_path: Path, content: bytes, place: str) -> None:
        problem = only_problem(write(tmp_path, {"profiles/ACME01/bad.json": content}))
        assert problem.file.endswith("bad.json")
        assert problem.place.startswith(place)
        assert problem.hint

    @pytest.mark.parametrize(("profile", "place", "hint"), PROFILE_CASES)
    def test_a_breach_names_its_place_and_what_to_write(
        self, tmp_path: Path, profile: Any, place: str, hint: str
    ) -> None:
        problem = only_problem(write(tmp_path, {"profiles/ACME01/bad.json": json.dumps(profile)}))
        assert problem.place == place
        assert hint in problem.hint

    @pytest.mark.parametrize(("profile", "place", "hint"), PROFILE_CASES)
    def test_the_same_breach_on_a_line_names_the_line(
        self, tmp_path: Path, profile: Any, place: str, hint: str
    ) -> None:
        content = orjson.dumps(minimal(77)) + b"\n\n" + json.dumps(profile).encode() + b"\n"
        problem = only_problem(write(tmp_path, {"profiles/ACME01.ndjson": content}))
        assert problem.place == f"line 3, {place}"
        assert hint in problem.hint

    def test_a_syntax_error_on_a_line_counts_from_the_top_of_the_file(self, tmp_path: Path) -> None:
        content = orjson.dumps(minimal()) + b"\n{} x\n"
        assert only_problem(write(tmp_path, {"profiles/ACME01.ndjson": content})).place == "2:4"

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ('{"ProfileId": 1, "IsActive": true, "IsActive": true, "AlternateIds": IDS}', "/IsActive"),
            ('{"ProfileId": 1, "Emails": [null, {"IsDefault": true, "IsDefault": true}], "AlternateIds": IDS}',
             "/Emails/1/IsDefault"),
            ('{"ProfileId": 1, "CustomerType": "a\\"b", "CustomerType": "\\\\", "AlternateIds": IDS}', "/CustomerType"),
            ('{"ProfileId": 1, "Is\\u0041ctive": true, "IsActive": true, "AlternateIds": IDS}', "/IsActive"),
        ],
        ids=["top-level", "nested", "beside-escapes", "spelt-in-two-ways"],
    )  # fmt: skip
    def test_a_member_given_twice(self, tmp_path: Path, text: str, place: str) -> None:
        """JSON readers keep the last of two members silently; the fixture says what it means only once."""
        content = text.replace("IDS", json.dumps(minimal()["AlternateIds"]))
        problem = only_problem(write(tmp_path, {"profiles/ACME01/bad.json": content}))
        assert (problem.place, problem.hint) == (place, "delete one of the two")

    @pytest.mark.parametrize("depth", [900, 5000])
    def test_deep_nesting_is_a_problem_and_no_crash(self, tmp_path: Path, depth: int) -> None:
        content = '{"X": ' + "[" * depth + "]" * depth + "}"
        assert check_fixtures(write(tmp_path, {"profiles/ACME01/bad.json": content}), TREE)

    @pytest.mark.parametrize(
        ("files", "names"),
        [
            ({"profiles/ACME01/a.json": minimal(1), "profiles/ACME01/b.json": minimal(2) | {
                "AlternateIds": [{"AlternateIdType": "crm", "AlternateId": "c-1"}]}}, ("b.json", "a.json")),
            ({"profiles/ACME01.ndjson": lines(minimal(1), minimal(2), minimal(1) | {"ProfileId": 3})},
             ("line 3", "ACME01.ndjson, line 1")),
            ({"profiles/ACME01.ndjson": lines(minimal(5), minimal(1)), "profiles/ACME01/a.json": minimal(1)
              | {"ProfileId": 9}}, ("ACME01.ndjson: line 2", "a.json")),
        ],
        ids=["two-files-in-other-case", "two-lines", "a-file-and-a-line"],
    )  # fmt: skip
    def test_an_alternate_id_of_two_profiles_names_both(
        self, tmp_path: Path, files: dict[str, Any], names: tuple[str, str]
    ) -> None:
        """Alternate ids that differ only by case are the same id (documented)."""
        problem = only_problem(write(tmp_path, files))
        assert names[0] in f"{problem.file}: {problem.place}"
        assert problem.text.startswith("the alternate id crm/c-1 ")
        assert problem.text.endswith(names[1])

    def test_a_profile_id_of_two_profiles_names_both(self, tmp_path: Path) -> None:
        other = minimal(2) | {"ProfileId": 1}
        problem = only_problem(write(tmp_path, {"profiles/ACME01/a.json": minimal(1), "profiles/ACME01/b.json": other}))
        assert problem.place == "/ProfileId"
        assert problem.file.endswith("b.json")
        assert problem.text.endswith("a.json")


PLACE_CASES = [
    pytest.param({"profiles/ACME01/a.yaml": ""}, "a.yaml", "keep only .json files", id="yaml-profile"),
    pytest.param({"profiles/ACME01/a.JSON": ""}, "a.JSON", "keep only .json files", id="suffix-in-capitals"),
    pytest.param({"profiles/ACME01/old/a.json": ""}, "old", "keep only .json files", id="folder-in-a-folder"),
    pytest.param({"profiles/ACME01/a.ndjson": ""}, "a.ndjson", "profiles/ACME01.ndjson", id="lines-in-the-folder"),
    pytest.param({"profiles/a.json": ""}, "a.json", "profiles/<clientId>/<name>.json", id="profile-without-a-client"),
    pytest.param({"profiles/ACME1/a.json": "{}"}, "ACME1", "did you mean ACME01?", id="misspelt-client"),
    pytest.param({"profiles/acme01/a.json": "{}"}, "acme01", "did you mean ACME01?", id="client-in-other-case"),
    pytest.param({"profiles/INITECH.ndjson": "{}"}, "INITECH.ndjson", "[clients.INITECH]", id="lines-of-no-client"),
    pytest.param({"a.json": "{}"}, "a.json", "move it to profiles/<clientId>/", id="profile-at-the-top"),
    pytest.param({"profile/ACME01/a.json": "{}"}, "profile", "did you mean profiles?", id="misspelt-folder"),
    pytest.param({"profiles/ACME01.ndjson.gz": b"{}"}, "ACME01.ndjson.gz", "compressed", id="not-compressed"),
    pytest.param(
        {"profiles/ACME01.ndjson.gz": gzip.compress(b"\n" * 99)[:-9]}, "ACME01.ndjson.gz", "whole", id="cut-short"
    ),
]


class TestPlaceProblems:
    @pytest.mark.parametrize(("files", "name", "hint"), PLACE_CASES)
    def test_a_file_in_the_wrong_place(self, tmp_path: Path, files: dict[str, Any], name: str, hint: str) -> None:
        """Nothing that looks like a fixture is passed over in silence."""
        problem = only_problem(write(tmp_path, files))
        assert Path(problem.file).name == name
        assert hint in problem.hint

    def test_no_directory(self, tmp_path: Path) -> None:
        assert "no such directory" in only_problem(tmp_path / "nowhere").text

    def test_no_clients_toml(self, tmp_path: Path) -> None:
        problem = only_problem(tmp_path)
        assert Path(problem.file).name == "clients.toml"
        assert "[clients.ACME01]" in problem.hint


ED = '[clients.A.users."ed@a"]\n'
CLIENT_CASES = [
    pytest.param("[clients.A\n", "1:11", "clients.toml", id="not-toml"),
    pytest.param('[clients.A]\nname = "x\n', "2:10", "clients.toml", id="unclosed-text"),
    pytest.param('[clients.A]\nname = "x"\nname = "y"\n', "3:11", "clients.toml", id="key-twice"),
    pytest.param("[clients.A]\nname = [", "at the end", "clients.toml", id="cut-short"),
    pytest.param(b'[clients.A]\nname = "\xe9"', "2:9", "UTF-8", id="latin-1"),
    pytest.param(b"\xef\xbb\xbf[clients.A]", "1:1", "without", id="byte-order-mark"),
    pytest.param("", "clients", "[clients.ACME01]", id="no-client"),
    pytest.param("[client.A]\n[clients.A]", "client", "did you mean clients?", id="misspelt-top"),
    pytest.param("clients = 1", "clients", "[clients.NAME]", id="clients-not-a-table"),
    pytest.param("[clients]\nA = 1", "clients.A", "[clients.A]", id="client-not-a-table"),
    pytest.param('[clients.""]', "clients", "between the quotes", id="empty-client-id"),
    pytest.param('[clients."A~B"]', 'clients."A~B"', "namespace", id="client-id-with-tilde"),
    pytest.param('[clients."A/B"]', 'clients."A/B"', "URL", id="client-id-with-slash"),
    pytest.param("[clients.A]\n[clients.a]", "clients.a", "rename", id="client-ids-alike"),
    pytest.param("[clients.A]\ndefault_kind = 'x'", "clients.A.default_kind", "default_type", id="misspelt-key"),
    pytest.param("[clients.A]\nname = 1", "clients.A.name", "text in quotes", id="name-not-a-text"),
    pytest.param("[clients.A]\ndefault_type = ''", "clients.A.default_type", "text in quotes", id="empty-type"),
    pytest.param(
        f"[clients.A]\ndefault_type = '{'x' * 101}'", "clients.A.default_type", "shorten", id="default-type-too-long"
    ),
    pytest.param(
        "[clients.A]\ndefault_locale = 'x-0123456789-xxxx'", "clients.A.default_locale", "shorten", id="locale-too-long"
    ),
    *(
        pytest.param(
            f"[clients.A]\nsignature_window_minutes = {value}", "clients.A.signature_window_minutes", "like 15",
            id=f"window-{value}",
        )
        for value in ("0", "-1", "true", "'15'", "inf", "nan")
    ),
    pytest.param(f"{ED}", 'clients.A.users."ed@a".secret', "text in quotes", id="no-secret"),
    pytest.param(f"{ED}secret = ''", 'clients.A.users."ed@a".secret', "text in quotes", id="empty-secret"),
    pytest.param(f"{ED}secret = 12345", 'clients.A.users."ed@a".secret', "text in quotes", id="secret-not-a-text"),
    pytest.param(
        f"{ED}secret = 'x'\nprevious_secret = ''", 'clients.A.users."ed@a".previous_secret', "text in quotes",
        id="empty-previous-secret",
    ),
    pytest.param(f"{ED}secret = 'x'\nkey = 'y'", 'clients.A.users."ed@a".key', "write one of secret", id="unknown-key"),
    pytest.param(
        f"{ED}secret = 'x'\ngroups = ['editor']\n[clients.A.groups.editors]", 'clients.A.users."ed@a".groups',
        "did you mean editors?", id="misspelt-group",
    ),
    pytest.param(
        f"{ED}secret = 'x'\ngroups = ['editors']", 'clients.A.users."ed@a".groups', "define it", id="undefined-group"
    ),
    pytest.param(
        f"{ED}secret = 'x'\ngroups = 'e'", 'clients.A.users."ed@a".groups', 'groups = ["…"]', id="groups-not-a-list"
    ),
    pytest.param(
        "[clients.A.groups.e]\npermissions = ['profile:updat']", "clients.A.groups.e.permissions",
        "did you mean profile:update?", id="misspelt-permission",
    ),
    pytest.param(
        "[clients.A.groups.e]\npermissions = ['x']", "clients.A.groups.e.permissions", "only permission",
        id="unknown-permission",
    ),
    pytest.param(
        "[clients.A.oauth_clients.app]\nusers = []", "clients.A.oauth_clients.app.secret", "text", id="app-no-secret"
    ),
    pytest.param(
        "[clients.A.oauth_clients.app]\nsecret = 'x'\nusers = ['ed']", "clients.A.oauth_clients.app.users",
        "write one of the client's users", id="app-of-an-unknown-user",
    ),
    pytest.param(
        "[clients.A.oauth_clients.app]\nsecret = 'x'\n[clients.B.oauth_clients.app]\nsecret = 'x'",
        "clients.B.oauth_clients.app", "one of its own", id="app-of-two-clients",
    ),
]  # fmt: skip


class TestClientProblems:
    @pytest.mark.parametrize(("text", "place", "hint"), CLIENT_CASES)
    def test_names_the_key_and_what_to_write(self, tmp_path: Path, text: str | bytes, place: str, hint: str) -> None:
        problem = only_problem(write(tmp_path, {"clients.toml": text}))
        assert problem.place == place
        assert hint in problem.hint

    @pytest.mark.parametrize(
        "line",
        [
            "secret = ['hunter2-hunter2']",
            "secret = 'x'\nprevious_secret = ['hunter2-hunter2']",
            "secret = hunter2-hunter2",
        ],
    )
    def test_no_problem_shows_a_secret(self, tmp_path: Path, line: str) -> None:
        assert "hunter2" not in str(only_problem(write(tmp_path, {"clients.toml": f"{ED}{line}"})))


class TestReport:
    def test_all_problems_of_all_files_come_together(self, tmp_path: Path) -> None:
        """One run shows everything that is wrong, not only the first file."""
        files: dict[str, Any] = {
            "clients.toml": CLIENTS + "colour = 'red'\n",
            "profiles/ACME01/a.json": minimal(IsActive=1, Emails=[{"IsDefault": 0}]),
            "profiles/ACME01/b.json": "{",
            "profiles/ACME01/c.txt": "",
            "profiles/ACME01.ndjson": b"[]\n",
        }
        found = check_fixtures(write(tmp_path, files), TREE)
        places = sorted((Path(problem.file).name, problem.place) for problem in found)
        assert places == [
            ("ACME01.ndjson", "line 1, /"),
            ("a.json", "/Emails/0/IsDefault"),
            ("a.json", "/IsActive"),
            ("b.json", "1:2"),
            ("c.txt", ""),
            ("clients.toml", "clients.GLOBEX.colour"),
        ]

    def test_loading_raises_one_error_that_lists_them(self, tmp_path: Path) -> None:
        write(tmp_path, {"profiles/ACME01/a.json": minimal(IsActive="yes", Colour=1)})
        with pytest.raises(UsageError) as raised:
            load_fixtures(tmp_path, TREE)
        text = str(raised.value)
        assert "2 problems" in text
        for problem in check_fixtures(tmp_path, TREE):
            assert str(problem) in text
        assert f"{tmp_path / 'profiles' / 'ACME01' / 'a.json'}: /IsActive: 'yes' is not true or false" in text

    def test_a_long_list_is_cut(self, tmp_path: Path) -> None:
        write(tmp_path, {f"profiles/ACME01/{number:02d}.json": "{" for number in range(33)})
        with pytest.raises(UsageError, match="and 13 more; mockserver check lists them all") as raised:
            load_fixtures(tmp_path, TREE)
        assert str(raised.value).count("not JSON") == 20


DEFAULTS = {"CustomerType": "Customer", "DefaultLocale": "en-US"}
READER = ProfileReader(TREE, Client("ACME01", default_type="Customer", default_locale="en-US"))


def values_of(member: Member) -> st.SearchStrategy[Any]:
    """Return valid values of a member, sometimes with members left out."""
    plain: dict[Kind, st.SearchStrategy[Any]] = {
        Kind.STRING: st.text(max_size=min(member.max_length or 40, 40)),
        Kind.BOOLEAN: st.booleans(),
        Kind.INTEGER: st.integers(-(2**63), 2**63 - 1),
    }
    if member.kind is Kind.OBJECT:
        optional = {name: values_of(child) for name, child in member.members.items()}
        strategy: st.SearchStrategy[Any] = st.fixed_dictionaries({}, optional=optional)
    elif member.item is not None:
        strategy = st.lists(values_of(member.item), max_size=2)
    else:
        strategy = plain[member.kind]
    return st.none() | strategy if member.nullable else strategy


PROFILES = st.fixed_dictionaries({}, optional={n: values_of(m) for n, m in TREE.root.members.items()}).map(
    lambda profile: (
        minimal() | profile | {"AlternateIds": [*(profile.get("AlternateIds") or ()), *minimal()["AlternateIds"]]}
    )
)
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


class TestReaderLaws:
    @settings(deadline=None)
    @given(PROFILES, st.booleans())
    def test_the_fast_way_does_what_conformance_does(self, profile: dict[str, Any], spaced: bool) -> None:
        """A valid profile, however written, is kept as completing and writing it would give."""
        raw = json.dumps(profile).encode() if spaced else orjson.dumps(profile)
        read = READER.read(raw)
        pairs = alternate_ids(profile)
        if len(set(pairs)) < len(pairs):
            assert isinstance(read, list)
        else:
            assert read == ReadProfile(write_json(complete(profile, TREE.root, DEFAULTS)), profile["ProfileId"], pairs)

    @settings(deadline=None)
    @given(st.data())
    def test_one_wrong_member_is_found_like_conformance_finds_it(self, data: st.DataObject) -> None:
        """Whatever stands in a member, reader and conformance agree on whether it may."""
        name = data.draw(st.sampled_from([*TREE.root.members, "Unknown"]))
        profile = minimal() | {name: data.draw(ANY_JSON)}
        read = READER.read(json.dumps(profile).encode())
        breaches = [problem.path for problem in problems(orjson.loads(json.dumps(profile)), TREE.root)]
        if breaches:
            assert isinstance(read, list)
            assert [problem.path for problem in read] == breaches
        elif alternate_ids(profile):
            assert isinstance(read, ReadProfile)

    @settings(deadline=None)
    @given(st.binary(max_size=60))
    def test_no_bytes_make_it_fail(self, raw: bytes) -> None:
        read = READER.read(raw)
        assert isinstance(read, list)
        assert read

    @settings(deadline=None)
    @given(PROFILES, st.data())
    def test_a_repeated_name_is_always_found(self, profile: dict[str, Any], data: st.DataObject) -> None:
        """Also beside escapes, and where other members are left out."""
        name = data.draw(st.sampled_from(sorted(profile)))
        text = json.dumps(profile)
        repeated = "{" + f"{json.dumps(name)}: {json.dumps(profile[name])}, " + text[1:]
        read = READER.read(repeated.encode())
        assert isinstance(read, list)
        assert [problem.path for problem in read] == [f"/{name}"]


class TestKeyIndex:
    def test_is_a_mapping(self) -> None:
        """It behaves as the dictionary of whole keys that it saves."""
        plain = {key_of("A", kind, f"{number}"): number for number in range(5) for kind in ("x", "y")}
        index = KeyIndex()
        for key, number in plain.items():
            assert index.claim(key, number) == number
        assert dict(index) == plain
        assert len(index) == len(plain)
        assert index.claim(("a", "x", "3"), 99) == 3
        assert index.get(("a", "z", "3")) is index.get(("a", "x", "9")) is None
        assert index.get(("b", "x", "3"), 7) == 7
        assert ("a", "x", "3") in index
        with pytest.raises(KeyError):
            index["a", "x", "9"]


def test_tree_is_the_only_list_of_members() -> None:
    """The reader's type comes from the tree: a member that the contract lacks is refused, one that it gains is read."""
    contract = yaml.safe_load((ROOT / "contracts" / "openapi.yaml").read_text(encoding="utf-8"))
    contract["components"]["schemas"]["UserProfile"]["properties"]["Nickname"] = {"type": ["string", "null"]}
    schema = contract["components"]["schemas"]["UserProfile"]
    schema["x-class-layout"][0].append("Nickname")
    wider: MemberTree = compile_members(contract)
    raw = orjson.dumps(minimal(Nickname="Zo"))
    assert isinstance(ProfileReader(TREE, Client("A")).read(raw), list)
    assert isinstance(ProfileReader(wider, Client("A")).read(raw), ReadProfile)
