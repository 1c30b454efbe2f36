"""What a run may be pointed at: the targets of targets.toml, each with the few profiles that its owner gave for tests.

A target that is not listed, or that could be somebody's production, is refused before a byte is sent.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mockserver.errors import SafetyRefusal, UsageError
from mockserver.nearest import did_you_mean
from mockserver.package import shipped
from mockserver.verify.calls import Account, Bench, Key, Session
from mockserver.verify.target.credential import Credential

# What an owner may allow beside the PATCH by alternate id. Nobody can take back a create, a delete or a consent.
BESIDE = ("patchProfile", "deactivateProfile", "activateProfile", "readTags")
NEVER = ("createProfile", "deleteProfile", "createConsents")
# How a profile is read: by a patch that changes nothing, or by the vendor's reading operation.
READS = ("patch", "get")
DIALECTS = ("vendor", "library", "rfc6902")
# What a restore may need at most: see `restore.WORST_CASE`, which a test holds against this number.
RESERVE = 25
# The host of the vendor's staging system is documented (pmstg.mypreferences.com); so is production's.
PRODUCTION_HOSTS = frozenset({"pm.mypreferences.com", "mypreferences.com", "www.mypreferences.com"})
_TEST_LABEL = re.compile(
    r"(?:^|-)(?:stg|stage|staging|sandbox|sbx|test|tests|testing|uat|qa|dev|mock|demo)\d*(?:-|$)"
    r"|(?:stg|stage|staging|sandbox)\d*$|^(?:stg|stage|staging|sandbox)"
)
STUB = "stub-"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_BOUNDS = {"budget": (40, 5000), "rate": (0.01, 1000.0), "timeout_s": (0.1, 300.0), "settle_s": (0.0, 60.0)}
_FLAGS = ("may_deactivate", "try_read_only", "exclusive", "unsigned", "mock")
TARGET_KEYS = frozenset(
    {"base_url", "client", "user", "secret_env", "secret_command", "profiles", "absent", "dialect", "reader", "reads"}
    | {"marker", "admin_token_env", "operations", *_FLAGS, *_BOUNDS}
)
_READER_KEYS = frozenset({"user", "secret_env", "secret_command"})
_MARKER_KEYS = frozenset({"name", "value"})
_LITERALS = frozenset({"secret", "secret_key", "key", "password", "token", "authorization"})


@dataclass(frozen=True, slots=True)
class Target:
    """Where a run goes and what it may do there; `keys` are the only profiles that are ever asked for.

    `absent` are keys that the owner knows not to exist; `rate` is in requests per second.
    `marker` is a custom field (name, value) that a profile must carry to be touched at all. `exclusive` is the owner's
    word that nobody else changes the profiles during a run: whatever changed is then the run's own doing. An `unsigned`
    one looks at no signature, and gets none. `operations` names what may be sent beside the PATCH by alternate id;
    `reads` says whether a profile is read by an empty patch or by GET.
    """

    name: str
    base_url: str
    client: str
    credential: Credential
    keys: tuple[Key, ...]
    absent: tuple[Key, ...] = ()
    budget: int = 3000
    rate: float = 6.0
    timeout_s: float = 30.0
    settle_s: float = 2.0
    dialect: str = "vendor"
    reads: str = "patch"
    reader: Credential | None = None
    marker: tuple[str, str] | None = None
    mock: bool = False
    may_deactivate: bool = False
    operations: tuple[str, ...] = ()
    try_read_only: bool = False
    exclusive: bool = False
    unsigned: bool = False
    admin_token_env: str | None = None

    @property
    def admin_token(self) -> str | None:
        """The token of the mock's control surface, if it needs one."""
        return os.environ.get(self.admin_token_env) if self.admin_token_env else None

    @property
    def admin_url(self) -> str:
        """Where the mock's control surface is: beside the vendor's base path."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def place(self) -> str:
        """What host and client are called in file names: the same for every spelling that could mean them."""
        parts = urlsplit(self.base_url)
        host = parts.hostname or ""
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        text = f"{'loopback' if is_loopback(host) else host.rstrip('.')}:{port}|{self.client.lower()}"
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def bench(self, session: Session, *, secret: str | None = None, **further: Any) -> Bench:
        """Return what the verification engine works on; `secret` stands for every key where nothing is sent."""
        account = self.account(secret=secret)
        return Bench(
            session=session,
            account=account,
            profiles=self.keys,
            dialect=self.dialect,
            accounts={self.client: account},
            reader=self.account(self.reader, secret) if self.reader else None,
            absent=self.absent,
            unsigned=self.unsigned,
            reads_by_get=self.reads == "get",
            **further,
        )

    def account(self, user: Credential | None = None, secret: str | None = None) -> Account:
        """Return the account of a user, of the first one if none is named; asks for its secret if none is given."""
        user = user or self.credential
        return Account(self.client, user.user, user.secret() if secret is None else secret)

    def label(self, key: Key) -> str:
        """Name a profile by its place in the list: an alternate id is a personal value."""
        place = self.keys.index(key) + 1 if key in self.keys else 0
        return f"profile {place} of {self.name} ({key[1]})" if place else f"an unlisted profile of {self.name}"


def default_targets() -> dict[str, Target]:
    """Return the targets of targets.toml in the current directory, none without that file."""
    here = Path("targets.toml")
    return load_targets(here) if here.exists() else {}


def load_targets(path: Path) -> dict[str, Target]:
    """Read a targets file; raise UsageError with file and place for whatever can't be used in it."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise UsageError(f"can't read the targets: {problem.strerror}", place=str(path)) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise UsageError(f"not valid TOML: {problem}", place=str(path)) from problem
    _known(document, frozenset({"targets"}), str(path))
    tables = document.get("targets", {})
    if not isinstance(tables, dict):
        raise UsageError("targets is no table", place=str(path), hint="write [targets.NAME] and its settings below")
    if taken := [name for name in tables if name.startswith(STUB)]:
        # Whatever is called so is asked without --live.
        hint = f"names that begin with {STUB} stand for servers given by URL"
        raise UsageError(f"{taken[0]!r} is no name for a target", place=str(path), hint=hint)
    return {name: _target(name, table, f"{path}: targets.{name}") for name, table in tables.items()}


