"""No test sees another: random tests on several workers, in threads on one server, and on one shared server."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mockserver.commands.running import make_server
from mockserver.service.assembly import assemble
from mockserver.settings import Settings
from mockserver.testing import MockServer, MyPreferences, UnservedRequests
from mockserver.testing.control import Control

pytest_plugins = ["pytester"]

PROFILE = ("CRM", "C-000417")
TESTS = 24
THREADS = 8


class Model:
    """What one world must look like if nobody else ever touches it; every value that it writes is its own."""

    def __init__(self, mypreferences: MyPreferences, number: int) -> None:
        self.own = mypreferences
        self.number = number
        self.draw = random.Random(number)
        # Half of the requests come by the header alone, half by the clientId as well.
        self.clients = [mypreferences.client(), mypreferences.client(client=mypreferences.client_id)]
        self.type = self.kept = "Customer"
        self.statuses: list[int] = []
        self.status: int | None = None
        self.moment: str | None = None
        self.has_snapshot = False

    def step(self) -> None:
        actions: list[Callable[[], None]] = [
            self.patch, self.patch, self.refused, self.fault, self.freeze, self.reset, self.snapshot, self.restore,
        ]  # fmt: skip
        self.draw.choice(actions)()
        self.check()

    def patch(self) -> None:
        value = f"type {self.number} {self.draw.random()}"
        client = self.draw.choice(self.clients)
        answer = client.patch(*PROFILE, [{"op": "replace", "path": "/CustomerType", "value": value}])
        assert answer.status == (self.status or 200), answer
        self.statuses.append(answer.status)
        if self.status is None:
            self.type = value
            assert self.moment is None or answer.json()["Edited"]["ModifiedDate"] == self.moment

    def refused(self) -> None:
        answer = self.draw.choice(self.clients).patch(*PROFILE, [{"op": "remove", "path": "/ProfileId"}])
        assert answer.status == (self.status or 400), answer
        self.statuses.append(answer.status)

    def fault(self) -> None:
        if self.status is None:
            self.status = self.draw.choice([401, 403, 429, 500, 503])
            self.own.fault({"id": f"of-{self.number}", "effect": {"status": self.status}})

    def freeze(self) -> None:
        self.moment = f"20{10 + self.number % 80}-{self.draw.randint(1, 12):02}-01T00:00:00.000Z"
        self.own.freeze(self.moment)

    def reset(self) -> None:
        self.own.reset()
        self.type, self.statuses, self.status, self.moment = "Customer", [], None, None

    def snapshot(self) -> None:
        self.own.snapshot()
        self.kept, self.has_snapshot = self.type, True

    def restore(self) -> None:
        if self.has_snapshot:
            self.own.restore()
            self.type = self.kept

    def check(self) -> None:
        assert self.own.profile(*PROFILE)["CustomerType"] == self.type
        requests = self.own.requests
        assert [request.status for request in requests] == self.statuses
        assert all(f"of-{self.number}#" in request.fault for request in requests if request.fault)
        if self.moment:
            assert self.own.now().isoformat()[:19] == self.moment[:19]


def run_randomly(mypreferences: MyPreferences, number: int, steps: int = 8) -> None:
    """Do random things in a world, looking at all of it after each."""
    model = Model(mypreferences, number)
    for _ in range(steps):
        model.step()


MODULE = f"""
import pytest
from {__name__} import run_randomly

@pytest.mark.parametrize("number", range({TESTS}))
def test_alone(mypreferences, number):
    run_randomly(mypreferences, number)
"""


OnTwoWorkers = Callable[..., pytest.RunResult]


@pytest.fixture
def on_two_workers(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> OnTwoWorkers:
    """Run a test module on two workers, in random order, warnings being errors."""
    plugins = ["-p", "mockserver.pytest_plugin", "-p", "xdist", "-p", "pytest_randomly"]

    def run(module: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(module)
        pytester.syspathinsert(Path(__file__).parents[2])
        with monkeypatch.context() as environment:
            # Other installed plugins would only cost time, in each worker anew.
            environment.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
            return pytester.runpytest_subprocess(*plugins, "-n", "2", "-W", "error", *arguments)

    return run


DRAWS = """
import pytest

@pytest.mark.parametrize("number", range(3))
def test_draws(mypreferences, number):
    mypreferences.fault("500 p=0.5")
    client = mypreferences.client()
    statuses = [client.patch("CRM", "C-000417", []).status for _ in range(20)]
    print(f"drawn {number}", *statuses)
