"""The pytest plugin: a test's own world, what fails a test by itself, and that no test sees another."""

from __future__ import annotations

import http.client
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from mockserver.errors import UsageError
from mockserver.testing import MockServer, MyPreferences

pytest_plugins = ["pytester"]

PROFILE = ("CRM", "C-000417")
REPLACE = [{"op": "replace", "path": "/CustomerType", "value": "Prospect"}]
START = "Customer"


def customer_type(mypreferences: MyPreferences) -> str:
    return str(mypreferences.profile(*PROFILE)["CustomerType"])


def run(pytester: pytest.Pytester, test: str, *arguments: str) -> pytest.RunResult:
    """Run a test module in a pytest of its own, warnings being errors."""
    pytester.makepyfile(f"import pytest\n\n{test}")
    return pytester.runpytest_inprocess("-W", "error", "--strict-markers", *arguments)


# -- one test, one world ---------------------------------------------------------------------------------------------


def test_a_patch_reaches_the_world_of_the_test(mypreferences: MyPreferences) -> None:
    """The client signs, the answer says why, the state can be read."""
    answer = mypreferences.client().patch(*PROFILE, REPLACE)
    assert (answer.status, answer.reason, answer.provenance) == (200, "patch-applied", "documented")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.json()["CustomerType"] == customer_type(mypreferences) == "Prospect"


def test_an_answer_can_be_xml(mypreferences: MyPreferences) -> None:
    """Accept is the test's to choose."""
    answer = mypreferences.client().patch(*PROFILE, [], accept="application/xml")
    assert answer.text.startswith("<UserProfile")


def test_operations_can_be_sent_raw(mypreferences: MyPreferences) -> None:
    """A malformed body is sent as it is."""
    assert mypreferences.client().patch(*PROFILE, "[{").reason == "body-not-json"


@pytest.mark.parametrize(
    ("user", "client", "reason"),
    [
        pytest.param("editor@acme.example", None, "patch-empty", id="an editor"),
        pytest.param("reader@acme.example", None, "auth-permission-missing", id="a user without the permission"),
        pytest.param(None, "GLOBEX", "patch-empty", id="another client's first user"),
    ],
)
def test_a_client_signs_for_any_user(
    mypreferences: MyPreferences, user: str | None, client: str | None, reason: str
) -> None:
    """The keys come from the fixtures."""
    assert mypreferences.client(user, client).patch(*PROFILE, []).reason == reason


def test_a_client_can_use_a_bearer_token(mypreferences: MyPreferences) -> None:
    """OAuth is the other way in; a token expires by the world's clock."""
    client = mypreferences.client(oauth=True)
    assert client.patch(*PROFILE, []).status == 200
    mypreferences.advance(timedelta(hours=2))
    assert client.patch(*PROFILE, []).reason == "oauth-token-expired"
    assert mypreferences.client(oauth=True).patch(*PROFILE, []).status == 200


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_a_header_can_be_left_out(mypreferences: MyPreferences, name: str) -> None:
    """None takes a header away, also the signature."""
    assert mypreferences.client().patch(*PROFILE, [], headers={name: None}).reason == "auth-header-missing"