def stub(url: str, **settings: Any) -> Target:
    """Return a server on this machine of which only the address is listed; the settings are those of a targets file."""
    table = {"base_url": url, "rate": 1000.0, "budget": _BOUNDS["budget"][1], "settle_s": 0.2, **settings}
    return _target(f"{STUB}{urlsplit(url).port or 80}", table, url)


def choose_target(targets: Mapping[str, Target], name: str, *, production_accepted: bool = False) -> Target:
    """Return the named target; raise UsageError if it is not listed, SafetyRefusal if it may not be used."""
    if name not in targets:
        copy = f"copy {shipped('contracts') / 'targets.toml'} to targets.toml, and fill it in"
        known = f"the file lists {', '.join(targets)}" if targets else f"no target is listed: {copy}"
        raise UsageError(f"there is no target {name!r}", hint=did_you_mean(name, targets, known))
    target = targets[name]
    if production_looking(target.base_url) and not production_accepted:
        why = "the target looks like production, and a run changes real profiles there"
        hint = "use the staging system, or add --i-know-this-is-production"
        raise SafetyRefusal(why, place=f"target {name}", hint=hint)
    return target


def is_loopback(host: str) -> bool:
    """Say whether a host name or address is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def production_looking(base_url: str) -> bool:
    """Say whether nothing in the host's name calls it a test system; the registered domain itself does not count."""
    host = (urlsplit(base_url).hostname or "").rstrip(".").lower()
    if is_loopback(host):
        return False
    if host in PRODUCTION_HOSTS:
        return True
    labels = host.split(".")
    if labels[-1] == "test":
        return False
    named = labels if len(labels) == 1 else labels[:-2]
    return not any(_TEST_LABEL.search(label) for label in named)


def _target(name: str, table: Any, place: str) -> Target:
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a target", place=place, hint="write small letters, digits, - and _")
    if not isinstance(table, dict):
        raise UsageError("a target is a table", place=place, hint=f"write [targets.{name}] and its settings below")
    _known(table, TARGET_KEYS, place)
    client = _text(table, "client", place)
    base_url = _base_url(_text(table, "base_url", place), f"{place}.base_url")
    return Target(
        name=name,
        base_url=base_url,
        client=client,
        credential=_credential(table, place),
        keys=_keys(client, table.get("profiles"), f"{place}.profiles", required=True),
        absent=_keys(client, table.get("absent", []), f"{place}.absent", required=False),
        dialect=_choice(table.get("dialect", "vendor"), DIALECTS, f"{place}.dialect"),
        reads=_choice(table.get("reads", "patch"), READS, f"{place}.reads"),
        reader=_reader(table.get("reader"), f"{place}.reader"),
        marker=_marker(table.get("marker"), f"{place}.marker"),
        operations=_operations(table.get("operations", []), f"{place}.operations"),
        admin_token_env=_text(table, "admin_token_env", place) if "admin_token_env" in table else None,
        **_flags(table, base_url, place),
        **numbers({key: table[key] for key in _BOUNDS if key in table}, f"{place}."),
    )