"""


def drawn(result: pytest.RunResult) -> dict[str, str]:
    return dict(re.findall(r"drawn (\d) ([\d ]+)", result.stdout.str()))


def test_workers_with_servers_of_their_own(pytester: pytest.Pytester, on_two_workers: OnTwoWorkers) -> None:
    """pytest-xdist, each worker with a server; on any of them, in any order and every run a seed gives the same faults.

    Another seed gives others.
    """
    draws = pytester.makepyfile(test_draws=DRAWS)
    there = on_two_workers(MODULE, "-rP")
    there.assert_outcomes(passed=TESTS + 3)
    assert len(set(drawn(there).values())) == 3
    assert drawn(pytester.runpytest_inprocess(draws, "-rP")) == drawn(there)
    assert drawn(pytester.runpytest_inprocess(draws, "-rP", "--mypreferences-seed=1")) != drawn(there)


def test_workers_that_share_a_server(on_two_workers: OnTwoWorkers) -> None:
    """The same with one server for all; it is left as it was."""
    with make_server(assemble(Settings(port=0, log="off"))) as server:
        on_two_workers(MODULE, f"--mypreferences-url={server.url}").assert_outcomes(passed=TESTS)
        namespaces = Control(server.url, None, None)("GET", "namespaces")["namespaces"]
    assert [(row["name"], row["requests"], row["changedProfiles"]) for row in namespaces] == [("default", 0, 0)]


def test_threads_on_one_server(mypreferences_server: MockServer) -> None:
    """Eight worlds at a time, all of one name."""

    def one(number: int) -> str:
        with mypreferences_server.world("thread") as own:
            run_randomly(own, number)
            return own.world

    with ThreadPoolExecutor(THREADS) as pool:
        names = list(pool.map(one, range(TESTS)))
    assert len(names) == TESTS


def test_threads_in_one_world(mypreferences: MyPreferences) -> None:
    """A test may use its world from several threads: nothing is lost."""

    def one(number: int) -> int:
        address = [{"op": "add", "path": "/Emails/-", "value": {"EmailAddress": f"{number}@example.test"}}]
        return mypreferences.client().patch(*PROFILE, address).status

    before = len(mypreferences.profile(*PROFILE)["Emails"])
    with ThreadPoolExecutor(THREADS) as pool:
        statuses = list(pool.map(one, range(40)))
    emails = mypreferences.profile(*PROFILE)["Emails"]
    assert statuses == [200] * 40
    assert sorted(email["EmailAddress"] for email in emails[before:]) == sorted(f"{n}@example.test" for n in range(40))
    assert len(mypreferences.requests) == 40


def test_a_request_without_a_world_blames_nobody_among_several(mypreferences_server: MockServer) -> None:
    """With two worlds open nobody can tell whose it was, so neither is failed for it."""
    unsigned = {"X-Mock-Namespace": None, "Authorization": None}
    with mypreferences_server.world("first") as first, mypreferences_server.world("second"):
        assert first.client().patch(*PROFILE, [], headers=unsigned).status == 401
    with pytest.raises(AssertionError, match="namespace-missing"), mypreferences_server.world("alone") as alone:
        alone.client().patch(*PROFILE, [], headers=unsigned)


def test_a_wider_world_complains_at_its_end(mypreferences_server: MockServer) -> None:
    """Of what could not be served, unless something else failed inside, which says more."""
    with pytest.raises(UnservedRequests, match="route-unknown"), mypreferences_server.world() as own:
        own.client().request("GET", "/nowhere")
    with pytest.raises(ZeroDivisionError), mypreferences_server.world() as own:
        assert own.client().request("GET", "/nowhere").status / 0
    with mypreferences_server.world(allow=["route-*"]) as own:
        own.client().request("GET", "/nowhere")


def test_names_are_free_again(mypreferences_server: MockServer) -> None:
    """So that a test that runs again meets the same faults; while it is open, its name is its own."""
    with mypreferences_server.world("again") as first, mypreferences_server.world("again") as second:
        assert first.world != second.world
    with mypreferences_server.world("again") as third:
        assert third.world == first.world


def test_no_thread_is_left(mypreferences: MyPreferences) -> None:
    """The session's server is there before; a test adds none, whatever servers other tests have."""
    there = {thread for thread in threading.enumerate() if thread.name == "mockserver"}
    assert mypreferences.client().patch(*PROFILE, []).status == 200
    assert {thread for thread in threading.enumerate() if thread.name == "mockserver"} == there != set()