def test_an_application_without_headers_of_its_own_uses_the_client_id(mypreferences: MyPreferences) -> None:
    """The world's name behind the clientId leads there, signed as sent."""
    connection = http.client.HTTPConnection(mypreferences.url.removeprefix("http://"), timeout=10)
    target = f"/{mypreferences.client_id}/Profile/AlternateIdType/CRM/AlternateId/C-000417"
    signature = mypreferences.sign(mypreferences.client_id, "editor@acme.example")
    connection.request("PATCH", target, "[]", {"Authorization": signature, "Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    assert (status, len(mypreferences.requests)) == (200, 1)


def test_profiles_can_be_prepared(mypreferences: MyPreferences) -> None:
    """A profile that is put is completed with the page's defaults."""
    ids = [{"AlternateIdType": "CRM", "AlternateId": "NEW 1/2"}]
    stored = mypreferences.put_profile("CRM", "NEW 1/2", {"ProfileId": 99, "AlternateIds": ids})
    assert stored["RegistrationConfirmed"] is False
    assert mypreferences.client().patch("CRM", "NEW 1/2", []).json() == stored
    assert mypreferences.profile("CRM", "NEW 1/2") == stored


def test_a_fault_lasts_as_long_as_its_block(mypreferences: MyPreferences) -> None:
    """As text or as JSON; what it did can be counted."""
    client = mypreferences.client()
    with mypreferences.fault("500 first=1") as fault:
        statuses = [client.patch(*PROFILE, REPLACE).status for _ in range(2)]
        assert (statuses, fault.matched, fault.hits) == ([500, 200], 2, 1)
    mypreferences.fault({"effect": {"status": 403}})
    answer = client.patch(*PROFILE, [])
    assert (answer.status, str(answer.fault)[:4]) == (403, "403-")


def test_a_removed_fault_may_end_twice(mypreferences: MyPreferences) -> None:
    """A reset inside the block takes the fault along, which is no failure."""
    with mypreferences.fault("500"):
        mypreferences.reset()
    assert mypreferences.client().patch(*PROFILE, []).status == 200


def test_the_clock_is_the_tests_own(mypreferences: MyPreferences) -> None:
    """The client signs by the frozen clock, and changes are stamped by it."""
    mypreferences.freeze(datetime(2026, 1, 31, 12, tzinfo=UTC))
    mypreferences.advance(60)
    answer = mypreferences.client().patch(*PROFILE, REPLACE)
    assert answer.json()["Edited"]["ModifiedDate"] == "2026-01-31T12:01:00.000Z"
    assert mypreferences.now() == datetime(2026, 1, 31, 12, 1, tzinfo=UTC)


def test_an_old_signature_is_refused(mypreferences: MyPreferences) -> None:
    """The window of fifteen minutes can be tested without waiting."""
    signature = mypreferences.sign()
    mypreferences.advance(901)
    refused = mypreferences.client().patch(*PROFILE, [], headers={"Authorization": signature})
    assert refused.reason == "auth-date-too-old"


def test_snapshots_bring_profiles_back(mypreferences: MyPreferences) -> None:
    """A snapshot holds the profiles, not the journal."""
    client = mypreferences.client()
    client.patch(*PROFILE, REPLACE)
    mypreferences.snapshot()
    client.patch(*PROFILE, [{"op": "replace", "path": "/CustomerType", "value": "Lost"}])
    mypreferences.restore()
    assert (customer_type(mypreferences), len(mypreferences.requests)) == ("Prospect", 2)


def test_a_reset_brings_everything_back(mypreferences: MyPreferences) -> None:
    """Profiles, faults, journal and clock."""
    mypreferences.client().patch(*PROFILE, REPLACE)
    mypreferences.fault("500")
    mypreferences.freeze("2020-01-01T00:00:00Z")
    mypreferences.reset()
    assert (customer_type(mypreferences), mypreferences.requests) == (START, [])
    assert mypreferences.now().year > 2020
    assert mypreferences.client().patch(*PROFILE, []).status == 200


def test_the_journal_tells_what_happened(mypreferences: MyPreferences) -> None:
    """Each request with its operations, changes, reason and fault, in order of arrival."""
    mypreferences.client().patch(*PROFILE, REPLACE)
    mypreferences.client().patch(*PROFILE, [{"op": "replace", "path": "/ProfileId", "value": 1}])
    mypreferences.client().patch(*PROFILE, "no JSON")
    applied, refused, malformed = mypreferences.requests
    assert (applied.method, applied.status, applied.operations) == ("PATCH", 200, REPLACE)
    assert ("/CustomerType", START, "Prospect") in applied.changes
    assert (refused.reason, refused.user, refused.fault) == ("member-read-only", "editor@acme.example", None)
    assert refused.profile == {"client": "ACME01", "type": "CRM", "id": "C-000417"}
    assert (malformed.reason, malformed.operations) == ("body-not-json", [])


def test_verifying_passes_when_it_happened(mypreferences: MyPreferences) -> None:
    """By keywords, as JSON, as an event, and as a sequence."""
    mypreferences.client().patch(*PROFILE, REPLACE)
    mypreferences.verify(op="replace", path="/CustomerType", alternate_id="C-000417", exactly=1)
    mypreferences.verify({"count": {"request": {"status": 200}, "exactly": 1}})
    mypreferences.verify(event={"profile": "CRM/C-000417", "path": "/CustomerType", "became": "Prospect"})
    mypreferences.verify(sequence=[{"op": "replace"}])


def test_verifying_fails_with_the_nearest_miss(mypreferences: MyPreferences) -> None:
    """The difference is readable."""
    mypreferences.client().patch(*PROFILE, REPLACE)
    with pytest.raises(AssertionError) as failure:
        mypreferences.verify(op="replace", path="/DefaultLocale")
    assert 'operation: expected {"op":"replace","path":"/DefaultLocale"}' in str(failure.value)


def test_verifying_an_empty_journal_says_how_requests_get_there(mypreferences: MyPreferences) -> None:
    """The usual mistake is an application that names no world."""
    with pytest.raises(AssertionError, match=r"mypreferences\.headers"):
        mypreferences.verify(op="add")


@pytest.mark.parametrize(
    ("mistake", "hint"),
    [
        pytest.param(lambda own: own.fault("500 fist=2"), "first=2", id="fault"),
        pytest.param(lambda own: own.client(client="ACME1"), "ACME01", id="client"),
        pytest.param(lambda own: own.client("editor@acme"), "editor@acme.example", id="user"),
        pytest.param(lambda own: own.client(client="GLOBEX", oauth=True), "oauth_clients", id="application"),
        pytest.param(lambda own: own.profile("CRM", "nobody"), "profiles", id="profile"),
        pytest.param(lambda own: own.put_profile("CRM", "1", {"Emils": []}), "Emails", id="member"),
        pytest.param(lambda own: own.verify(pth="/IsActive"), "path", id="pattern"),
        pytest.param(lambda own: own.allow("route-unkown"), "route-unknown", id="reason"),
        pytest.param(lambda own: own.freeze("soon"), "2026", id="moment"),
        pytest.param(lambda own: own.restore("never taken"), "none", id="snapshot"),
        pytest.param(lambda own: own.sign(algorithm="MD5"), "SHA256", id="algorithm"),
    ],
)
def test_a_mistake_gets_a_hint(mypreferences: MyPreferences, mistake: object, hint: str) -> None:
    """Whatever can't be used says what to write instead."""
    assert callable(mistake)
    with pytest.raises(UsageError) as problem:
        mistake(mypreferences)
    assert hint in str(problem.value)


def test_names_tell_the_test_and_suit_a_url(mypreferences: MyPreferences, mypreferences_server: MockServer) -> None:
    """Whatever a test is called, its world's name is short, plain and its own."""
    assert mypreferences.world.startswith("test-names-tell-the-test-and-suit-a-url-")
    odd = ["tests/a.py::test[ä/~%]", "tests/a.py::test[ä/~&]", f"t.py::{'x' * 200}", "Ω", "Ω"]
    worlds = [mypreferences_server.open(node_id) for node_id in odd]
    names = [world.world for world in worlds]
    for world in worlds:
        world.close()
    assert len(set(names)) == len(odd)
    assert all(len(name) < 60 and name.replace("-", "").isalnum() and name.isascii() for name in names)


# -- what fails a test by itself -------------------------------------------------------------------------------------

REQUESTS = {
    "route-unknown": 'client.request("PATCH", "/ACME01/Profil/CRM/C-000417", "[]")',
    "method-not-allowed": 'client.request("PUT", "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417")',
    "media-type-unsupported": 'client.patch("CRM", "C-000417", [], content_type="text/plain")',
    "auth-client-unknown": 'client.request("PATCH", "/NOBODY/Profile/AlternateIdType/CRM/AlternateId/C-000417", "[]")',
    "request-override-invalid": 'client.patch("CRM", "C-000417", [], headers={"X-Mock-Fault": "oops"})',
    "namespace-invalid": 'client.patch("CRM", "C-000417", [], headers={"X-Mock-Namespace": "!"})',
    "body-not-json": 'client.patch("CRM", "C-000417", "{")',
    "auth-header-missing": 'client.patch("CRM", "C-000417", [], headers={"Authorization": None})',
    "profile-unknown": 'client.patch("CRM", "nobody", [])',
    "fault-injected": 'client.patch("CRM", "C-000417", [], headers={"X-Mock-Fault": "500"})',
}
UNSERVED = list(REQUESTS)[:5]
SERVED = list(REQUESTS)[6:]


def module_with(reason: str, mark: str = "") -> str:
    return f"{mark}\ndef test_it(mypreferences):\n    client = mypreferences.client()\n    {REQUESTS[reason]}"


@pytest.mark.parametrize("reason", UNSERVED)
def test_a_request_that_can_not_be_served_fails_the_test(pytester: pytest.Pytester, reason: str) -> None:
    """At the end of the test, with the explanation and how to expect it."""
    result = run(pytester, module_with(reason))
    result.assert_outcomes(passed=1, errors=1)
    told = result.stdout.str()
    for text in ("could not serve 1 request", f" {reason}\n", f"({reason}: ", f'allow=["{reason}"]'):
        assert text in told
    assert "During handling" not in told


@pytest.mark.parametrize("reason", SERVED)
def test_an_answer_of_the_vendors_fails_no_test(pytester: pytest.Pytester, reason: str) -> None:
    """Documented refusals are what tests are about."""
    run(pytester, module_with(reason)).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "mark",
    [
        pytest.param('@pytest.mark.mypreferences(allow=["route-unknown"])', id="by name"),
        pytest.param('@pytest.mark.mypreferences(allow="route-*")', id="by pattern, as text"),
        pytest.param('pytestmark = pytest.mark.mypreferences(allow=["route-unknown"])', id="for the module"),
        pytest.param("@pytest.mark.usefixtures('tolerant')", id="by call, in a fixture"),
    ],
)
def test_a_test_can_expect_what_is_not_served(pytester: pytest.Pytester, mark: str) -> None:
    """By mark or by call."""
    fixture = "@pytest.fixture\ndef tolerant(mypreferences):\n    mypreferences.allow('route-unknown')\n\n"
    run(pytester, fixture + module_with("route-unknown", mark)).assert_outcomes(passed=1)


def test_a_test_can_deny_more(pytester: pytest.Pytester) -> None:
    """A suite that wants no 401 at all says so."""
    mark = '@pytest.mark.mypreferences(deny=["auth-*"])'
    run(pytester, module_with("auth-header-missing", mark)).assert_outcomes(passed=1, errors=1)


@pytest.mark.parametrize(
    ("mark", "hint"),
    [
        pytest.param('("route-unknown")', "takes allow and deny", id="positional"),
        pytest.param('(alow=["route-unknown"])', "takes allow and deny", id="misspelt keyword"),
        pytest.param('(allow=["route-unkown"])', "did you mean route-unknown?", id="misspelt reason"),
    ],
)
def test_a_wrong_mark_is_refused(pytester: pytest.Pytester, mark: str, hint: str) -> None:
    """A typo must not let anything pass."""
    result = run(pytester, f"@pytest.mark.mypreferences{mark}\ndef test_it(mypreferences):\n    pass")
    result.assert_outcomes(errors=1)
    assert hint in result.stdout.str()


def test_a_reset_forgets_no_unserved_request(pytester: pytest.Pytester) -> None:
    """Otherwise a reset in the test would hide the mistake."""
    run(pytester, module_with("route-unknown") + "\n    mypreferences.reset()").assert_outcomes(passed=1, errors=1)


NO_WORLD = """
def ask(mypreferences, method="GET", target="/x"):
    connection = http.client.HTTPConnection(mypreferences.url.removeprefix("http://"))
    connection.request(method, target)
    connection.getresponse().read()
    connection.close()
"""


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("'/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417'", id="a profile"),
        pytest.param("'/ACME01/Profil'", id="a wrong path"),
    ],
)
def test_a_request_without_a_world_fails_the_test(pytester: pytest.Pytester, target: str) -> None:
    """It went to the state that all tests share."""
    test = f"import http.client\n{NO_WORLD}\ndef test_it(mypreferences):\n    ask(mypreferences, 'PATCH', {target})"
    result = run(pytester, f"{test}\n\ndef test_innocent(mypreferences):\n    pass", "-p", "no:randomly")
    result.assert_outcomes(passed=2, errors=1)
    assert "mypreferences.headers" in result.stdout.str()


