"""The one table of operations: what Flask, the door, `Allow` and the contract make of it is the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from flask import url_for
from werkzeug.routing import Rule

from mockserver.fixtures.clients import PERMISSIONS
from mockserver.journal.lines import LogLines
from mockserver.service.assembly import Mock
from mockserver.service.operations import BASE_PATHS, OPERATIONS, PATCH, Operation
from mockserver.web.app import create_app
from tests.conftest import Client


def test_the_contract_has_the_same_operations(make_mock: Callable[..., Mock]) -> None:
    paths = make_mock().contract["paths"]
    described = {
        (operation["operationId"], method.upper(), route)
        for route, path in paths.items()
        for method, operation in path.items()
        if isinstance(operation, dict)
    }
    assert {(row.name, row.method, row.route) for row in OPERATIONS} == described


def test_users_can_be_given_each_permission() -> None:
    assert {operation.permission for operation in OPERATIONS} == set(PERMISSIONS)


def test_flask_lists_every_operation(make_mock: Callable[..., Mock]) -> None:
    """As `flask --app mockserver.web.app routes` does."""
    rules = create_app(make_mock(), fast=False).url_map.iter_rules()
    listed = {
        (rule.rule, method) for rule in rules if rule.endpoint.startswith("vendor.") for method in rule.methods or ()
    }
    wanted = {
        (base + row.route.replace("{", "<").replace("}", ">"), row.method) for row in OPERATIONS for base in BASE_PATHS
    }
    # Flask adds HEAD to each GET; the door refuses it, as the vendor's stack does.
    assert listed == wanted | {(rule, "HEAD") for rule, method in wanted if method == "GET"}


def test_what_writes_addresses_is_compiled_for_whoever_asks(
    make_mock: Callable[..., Mock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mock itself never does, and most of the time to make the application would go there."""
    compiled: list[str] = []
    compile_builder = Rule._compile_builder

    def noted(rule: Rule, append_unknown: bool) -> Callable[..., tuple[str, str]]:
        compiled.append(rule.rule)
        return compile_builder(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", noted)
    app = create_app(make_mock(), fast=False)
    assert compiled == []
    with app.test_request_context():
        assert url_for("admin.read_request", exchange_id="00000001", b="x") == "/__admin/requests/00000001?b=x"
    assert compiled == ["/__admin/requests/<exchange_id>"]


def test_the_patch_alone_can_be_served(call: Callable[..., Client]) -> None:
    """As before the calls around it came: every other route is unknown, and `Allow` names the PATCH alone."""
    alone = call(operations="patch")
    assert alone(method="GET")[1]["Allow"] == "PATCH"
    elsewhere = {row.route for row in OPERATIONS} - {PATCH.route}
    assert {alone(method="GET", target=route)[0] for route in elsewhere} == {404}
    rules = create_app(alone.mock).url_map.iter_rules()
    assert len([rule for rule in rules if rule.endpoint.startswith("vendor.")]) == len(BASE_PATHS)


def test_every_other_method_gets_the_methods_of_its_route(call: Callable[..., Client]) -> None:
    """In the table's order, whatever the values in the URL are."""
    for route in dict.fromkeys(row.route for row in OPERATIONS):
        offered = [row.method for row in OPERATIONS if row.route == route]
        for method in {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE", "BREW"} - set(offered):
            status, headers, _ = call()(method=method, target=route.replace("{profileId}", "1"))
            assert (status, headers["Allow"]) == (405, ", ".join(offered))


def test_the_contract_names_the_permission_of_each(make_mock: Callable[..., Mock]) -> None:
    paths = make_mock().contract["paths"]
    for row in OPERATIONS:
        assert paths[row.route][row.method.lower()]["x-permission"] == row.permission


@pytest.mark.parametrize(
    ("method", "target", "host", "status"),
    [
        ("PATCH", Client.PROFILE, "localhost", 200),
        ("PATCH", f"/profiles{Client.PROFILE.lower()}/", "localhost", 200),
        ("PATCH", Client.PROFILE.replace("C-000417", "C%2F1"), "localhost", 404),
        ("PATCH", Client.PROFILE.replace("/CRM", "//CRM"), "localhost", 404),
        ("PATCH", f"/{Client.PROFILE}", "localhost", 404),
        ("PATCH", "/", "localhost", 404),
        ("PATCH", "/oauth/token", "localhost", 404),
        ("PATCH", "/metrics", "localhost", 405),
        ("PATCH", "/__admin/health", "localhost", 405),
        ("PUT", Client.PROFILE, "localhost", 405),
        ("GET", Client.PROFILE, "localhost", 200),
        ("HEAD", Client.PROFILE, "localhost", 405),
        ("GET", "/ACME01/Profile/70012345", "localhost", 200),
        ("PATCH", "/ACME01/Profile/70012345", "localhost", 200),
        ("DELETE", "/ACME01/Profile/70012345", "localhost", 204),
        ("POST", "/ACME01/Profile/70012345/Activate", "localhost", 200),
        ("POST", "/Profiles/ACME01/Profile/70012345/Deactivate/", "localhost", 400),
        ("GET", "/ACME01/Tags", "localhost", 200),
        ("OPTIONS", Client.PROFILE, "localhost", 405),
        ("BREW", Client.PROFILE, "localhost", 405),
        ("PATCH", Client.PROFILE, "elsewhere.example", 421),
        ("PATCH", "/nowhere", "elsewhere.example", 421),
        ("GET", "/nowhere", "elsewhere.example", 421),
        ("PATCH", "/metrics", "elsewhere.example", 421),
    ],
    ids=str,
)
def test_both_doors_answer_the_same(
    make_mock: Callable[..., Mock], method: str, target: str, host: str, status: int
) -> None:
    """With the same bytes, and with the same entry in the journal."""
    answers = []
    for fast in (True, False):
        mock = make_mock()
        http = create_app(mock, fast=fast).test_client()
        environ: dict[str, Any] = {"RAW_URI": target, "REQUEST_URI": target, "HTTP_HOST": host}
        answer = http.open(
            target, method=method, data=b"[]", content_type="application/json", environ_overrides=environ
        )
        journal = [entry.story.reason for entry in mock.worlds.default.journal]
        answers.append((answer.status, sorted(answer.headers), answer.data, journal))
    assert answers[0] == answers[1]
    assert answers[0][0][:3] == str(status)


@pytest.mark.parametrize("row", [*OPERATIONS, None], ids=lambda row: row.name if row else "none")
def test_an_exchange_names_its_operation_wherever_it_is_told(
    make_mock: Callable[..., Mock], row: Operation | None
) -> None:
    """By its name in the table, whatever came of it; a method that the route does not have names none."""
    mock = make_mock()
    http = create_app(mock).test_client()
    names = {"clientId": "ACME01", "profileId": "70012345", "alternateIdType": "CRM", "alternateId": "NOBODY"}
    method, route = (row.method, row.route) if row else ("BREW", PATCH.route)
    answer = http.open(route.format_map(names), method=method)
    name, number = row.name if row else None, answer.headers["X-Mock-Request-Id"]
    [shown] = http.get("/__admin/requests?view=rows").get_json()["rows"]
    [archived] = http.get("/__admin/requests.har").get_json()["log"]["entries"]
    [kept] = mock.worlds.default.journal
    told = [
        shown["operation"],
        archived["_mock"]["operation"],
        http.get(f"/__admin/requests/{number}").get_json()["mock"]["operationId"],
        http.get(f"/__admin/requests/{number}/explain").get_json()["operationId"],
        LogLines(mock.tree).row(kept)["operation"],
    ]
    assert told == [name] * len(told)
    counted = f'mockserver_requests_total{{operation="{name or ""}",'
    assert counted in http.get("/metrics").text


def test_prometheus_is_imported_by_its_view_alone() -> None:
    """Few runs are scraped: neither a start nor the first use of the control surface waits for the library."""
    code = "import sys, mockserver.web.app; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
