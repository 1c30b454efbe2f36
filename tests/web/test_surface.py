"""The control surface: state, worlds, faults, journal, clock, and who may use it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mockserver.commands.running import make_server
from mockserver.service.assembly import Mock
from mockserver.web.app import create_app

PROFILE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"
SET_TYPE = [{"op": "replace", "path": "/CustomerType", "value": "Prospect"}]


class Admin:
    """Speaks JSON to one mock, both sides of it."""

    def __init__(self, mock: Mock, http: FlaskClient) -> None:
        self.mock = mock
        self.http = http

    def __call__(self, method: str, path: str, document: Any = None, status: int = 200, **headers: str) -> Any:
        answer = self.request(method, path, document, **headers)
        assert answer.status_code == status, answer.data
        return orjson.loads(answer.data) if answer.mimetype == "application/json" else answer.text

    def request(self, method: str, path: str, document: Any = None, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.open(path, method=method, json=document, headers=named)

    def patch(self, operations: Any, target: str = PROFILE, **headers: str) -> TestResponse:
        return self.request("PATCH", target, operations, **headers)


@pytest.fixture
def make_admin(make_mock: Callable[..., Mock]) -> Callable[..., Admin]:
    def make(**settings: Any) -> Admin:
        mock = make_mock(**settings)
        return Admin(mock, create_app(mock).test_client())

    return make


@pytest.fixture
def admin(make_admin: Callable[..., Admin]) -> Admin:
    return make_admin()


def test_health_readiness_version_and_settings(admin: Admin) -> None:
    """Health has the agreed members; a secret setting is never shown."""
    assert set(admin("GET", "/__admin/health")) == {"status", "message", "version", "uptimeInSeconds", "timestamp"}
    assert admin("GET", "/__admin/ready") == {"ready": True}
    assert admin("GET", "/__admin/settings")["admin_token"] == "not set"
    assert admin("GET", "/openapi.json")["openapi"] == "3.1.0"
    assert "/__admin/faults/plan" in admin("GET", "/__admin/openapi.json")["paths"]


def test_reset_goes_back_to_the_fixtures(admin: Admin) -> None:
    """Profiles, faults and journal, together or one by one."""
    assert admin.patch(SET_TYPE).get_json()["CustomerType"] == "Prospect"
    admin("POST", "/__admin/reset/profiles")
    assert admin.patch([]).get_json()["CustomerType"] == "Customer"
    assert admin("GET", "/__admin/requests")["meta"]["total"] == 2
    admin("POST", "/__admin/reset")
    assert admin("GET", "/__admin/requests")["meta"]["total"] == 0
    admin("POST", "/__admin/reset/nonsense", status=404)


def test_profiles_can_be_listed_read_put_and_deleted(admin: Admin) -> None:
    """A put profile is completed by the client's defaults and reachable at once."""
    assert admin("GET", "/__admin/profiles")["meta"]["total"] == 2
    new = {"ProfileId": 9, "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "N/1"}]}
    created = admin("PUT", "/__admin/profiles/ACME01/crm/n%2F1", new, status=201)
    assert (created["DefaultLocale"], created["PreservePreferences"], created["Emails"]) == ("en-US", True, None)
    assert admin("GET", "/__admin/profiles/acme01/CRM/N%2F1") == created
    assert admin("PUT", "/__admin/profiles/ACME01/CRM/N%2F1", {**new, "ProfileId": 10})["ProfileId"] == 10
    admin("DELETE", "/__admin/profiles/ACME01/CRM/N%2F1")
    admin("GET", "/__admin/profiles/ACME01/CRM/N%2F1", status=404)
    admin("DELETE", "/__admin/profiles/ACME01/CRM/N%2F1", status=404)


@pytest.mark.parametrize(
    ("document", "status", "hint"),
    [
        ({"Emial": 1}, 422, "did you mean Emails?"),
        ({"IsActive": "yes"}, 422, "true or false"),
        ({"ProfileId": 3, "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "Y"}]}, 422, "put"),
        ([], 400, "object"),
    ],
)
def test_a_profile_that_breaks_the_contract_is_refused(admin: Admin, document: Any, status: int, hint: str) -> None:
    """With what to write instead."""
    assert hint in admin("PUT", "/__admin/profiles/ACME01/CRM/X", document, status=status)["hint"]


def test_worlds_are_separate(admin: Admin) -> None:
    """State, journal and clock of one are not those of the other."""
    admin.patch(SET_TYPE, X_Mock_Namespace="one")
    assert admin.patch([], X_Mock_Namespace="two").get_json()["CustomerType"] == "Customer"
    assert admin.patch([], PROFILE.replace("ACME01", "ACME01~one")).get_json()["CustomerType"] == "Prospect"
    assert admin("GET", "/__admin/requests", X_Mock_Namespace="two")["meta"]["total"] == 1
    assert admin("GET", "/__admin/requests?all=true")["meta"]["total"] == 3
    assert {row["name"] for row in admin("GET", "/__admin/namespaces")["namespaces"]} == {"default", "one", "two"}
    admin("DELETE", "/__admin/namespaces/one")
    assert admin.patch([], X_Mock_Namespace="one").get_json()["CustomerType"] == "Customer"
    admin("DELETE", "/__admin/namespaces/absent", status=404)


def test_the_least_recently_used_world_goes(make_admin: Callable[..., Admin]) -> None:
    """Eviction shows in the metrics."""
    admin = make_admin(max_worlds=2)
    for name in ("one", "two", "one", "three"):
        admin.patch(SET_TYPE if name == "one" else [], X_Mock_Namespace=name)
    names = [row["name"] for row in admin("GET", "/__admin/namespaces")["namespaces"]]
    assert names == ["default", "one", "three"]
    assert "mockserver_world_evictions_total 1.0" in admin("GET", "/metrics")


def test_strict_worlds(make_admin: Callable[..., Admin]) -> None:
    """A world must be made before it is used."""
    admin = make_admin(strict_worlds=True)
    assert admin.patch([], X_Mock_Namespace="x").headers["X-Mock-Explain"] == "namespace-unknown"
    admin("POST", "/__admin/namespaces", {"name": "x"}, status=201)
    assert admin.patch([], X_Mock_Namespace="x").status_code == 200


@pytest.mark.parametrize("name", ["a b", "", "x" * 200, "-x", "a/b"])
def test_a_bad_name_for_a_world(admin: Admin, name: str) -> None:
    """400, in the vendor's shape for the vendor's side."""
    if name:
        assert admin.patch([], X_Mock_Namespace=name).headers["X-Mock-Explain"] == "namespace-invalid"
    admin("POST", "/__admin/namespaces", {"name": name}, status=400)


def test_snapshots(admin: Admin) -> None:
    """A state is kept under a name and brought back as often as wanted."""
    admin.patch(SET_TYPE)
    admin("POST", "/__admin/snapshots/changed", status=201)
    admin("POST", "/__admin/reset/profiles")
    admin("POST", "/__admin/snapshots/changed/restore")
    assert admin.patch([]).get_json()["CustomerType"] == "Prospect"
    assert admin("GET", "/__admin/snapshots/changed") == {"name": "changed", "changedProfiles": 1}
    admin("POST", "/__admin/snapshots/absent/restore", status=404)


def test_the_clock(admin: Admin) -> None:
    """Freeze, advance, reset; stamps follow it."""
    assert admin("PUT", "/__admin/clock", {"freeze": "2026-01-31T12:00:00Z"})["frozen"] is True
    assert admin("PUT", "/__admin/clock", {"advance": 90})["now"] == "2026-01-31T12:01:30+00:00"
    assert admin.patch(SET_TYPE).get_json()["Edited"]["ModifiedDate"] == "2026-01-31T12:01:30.000Z"
    assert admin("PUT", "/__admin/clock", {"reset": True})["frozen"] is False
    half: dict[str, Any] = {"freeze": "2026-01-31T12:00:00Z", "advance": "1"}
    wrong: tuple[dict[str, Any], ...] = (
        {"freeze": "noon"},
        {"freeze": False},
        {"freeze": ""},
        {"reset": False},
        {"advance": "1"},
        {"stop": True},
        {},
    )
    for bad in (half, *wrong):
        assert admin("PUT", "/__admin/clock", bad, status=422)["hint"]
    assert admin("GET", "/__admin/clock")["frozen"] is False, "what is refused moves nothing"


@pytest.mark.parametrize("query", ["faults?dry=1", "reset?all=yes", "requests?view=row", "profiles?changed="])
def test_a_parameter_that_is_no_answer_to_its_question(admin: Admin, query: str) -> None:
    """A dry run that is asked for in other words must not plan a fault."""
    method = "GET" if query[0] in "rp" and "reset" not in query else "POST"
    refused = admin(method, f"/__admin/{query}", None if method == "GET" else {"text": "500"}, status=422)
    assert refused["hint"].startswith(("write true or false", "write rows or entries"))
    assert admin("GET", "/__admin/faults")["faults"] == []


def test_the_plan_of_a_rule_that_has_ended_is_empty(admin: Admin) -> None:
    """By the clock of its world."""
    rule = admin("POST", "/__admin/faults", {"text": "500 expires=30s"}, status=201)["id"]
    assert admin("GET", "/__admin/faults/plan?n=1")["plan"][rule][0]["status"] == 500
    admin("PUT", "/__admin/clock", {"advance": 31})
    assert admin("GET", "/__admin/faults/plan?n=1")["plan"] == {rule: [None]}


def test_faults_happen_as_planned(admin: Admin) -> None:
    """The plan lists what the next matching requests get, and that is what they get."""
    admin("POST", "/__admin/faults", {"text": "503 p=0.5"}, status=201)
    (plan,) = admin("GET", "/__admin/faults/plan?n=30")["plan"].values()
    expected = [503 if hit else 200 for hit in plan]
    assert [admin.patch([]).status_code for _ in range(30)] == expected
    assert set(expected) == {200, 503}
    (row,) = admin("GET", "/__admin/faults")["faults"]
    assert (row["matched"], row["hits"]) == (30, expected.count(503))


def test_a_fault_after_the_commit(admin: Admin) -> None:
    """The client sees the failure, the state shows the change."""
    answer = admin.patch(SET_TYPE, X_Mock_Fault="500 after-commit")
    assert (answer.status_code, answer.get_json()) == (500, {"Message": "An error has occurred."})
    assert admin.patch([]).get_json()["CustomerType"] == "Prospect"


def test_faults_are_put_read_and_deleted(admin: Admin) -> None:
    """By id; a rule that can never match is refused with the nearest valid form."""
    admin("PUT", "/__admin/faults/mine", {"effect": {"status": 500}})
    assert admin("GET", "/__admin/faults/mine")["effect"]["status"] == 500
    admin("DELETE", "/__admin/faults/mine")
    admin("DELETE", "/__admin/faults/mine", status=404)
    admin("GET", "/__admin/faults/mine", status=404)
    admin("DELETE", "/__admin/faults")
    for bad in ("p=1.7 500", "500 client=ACME02", "rset", "500 path=/Emial"):
        assert "did you mean" in admin("POST", "/__admin/faults", {"text": bad}, status=422)["hint"], bad


def test_a_bad_one_request_fault(admin: Admin) -> None:
    """400 with the story, instead of a fault that nobody meant."""
    assert admin.patch([], X_Mock_Fault="5000").headers["X-Mock-Explain"] == "request-override-invalid"


def test_the_journal(admin: Admin) -> None:
    """Read, explained, found, counted, verified, exported."""
    admin.patch([{"op": "replace", "path": "/Emails/0/EmailAdress", "value": "x"}])
    admin.patch(SET_TYPE)
    newest, oldest = admin("GET", "/__admin/requests")["requests"]
    assert newest["mock"]["changes"][-1]["path"] == "/CustomerType"
    assert "Did you mean /Emails/0/EmailAddress?" in str(admin("GET", f"/__admin/requests/{oldest['id']}/explain"))
    assert admin("GET", f"/__admin/requests/{oldest['id']}/curl").startswith("curl")
    assert admin("POST", "/__admin/requests/count", {"status": 400})["count"] == 1
    assert len(admin("POST", "/__admin/requests/find", {"path": "/CustomerType"})["requests"]) == 1
    event = {"event": {"profile": "CRM/C-000417", "path": "/CustomerType", "became": "Prospect"}, "exactly": 1}
    assert admin("POST", "/__admin/verify", event)["passed"] is True
    assert admin("POST", "/__admin/verify", {**event, "exactly": 2}, status=406)["passed"] is False
    assert len(admin("GET", "/__admin/requests.har")["log"]["entries"]) == 2
    admin("DELETE", f"/__admin/requests/{oldest['id']}")
    admin("GET", f"/__admin/requests/{oldest['id']}", status=404)
    assert admin("GET", "/__admin/requests?limit=1")["meta"]["total"] == 1
    admin("POST", "/__admin/requests/find", {"stat": 1}, status=422)
    admin("GET", "/__admin/requests?limit=x", status=422)


def test_a_dry_run_changes_nothing(admin: Admin) -> None:
    """Answer, story, difference, and each operation's outcome."""
    request = {"client": "ACME01", "alternateIdType": "CRM", "alternateId": "C-000417"}
    done = admin("POST", "/__admin/try", {**request, "body": SET_TYPE})
    assert (done["status"], done["operations"][0]["changed"]) == (200, ["/CustomerType"])
    refused = admin("POST", "/__admin/try", {**request, "body": [*SET_TYPE, {"op": "move"}]})
    assert [row["outcome"] for row in refused["operations"]] == ["undone", "refused"]
    assert admin.patch([]).get_json()["CustomerType"] == "Customer"
    assert admin("GET", "/__admin/requests")["meta"]["total"] == 1
    admin("POST", "/__admin/try", {}, status=422)


@pytest.mark.parametrize("path", ["/__admin/nonsense", "/__admin/profiles/ACME01"])
def test_unknown_control_urls(admin: Admin, path: str) -> None:
    """404 as JSON of our own, not in the vendor's words."""
    assert "error" in admin("GET", path, status=404)


def test_another_sites_page_can_do_nothing(admin: Admin) -> None:
    """Foreign Origin, foreign Host, preflight: refused, and no CORS header anywhere."""
    answers = [
        admin.request("POST", "/__admin/reset", Origin="https://evil.example"),
        admin.request("GET", "/__admin/requests", Origin="null"),
        admin.request("GET", "/__admin/profiles", Sec_Fetch_Site="cross-site"),
        admin.request("POST", "/__admin/reset", Host="evil.example:8080"),
        admin.patch(SET_TYPE, Host="rebound.example"),
        admin.request("OPTIONS", PROFILE, Origin="https://evil.example", Access_Control_Request_Method="PATCH"),
        admin.http.post("/__admin/reset", data="x", content_type="text/plain"),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 421, 421, 405, 415]
    for answer in answers:
        assert not [name for name in answer.headers.keys() if name.lower().startswith("access-control")]  # noqa: SIM118
    assert admin("POST", "/__admin/reset", Origin="http://localhost") == {"status": "reset"}


def test_the_token_is_needed_beyond_loopback(make_admin: Callable[..., Admin]) -> None:
    """Made if not given; compared whole."""
    admin = make_admin(host="0.0.0.0")
    assert admin.mock.admin_token
    assert admin("GET", "/__admin/health", status=401)["reason"] == "admin-token-missing"
    admin("GET", "/__admin/health", X_Mock_Admin_Token="wrong", status=401)
    admin("GET", "/__admin/health", X_Mock_Admin_Token=admin.mock.admin_token)
    assert admin("GET", "/__admin/settings", Authorization=f"Bearer {admin.mock.admin_token}")["admin_token"] != ""


def test_oauth_from_token_to_patch(make_mock: Callable[..., Mock]) -> None:
    """Client credentials give a bearer token that signs requests; it expires by the world's clock."""
    from mockserver.service.assembly import assemble
    from mockserver.settings import Settings

    mock = assemble(Settings(log="off"))
    admin = Admin(mock, create_app(mock).test_client())
    (application,) = mock.fixtures.clients["acme01"].oauth_clients.values()
    form = {
        "grant_type": "client_credentials",
        "client_id": application.client_id,
        "client_secret": application.secret,
        "scope": "ACME01/editor@acme.example",
    }
    answer = admin.http.post("/oauth/token", data=form)
    assert (answer.status_code, answer.get_json()["token_type"], answer.get_json()["expires_in"]) == (
        200,
        "bearer",
        3600,
    )
    bearer = f"Bearer {answer.get_json()['access_token']}"
    assert admin.patch([], Authorization=bearer).status_code == 200
    admin("PUT", "/__admin/clock", {"advance": 3601})
    assert admin.patch([], Authorization=bearer).headers["X-Mock-Explain"] == "oauth-token-expired"
    assert admin.http.post("/oauth/token", data={**form, "client_secret": "x"}).status_code == 401
    repeated = "grant_type=client_credentials&scope=a&scope=b"
    refused = admin.http.post("/oauth/token", data=repeated, content_type="application/x-www-form-urlencoded")
    assert (refused.status_code, refused.get_json()["error"]) == (400, "invalid_request")


def test_a_bug_is_a_500_and_its_traceback_stays_in_the_log(
    admin: Admin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The client learns nothing of our insides."""

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(admin.mock.worlds.default.profiles.__class__, "update", broken)
    answer = admin.patch([])
    assert (answer.status_code, answer.get_json()) == (500, {"Message": "An error has occurred."})
    assert answer.headers["X-Mock-Explain"] == "internal-error"
    assert "ZeroDivisionError: a bug" in caplog.text


def test_a_wrong_url_belongs_to_the_world_that_it_names(admin: Admin) -> None:
    """Also where no route matches, so that nobody else's journal shows it."""
    assert admin.patch([], "/ACME01~one/Profil/x").status_code == 404
    (entry,) = admin("GET", "/__admin/requests", X_Mock_Namespace="one")["requests"]
    assert entry["mock"]["reason"] == "route-unknown"


def test_the_journal_shows_the_operations_of_either_format(admin: Admin) -> None:
    """As pairs of operation and path."""
    admin.patch(SET_TYPE)
    (entry,) = admin("GET", "/__admin/requests")["requests"]
    assert entry["mock"]["operations"] == [{"op": "replace", "path": "/CustomerType"}]


@pytest.mark.parametrize(("size", "status"), [(4000, 200), (4001, 413)], ids=["at-the-bound", "beyond"])
@pytest.mark.parametrize("gateway", ["own", "another"])
def test_the_control_surface_reads_four_times_max_body(
    make_mock: Callable[..., Mock], gateway: str, size: int, status: int
) -> None:
    """On the mock's own server and on every other."""
    mock = make_mock(max_body=1000, port=0)
    body = b'{"method": "PATCH"}'.ljust(size)
    headers = {"Content-Type": "application/json"}
    if gateway == "another":
        answer = create_app(mock).test_client().post("/__admin/requests/count", data=body, headers=headers)
        assert answer.status_code == status
        return
    with make_server(mock) as server, closing(HTTPConnection("127.0.0.1", server.port, timeout=10)) as http:
        http.request("POST", "/__admin/requests/count", body, headers)
        assert http.getresponse().status == status


def test_a_refusal_by_a_bound_names_it_and_is_counted(make_admin: Callable[..., Admin]) -> None:
    """What to do instead stands beside it."""
    admin = make_admin(max_snapshots=1, max_faults=1)
    admin("POST", "/__admin/snapshots/one", status=201)
    refusal = admin("POST", "/__admin/snapshots/two", status=400)
    assert (refusal["error"], refusal["reason"]) == ("A world holds no more snapshots than 1.", "bound-reached")
    assert refusal["hint"] == "Delete one of them, or start with a larger --max-snapshots."
    admin("POST", "/__admin/faults", {"text": "500"}, status=201)
    assert "--max-faults" in admin("POST", "/__admin/faults", {"text": "500"}, status=400)["hint"]
    shown = admin("GET", "/metrics")
    assert 'mockserver_bound_refusals_total{bound="max_faults"} 1.0' in shown
    assert 'mockserver_bound_refusals_total{bound="max_snapshots"} 1.0' in shown
    assert "mockserver_content_bytes" in shown


def test_the_work_of_a_control_request_is_bounded(make_admin: Callable[..., Admin]) -> None:
    """The plan of many faults, and questions to a journal, up to the bound and beyond it."""
    admin = make_admin(max_control_work=10_000)
    for _ in range(2):
        admin("POST", "/__admin/faults", {"text": "500"}, status=201)
        admin.patch([])
    assert len(admin("GET", "/__admin/faults/plan?n=50")["plan"]) == 2
    assert "--max-control-work" in admin("GET", "/__admin/faults/plan?n=51", status=400)["hint"]
    many = {"bodyPatterns": [{"contains": "x"}] * 1000}
    for path in ("/__admin/requests/find", "/__admin/requests/count", "/__admin/verify"):
        assert admin("POST", path, many, status=400)["reason"] == "bound-reached"
    assert 'mockserver_bound_refusals_total{bound="max_control_work"} 4.0' in admin("GET", "/metrics")
