"""What https needs: a CA that stays, a certificate for each start, and certificates that clients must refuse."""

from __future__ import annotations

import os
import shlex
import ssl
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mockserver.errors import UsageError
from mockserver.package import pip_install, state_folder
from mockserver.server.listening import LOOPBACK
from mockserver.service.door import allowed_hosts
from mockserver.settings import Settings
from mockserver.state.clock import system_now

if TYPE_CHECKING:
    import trustme

_LIFETIME = timedelta(days=365)
_WRONG_NAME = "wrong-name.invalid"
_CERTIFICATE, _KEY = "ca.pem", "ca-key.pem"


class Tls(NamedTuple):
    """How a server speaks TLS; `ca` is the file of our own CA, `resets` breaks off each handshake."""

    context: ssl.SSLContext
    ca: Path | None = None
    resets: bool = False

    @property
    def trust(self) -> dict[str, str]:
        """What makes each client trust our CA; empty where the certificate is another's."""
        if self.ca is None:
            return {}
        ca = shlex.quote(str(self.ca))
        store = "-keystore mockserver.p12 -storepass changeit"
        return {
            "curl": f"curl --cacert {ca}",
            "Node": f"NODE_EXTRA_CA_CERTS={ca}",
            "Python": f"SSL_CERT_FILE={ca}",
            ".NET": f"SSL_CERT_FILE={ca} (on Linux)",
            "Java": f"keytool -importcert -noprompt -alias mockserver -file {ca} {store}; "
            "java -Djavax.net.ssl.trustStore=mockserver.p12 -Djavax.net.ssl.trustStorePassword=changeit",
        }


def tls_of(settings: Settings) -> Tls | None:
    """Return how to speak https, None for plain http; raise UsageError for what can't be used."""
    if not settings.https:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    resets = settings.tls_flaw == "reset"
    if settings.tls_cert is not None:
        _load(context, settings.tls_cert, settings.tls_key)
        return Tls(context, resets=resets)
    ca, path = _own_ca()
    _issue(ca, settings).configure_cert(context)
    return Tls(context, path, resets)


def _load(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    def no_password() -> str:
        raise UsageError("the key has a password", place="--tls-key", hint="name a key without one")

    try:
        context.load_cert_chain(certificate, key, no_password)
    except OSError as problem:  # which ssl.SSLError is
        hint = "name PEM files: a certificate with its chain, and the key that belongs to it"
        raise UsageError(f"{certificate}: {problem.strerror or problem}", place="--tls-cert", hint=hint) from problem


def _issue(ca: trustme.CA, settings: Settings) -> trustme.LeafCert:
    names = allowed_hosts(settings.host, settings.allowed_hosts) - {"*", *LOOPBACK}
    if settings.tls_flaw == "wrong-name":
        names = frozenset({_WRONG_NAME})
    end = system_now() + (-timedelta(days=1) if settings.tls_flaw == "expired" else _LIFETIME)
    try:
        return ca.issue_cert(*sorted(names), not_before=end - _LIFETIME - timedelta(days=1), not_after=end)
    except ValueError as problem:
        hint = "name hosts as they stand in a URL"
        raise UsageError(f"no certificate for such a name: {problem}", place="--allowed-hosts", hint=hint) from problem


def _own_ca() -> tuple[trustme.CA, Path]:
    """Return the user's CA and the file of its certificate, made at the first start."""
    try:
        import trustme
    except ImportError:
        hint = f"{pip_install('trustme>=1.2')}, or name a certificate: --tls-cert FILE --tls-key FILE"
        raise UsageError("a CA of our own needs the package trustme", place="--tls", hint=hint) from None
    folder = state_folder() / "ca"
    try:
        if not (folder / _CERTIFICATE).exists():
            _keep(trustme.CA(organization_name="MyPreferences mock, for tests only"), folder)
        ca = trustme.CA.from_pem((folder / _CERTIFICATE).read_bytes(), (folder / _KEY).read_bytes())
    except (OSError, ValueError) as problem:
        hint = f"remove {folder}, or let $XDG_STATE_HOME name a folder that can be written to"
        raise UsageError(f"the CA can't be kept in {folder}: {problem}", place="--tls", hint=hint) from problem
    return ca, folder / _CERTIFICATE


def _keep(ca: trustme.CA, folder: Path) -> None:
    """Put certificate and key in their place in one step; of several processes the first has its way."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        new = Path(made, "ca")
        new.mkdir(mode=0o700)
        for name, content in ((_CERTIFICATE, ca.cert_pem.bytes()), (_KEY, ca.private_key_pem.bytes())):
            with os.fdopen(os.open(new / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
        try:
            new.rename(folder)
        except OSError:
            if not folder.exists():
                raise