def _known(table: Mapping[str, Any], names: frozenset[str], place: str) -> None:
    for key in table:
        if key.lower() in _LITERALS:
            hint = f"{_SOURCES}, and take the secret out"
            raise UsageError(f"{key} would put a secret into the file", place=place, hint=hint)
        if key not in names:
            hint = did_you_mean(key, names, f"known are {', '.join(sorted(names))}")
            raise UsageError(f"there is no setting {key!r}", place=place, hint=hint)


def _text(table: Mapping[str, Any], key: str, place: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{key} is missing or not text", place=place, hint=f'write {key} = "…"')
    return value


def _flags(table: Mapping[str, Any], base_url: str, place: str) -> dict[str, Any]:
    flags = {name: table.get(name, False) for name in _FLAGS}
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise UsageError(f"{name} is neither true nor false", place=place, hint=f"write {name} = true")
    if flags["mock"] and not is_loopback(urlsplit(base_url).hostname or ""):
        # A mock may be written to without leave, so a mistake here must not open a real system.
        raise SafetyRefusal("mock = true is for servers on this machine", place=place, hint="leave mock out")
    return flags


def _choice(value: Any, choices: Sequence[str], place: str) -> str:
    if value not in choices:
        raise UsageError(f"{value!r} is not possible", place=place, hint=f"write one of {', '.join(choices)}")
    return str(value)


def _operations(rows: Any, place: str) -> tuple[str, ...]:
    """Return the operations that the owner allows by name; what can't be undone is refused."""
    for name in rows if _texts(rows) else [rows]:
        if name in NEVER:
            hint = f"take it out; {', '.join(BESIDE)} can be allowed"
            raise SafetyRefusal(f"{name} can't be undone, so it is never sent", place=place, hint=hint)
        _choice(name, BESIDE, place)
    return tuple(rows)


def numbers(given: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return these settings if each is a number within its bounds; raise UsageError with `place` before its name."""
    for key, value in given.items():
        low, high = _BOUNDS[key]
        right = isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
        if not right or (key == "budget" and not isinstance(value, int)):
            hint = f"write a number from {low} to {high}"
            raise UsageError(f"{key} can't be {value!r}", place=f"{place}{key}", hint=hint)
    return dict(given)


def _base_url(text: str, place: str) -> str:
    parts, wanted = urlsplit(text), 'write "https://host/Profiles"'
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError("not the URL of a server", place=place, hint=wanted)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError("a user, query or fragment has no place here", place=place, hint=wanted)
    if parts.scheme == "http" and not is_loopback(host):
        shown = "plain http would show profiles and signatures to everyone on the way"
        raise SafetyRefusal(shown, place=place, hint="write https://")
    try:
        _ = parts.port
    except ValueError:
        raise UsageError("the port is no number up to 65535", place=place, hint="write https://host:8443") from None
    return text.rstrip("/")


def _credential(table: Mapping[str, Any], place: str) -> Credential:
    if table.get("unsigned") is True:
        return Credential(str(table.get("user", "nobody")), known="")
    env, command = table.get("secret_env"), table.get("secret_command")
    if (env is None) == (command is None):
        raise UsageError("exactly one source of the secret is needed", place=place, hint=_SOURCES)
    if env is not None and not (isinstance(env, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", env)):
        # The value is not shown: who misunderstands the setting writes the secret here.
        raise UsageError("secret_env is not the name of an environment variable", place=place, hint=_SOURCES)
    if command is not None and not (_texts(command) and command):
        raise UsageError("secret_command is not a list of texts", place=place, hint=_SOURCES)
    return Credential(_text(table, "user", place), env, tuple(command or ()))


_SOURCES = 'write secret_env = "NAME" or secret_command = ["program", "argument"]'


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _reader(table: Any, place: str) -> Credential | None:
    if table is None:
        return None
    if not isinstance(table, dict):
        raise UsageError("the reader is a table", place=place, hint='write reader = { user = "…", secret_env = "…" }')
    _known(table, _READER_KEYS, place)
    return _credential(table, place)


def _marker(table: Any, place: str) -> tuple[str, str] | None:
    if table is None:
        return None
    if not isinstance(table, dict):
        hint = 'write marker = { name = "MockVerify", value = "yes" }'
        raise UsageError("the marker is a table", place=place, hint=hint)
    _known(table, _MARKER_KEYS, place)
    return _text(table, "name", place), _text(table, "value", place)


def _keys(client: str, rows: Any, place: str, *, required: bool) -> tuple[Key, ...]:
    if not _texts(rows) or (required and not rows):
        raise UsageError("the profiles are missing", place=place, hint='write profiles = ["CRM/TEST-0001"]')
    keys = []
    for number, row in enumerate(rows):
        kind, _, identifier = row.partition("/")
        if not kind or not identifier:
            raise UsageError("not a profile", place=f"{place}[{number}]", hint='write "TYPE/ID"')
        keys.append((client, kind, identifier))
    return tuple(keys)
