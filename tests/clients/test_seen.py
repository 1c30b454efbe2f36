"""What Node and Java see of each fault, on both schemes, and of each flaw of a handshake, as the pages' tables say."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from mockserver.faults.rules import CONNECTIONS
from mockserver.server.server import Server
from mockserver.service.assembly import assemble
from mockserver.settings import FIELDS, Settings
from mockserver.testing.control import Control
from tests.clients.test_languages import ROOT, needs

HERE = Path(__file__).parent


def table(page: str, heading: str) -> dict[str, dict[str, str]]:
    """Return the table below a heading: by its first column, then by the names of the others."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    names, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    return {row[0].strip("`"): dict(zip(names, row, strict=True)) for row in rows}


FAULTS = table("faults.md", "What clients see")
FLAWS = table("https.md", "Is it refused when it should be?")


class Mocks(NamedTuple):
    """One mock: its server on each scheme, one for each flaw, and the file of the CA of all."""

    schemes: tuple[Server, Server]
    flawed: dict[str, Server]
    ca: str


@pytest.fixture(scope="module")
def mocks(serve: Callable[..., Server]) -> Mocks:
    mock = assemble(Settings(port=0, log="off", auth="off"))
    plain, secure = serve(mock), serve(mock, tls=True)
    assert secure.tls is not None
    return Mocks((plain, secure), {flaw: serve(mock, tls_flaw=flaw) for flaw in FLAWS}, str(secure.tls.ca))


def compare(client: str, mocks: Mocks, *command: str, **environment: str) -> None:
    """Let a client ask for each fault and flaw, in a world of its own, and hold what it prints against the tables.

    What is refused at the handshake never came, and nothing came twice; who gives up on a stall after a moment may on a
    slow machine not have sent it.
    """
    said = subprocess.run([command[0], "--version"], timeout=60, check=True, capture_output=True, text=True).stdout
    if re.findall(r"\d+", said)[:1] != re.findall(r"\d+", client):
        pytest.skip(f"the table is about {client}, and here is {said.splitlines()[0]}")
    world = re.sub(r"\W+", "-", client).strip("-")
    asked = [(server, fault, row[client]) for server in mocks.schemes for fault, row in FAULTS.items()]
    asked += [(mocks.flawed[flaw], "", row[client]) for flaw, row in FLAWS.items()]
    words = [word for server, fault, _ in asked for word in (_url(server, world), fault)]
    variables = {**os.environ, **environment}
    done = subprocess.run([*command, *words], env=variables, timeout=60, check=True, capture_output=True, text=True)
    for (server, fault, told), seen in zip(asked, done.stdout.splitlines(), strict=True):
        assert re.fullmatch(re.escape(told).replace("…", ".*"), seen), (server.url, fault)
    requests = Control(mocks.schemes[0].url, world, None)("GET", "requests")["requests"]
    came = Counter(request["request"]["headers"]["x-mock-fault"] for request in requests)
    assert came.pop("stall", 0) <= len(mocks.schemes)
    assert came == dict.fromkeys(FAULTS.keys() - {"stall"}, len(mocks.schemes))


def _url(server: Server, world: str) -> str:
    address = server.url.replace("127.0.0.1", "localhost")
    return f"{address}/ACME01~{world}/Profile/AlternateIdType/CRM/AlternateId/C-000417"


@needs("node")
def test_node(mocks: Mocks) -> None:
    compare("Node 20, `fetch`", mocks, "node", str(HERE / "seen.mjs"), NODE_EXTRA_CA_CERTS=mocks.ca)


QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")  # to start, which is most of what it does here


@needs("java", "keytool")
def test_java(mocks: Mocks, tmp_path: Path) -> None:
    store, password = str(tmp_path / "trusted.p12"), "changeit"
    quick = [f"-J{option}" for option in QUICK]
    imported = ["keytool", *quick, "-importcert", "-noprompt", "-file", mocks.ca, "-keystore", store]
    imported += ["-storepass", password]
    subprocess.run(imported, timeout=60, check=True, capture_output=True)
    options = [f"-Djavax.net.ssl.trustStore={store}", f"-Djavax.net.ssl.trustStorePassword={password}"]
    compare("Java 17, `HttpClient`", mocks, "java", *QUICK, *options, str(HERE / "Seen.java"))


def test_every_fault_of_a_connection_and_every_flaw_is_told() -> None:
    assert FAULTS.keys() >= set(CONNECTIONS)
    assert FLAWS.keys() == set(FIELDS["tls_flaw"].metadata["choices"]) - {"none"}