def test_a_wrong_path_behind_a_world_is_found_in_that_world(pytester: pytest.Pytester) -> None:
    """The application used `ACME01~world`, so the mistake is this test's, also on a shared server."""
    target = "'/' + mypreferences.client_id + '/Profil'"
    test = f"import http.client\n{NO_WORLD}\ndef test_it(mypreferences):\n    ask(mypreferences, 'PATCH', {target})"
    result = run(pytester, f"{test}\n\ndef test_innocent(mypreferences):\n    pass", "-p", "no:randomly")
    result.assert_outcomes(passed=2, errors=1)
    assert "route-unknown" in result.stdout.str()


def test_a_request_without_a_world_can_be_expected(pytester: pytest.Pytester) -> None:
    """For an application that is started once, for all tests."""
    mark = "@pytest.mark.mypreferences(allow=['namespace-missing'])"
    test = f"import http.client\n{NO_WORLD}\n{mark}\ndef test_it(mypreferences):\n    ask(mypreferences)"
    run(pytester, test).assert_outcomes(passed=1)


def test_the_xml_of_a_failure_holds_the_journal(pytester: pytest.Pytester) -> None:
    """Of a test that fails, and of one that is failed for what the mock could not serve."""
    test = """
def test_it(mypreferences):
    mypreferences.client().patch("CRM", "C-000417", [])
    raise AssertionError("failed by itself")


def test_unserved(mypreferences):
    mypreferences.client().request("PATCH", "/nowhere", "[]")
"""
    run(pytester, test, "--junit-xml=report.xml")
    told = [node.text or "" for node in ElementTree.parse(pytester.path / "report.xml").iter() if node.tag != "skipped"]
    (failed,) = [text for text in told if "failed by itself" in text]
    (unserved,) = [text for text in told if "could not serve" in text]
    assert "200 patch-empty" in failed.partition("MyPreferences journal")[2]
    assert "/nowhere" in unserved.partition("MyPreferences journal")[2]


def test_a_failure_shows_the_journal(pytester: pytest.Pytester) -> None:
    """And is not failed a second time at the end."""
    result = run(pytester, module_with("route-unknown") + "\n    client.patch('CRM', 'C-000417', [])\n    assert False")
    result.assert_outcomes(failed=1)
    told = result.stdout.str().partition("MyPreferences journal")[2]
    assert "2 requests" in told
    assert told.index("-> 404 route-unknown") < told.index("-> 200 patch-empty")


def test_a_mistake_ends_the_report_at_the_tests_own_line(pytester: pytest.Pytester) -> None:
    """Nobody has to read through the plugin's frames."""
    result = run(pytester, "def test_it(mypreferences):\n    mypreferences.fault('500 fist=2')")
    result.assert_outcomes(failed=1)
    assert "mockserver/testing" not in result.stdout.str()
