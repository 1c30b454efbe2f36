"""https over real sockets: certificates, flaws, limits and broken deliveries."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mockserver.errors import UsageError
from mockserver.server.server import Server
from mockserver.server.tls import Tls, tls_of
from mockserver.settings import Settings
from tests.live.raw_client import GET, TIMEOUT_S, Client, echo, get, has_begun, pass_time, planned
from tests.waiting import wait_until

CERTIFICATE_EXPIRED, WRONG_NAME = 10, 62  # X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_HOSTNAME_MISMATCH


@pytest.fixture(scope="session")
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state directory of a user, with one CA for all tests."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(autouse=True)
def _own_state(state_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(state_home))


def made(**settings: Any) -> Tls:
    tls = tls_of(Settings(**{"tls": True, **settings}))
    assert tls is not None
    return tls


class TlsClient(Client):
    """A raw connection in TLS that trusts our CA."""

    sock: ssl.SSLSocket

    def __init__(self, server: Server, name: str = "localhost") -> None:
        super().__init__(server)
        self.file.close()
        assert server.tls is not None
        context = ssl.create_default_context(cafile=server.tls.ca)
        context.set_alpn_protocols(["h2", "http/1.1"])
        try:
            self.sock = context.wrap_socket(self.sock, server_hostname=name)
        except OSError:
            self.sock.close()
            raise
        self.file = self.sock.makefile("rb")


@pytest.fixture
def serve_tls(serve: Callable[..., Server]) -> Callable[..., Server]:
    """Start https servers that are stopped after the test."""
    return lambda app, **arguments: serve(app, tls=made(), **arguments)


@pytest.fixture
def client(serve_tls: Callable[..., Server]) -> Iterator[TlsClient]:
    with TlsClient(serve_tls(planned, settings={"drip_total_s": 0.1})) as client:
        yield client


def test_a_request_is_answered(serve_tls: Callable[..., Server]) -> None:
    """The application learns the scheme; HTTP/2 is not agreed on."""
    server = serve_tls(echo)
    assert server.url == f"https://127.0.0.1:{server.port}"
    with TlsClient(server) as client:
        assert client.sock.selected_alpn_protocol() == "http/1.1"
        assert [client.ask(GET).status, client.ask(GET).status] == [200, 200]


@pytest.mark.parametrize("size", [10, 200_000], ids=["short", "of several reads"])
def test_a_body_arrives_whole(serve_tls: Callable[..., Server], size: int) -> None:
    """However its bytes are cut into records."""
    body = bytes(65 + number % 26 for number in range(size))
    with TlsClient(serve_tls(echo)) as client:
        client.send(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        for start in range(0, size, 70_000):
            client.send(body[start : start + 70_000])
        assert body in client.answer().body


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "mock.test.internal", "192.0.2.7"])
def test_the_certificate_is_good_for(serve: Callable[..., Server], name: str) -> None:
    """The names of loopback and those that Host may hold."""
    server = serve(echo, tls=made(host="192.0.2.7", allowed_hosts=("mock.test.internal", "*")))
    with TlsClient(server, name) as client:
        assert client.ask(GET).status == 200


def test_the_ca_stays(state_home: Path) -> None:
    """Across starts, for its owner alone."""
    first, second = made(), made()
    assert first.ca == second.ca == state_home / "mypreferences-mockserver" / "ca" / "ca.pem"
    before = first.ca.read_bytes()
    made()
    assert first.ca.read_bytes() == before
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in first.ca.parent.iterdir()} == {
        "ca.pem": "0o600",
        "ca-key.pem": "0o600",
    }
    assert oct(first.ca.parent.stat().st_mode & 0o777) == "0o700"
    assert [path.name for path in first.ca.parent.parent.iterdir()] == ["ca"]


def test_what_makes_clients_trust_it() -> None:
    tls = made()
    assert all(str(tls.ca) in line for line in tls.trust.values())
    assert sorted(tls.trust) == [".NET", "Java", "Node", "Python", "curl"]


@pytest.mark.parametrize(
    ("flaw", "code"), [("expired", CERTIFICATE_EXPIRED), ("wrong-name", WRONG_NAME)], ids=["expired", "wrong-name"]
)
def test_a_flawed_certificate_is_refused(serve: Callable[..., Server], flaw: str, code: int) -> None:
    """For that reason and no other, each time."""
    server = serve(echo, tls=made(tls=False, tls_flaw=flaw))
    for _ in range(2):
        with pytest.raises(ssl.SSLCertVerificationError) as refused:
            TlsClient(server)
        assert refused.value.verify_code == code


def test_each_handshake_is_reset(serve: Callable[..., Server]) -> None:
    server = serve(echo, tls=made(tls=False, tls_flaw="reset"))
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            TlsClient(server)


class TestMisbehaviour:
    """What clients see of connection faults is what they see without TLS."""

    def test_reset(self, client: TlsClient) -> None:
        """Seen below TLS: Python tells of it as of any end without a farewell."""
        client.send(get("/reset"))
        with socket.socket(fileno=os.dup(client.sock.fileno())) as raw, raw.makefile("rb") as below:
            raw.settimeout(TIMEOUT_S)
            with pytest.raises(ConnectionResetError):
                below.read()

    def test_empty(self, client: TlsClient) -> None:
        client.send(get("/empty"))
        assert client.rest() == b""

    def test_truncate(self, client: TlsClient) -> None:
        client.send(get("/truncate"))
        assert client.rest().endswith(b"\r\n\r\n01234")

    def test_garbage(self, client: TlsClient) -> None:
        client.send(get("/garbage"))
        assert client.rest().startswith(b"HTTP/1.1 200 OK\r\n\x00\xff")

    @pytest.mark.parametrize("target", ["/drip", "/0.05"], ids=["drip", "delay"])
    def test_the_connection_goes_on(self, client: TlsClient, target: str) -> None:
        client.send(get(target) + GET)
        assert [client.answer().body, client.answer().body] == [b"0123456789"] * 2


class TestLimits:
    """As on http."""

    def test_a_body_that_is_too_large(self, serve_tls: Callable[..., Server]) -> None:
        """Its sender reads why, although it is still sending."""
        with TlsClient(serve_tls(echo, max_body=1000)) as client:
            client.send(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n")
            client.send(bytes(300_000))
            answer = client.answer()
            assert (answer.status, answer.headers["connection"]) == (413, "close")
            assert client.rest() == b""

    def test_a_request_that_is_late(self, serve_tls: Callable[..., Server]) -> None:
        server = serve_tls(echo)
        with TlsClient(server) as client:
            client.send(GET[:-2])
            wait_until(lambda: has_begun(server))
            pass_time(server, 600)
            assert client.answer().status == 408

    def test_a_handshake_that_is_late(self, serve_tls: Callable[..., Server]) -> None:
        with Client(serve_tls(echo, header_timeout_s=0.2)) as silent:
            assert silent.rest() == b""

    def test_idle_connections_make_room(self, serve_tls: Callable[..., Server]) -> None:
        server = serve_tls(echo, max_connections=8)
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(TlsClient(server)) for _ in range(9)]
            assert clients[-1].ask(GET).status == 200

    def test_a_client_that_asks_for_http(self, serve_tls: Callable[..., Server]) -> None:
        """Gets no answer, and harms nobody."""
        server = serve_tls(echo)
        with Client(server) as plain, contextlib.suppress(ConnectionResetError):
            plain.send(GET)
            assert not plain.rest().startswith(b"HTTP/1.1 2")
        with TlsClient(server) as client:
            assert client.ask(GET).status == 200

    def test_stopping_waits_for_answers(self, serve_tls: Callable[..., Server]) -> None:
        server = serve_tls(planned)
        with TlsClient(server) as delayed:
            delayed.send(GET + get("/0.1"))
            assert delayed.answer().status == 200
            stopper = threading.Thread(target=server.stop)
            stopper.start()
            assert (delayed.answer().status, delayed.rest()) == (200, b"")
            delayed.__exit__()
            stopper.join(TIMEOUT_S)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S)


class TestOwnCertificate:
    """--tls-cert and --tls-key."""

    def test_is_used(self, serve: Callable[..., Server], tmp_path: Path) -> None:
        """Nothing of ours is trusted, or made, then."""
        import trustme

        ca = trustme.CA()
        leaf = ca.issue_cert("localhost")
        certificate, key, trusted = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "trusted.pem"
        leaf.private_key_pem.write_to_path(str(key))
        leaf.cert_chain_pems[0].write_to_path(str(certificate))
        ca.cert_pem.write_to_path(str(trusted))
        tls = made(tls=False, tls_cert=certificate, tls_key=key)
        assert (tls.ca, tls.trust) == (None, {})
        with TlsClient(serve(echo, tls=tls._replace(ca=trusted))) as client:
            assert client.ask(GET).status == 200

    def test_that_does_not_exist(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"--tls-cert: .*none\.pem: No such file"):
            made(tls_cert=tmp_path / "none.pem", tls_key=tmp_path / "none.pem")


def test_a_name_that_no_certificate_can_have() -> None:
    with pytest.raises(UsageError, match="--allowed-hosts: no certificate for such a name"):
        made(allowed_hosts=("a" * 70,))


def test_a_state_folder_that_can_not_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Says which, and how to name another."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(UsageError, match=r"--tls: the CA can't be kept in .*\n.*XDG_STATE_HOME"):
        made()


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(UsageError, match=r"needs the package trustme\n.*pip install 'trustme>=1.2'.*--tls-cert"):
        made()
