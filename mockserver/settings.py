"""All settings in one frozen table, read once: flag, then MOCKSERVER_* environment, then mockserver.toml, default."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mockserver.errors import UsageError
from mockserver.nearest import did_you_mean, nearest_name
from mockserver.package import shipped

ENVIRONMENT_PREFIX = "MOCKSERVER_"
DEFAULT_CONFIG = Path("mockserver.toml")

# What is worked out of a head is kept, by the server and by the door alike: as many as busy clients send within the
# second in which a signature stays the same, none longer than real ones are, so that no sender can fill the memory.
KEPT_HEADS = 1024
LONGEST_KEPT_HEAD = 2048


def _setting(default: Any, help_text: str, **extra: Any) -> Any:
    metadata = {"help": help_text, **extra}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting; a field's metadata holds its help text, choices and bounds."""

    host: str = _setting("127.0.0.1", "address to listen on; beyond loopback the control surface needs a token")
    port: int = _setting(8080, "port to listen on; 0 takes any free one", low=0, high=65535)
    fixtures: Path = _setting(
        lambda: shipped("fixtures"), "directory with clients.toml and profiles/, or a packed file"
    )
    contract: Path = _setting(lambda: shipped("contracts") / "openapi.yaml", "OpenAPI document of the operation")
    dialect: str = _setting("vendor", "rule set for operations", choices=("vendor", "library", "rfc6902"), live=True)
    operations: str = _setting(
        "all", "the operations around the PATCH too, or the PATCH by alternate id alone", choices=("all", "patch")
    )
    inactive: str = _setting(
        "hidden",
        "whether an alternate id leads to an inactive profile; its ProfileId always does",
        choices=("hidden", "found"),
        live=True,
    )
    auth: str = _setting("strict", "whether requests must be signed", choices=("strict", "off"), live=True)
    unkeyed_signatures: bool = _setting(
        True, "accept the un-keyed signature form (what it hashes is assumed)", live=True
    )
    account_rules: bool = _setting(
        False, "hold entries to what the vendor's other pages say of an account's data", live=True
    )
    second_default: str = _setting(
        "takes-over",
        "under the account's rules, what becomes of a second default address or e-mail (assumed)",
        choices=("takes-over", "refused", "as-sent"),
        live=True,
    )
    zoneless: str = _setting(
        "either",
        "the zone of a signature's timestamp without one (assumed)",
        choices=("utc", "eastern", "either"),
        live=True,
    )
    server_zone: str = _setting("UTC", "the server's own zone, to which it converts dates with an offset (assumed)")
    clock_skew: int = _setting(
        0, "seconds by which a signer's clock may be wrong, either way", low=0, high=86_400, live=True
    )
    unknown_profile: int = _setting(404, "status for an unknown client or profile", choices=(404, 400), live=True)
    fault: tuple[str, ...] = _setting(
        (), "planned fault: what, then when, e.g. '500 p=0.3' or 'delay=200..800 op=add'; repeatable"
    )
    magic_ids: bool = _setting(True, "alternate ids such as fault-500 provoke faults", live=True)
    seed: int = _setting(0, "seed of every random draw: the same seed and requests meet the same faults")
    store: str = _setting("memory", "where state lives: memory or redis://host:port/db")
    workers: int = _setting(1, "processes; more than one needs a redis store", low=1, high=64)
    strict_worlds: bool = _setting(False, "refuse worlds that were not made by POST /__admin/namespaces")
    max_worlds: int = _setting(1000, "worlds kept; the least recently used go first", low=1)
    max_snapshots: int = _setting(100, "snapshots of one world; one more is refused", low=0)
    max_faults: int = _setting(1000, "fault rules of one world; one more is refused", low=0)
    max_world_content: int = _setting(
        16 * 1024 * 1024, "bytes of changed profiles, snapshots and faults in one world; more are refused", low=1
    )
    max_content: int = _setting(
        64 * 1024 * 1024, "bytes of them in all worlds together; the least recently used worlds go first", low=1
    )
    max_control_work: int = _setting(
        5_000_000, "steps of about a microsecond that one request of the control surface may take", low=1
    )
    journal_entries: int = _setting(2_000, "requests that the journal keeps", low=0)
    journal_bytes: int = _setting(16 * 1024 * 1024, "bytes that the journal keeps", low=0)
    max_body: int = _setting(
        1024 * 1024, "largest request body, in bytes; the control surface reads four times as much", low=1
    )
    max_operations: int = _setting(1000, "most operations in one patch", low=1, live=True)
    max_profile: int = _setting(
        1024 * 1024, "largest profile, in bytes of its JSON, as fixture or after a patch", low=1, live=True
    )
    max_patch_work: int = _setting(
        16 * 1024 * 1024, "most bytes that one patch may have copied, compared and printed", low=1, live=True
    )
    token_lifetime_s: int = _setting(3600, "lifetime of OAuth bearer tokens, in seconds", low=1, live=True)
    token_key: str | None = _setting(
        None, "secret that signs bearer tokens, for several servers to share; else a random one each start", secret=True
    )
    admin_token: str | None = _setting(None, "token for the control surface; made if one is needed", secret=True)
    allowed_hosts: tuple[str, ...] = _setting((), "further names accepted in the Host header; '*' accepts any")
    tls: bool = _setting(False, "serve https alone, with a certificate of a CA that is kept for this user")
    tls_cert: Path | None = _setting(None, "serve https with this certificate and its chain (PEM)")
    tls_key: Path | None = _setting(None, "its key (PEM, no password)")
    tls_flaw: str = _setting(
        "none", "serve https with this flaw in each handshake", choices=("none", "expired", "wrong-name", "reset")
    )
    pure: bool = _setting(False, "answer as the vendor does, without any X-Mock-* header")
    watch: bool = _setting(
        _on_terminal, "read fixtures and settings again when their files change", shown="on a terminal"
    )
    ready_file: Path | None = _setting(None, "file written (mode 0600) once the server listens")
    log: str = _setting(
        "refusals", "which requests get a line in the log", choices=("refusals", "changes", "all", "off")
    )
    log_format: str = _setting("text", "log lines for people or for machines", choices=("text", "json"))

    @property
    def loopback(self) -> bool:
        """Tell whether only this machine can reach the server; a name counts as elsewhere, but for localhost."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def https(self) -> bool:
        """Tell whether the server speaks TLS, and nothing else."""
        return self.tls or self.tls_cert is not None or self.tls_flaw != "none"

    @property
    def control_max_body(self) -> int:
        """The largest body that the control surface reads, and that any gateway need read at all.

        A dry run and a pattern hold a request's body inside JSON, where a quotation mark may take two bytes and a line
        break or a letter beyond ASCII up to six; four times is enough for what people write.
        """
        return 4 * self.max_body


def without_password(url: str) -> str:
    """Return a store's URL as it may be shown: without password and options."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"{url.partition(':')[0]}://…"
    user, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}", query="", fragment="").geturl()


FIELDS: Mapping[str, Any] = {row.name: row for row in fields(Settings)}


class _Given(NamedTuple):
    """A value as a source gives it, where that is, and how the source spells the name of a setting."""

    name: str
    value: Any
    place: str
    spelled: Callable[[str], str] = str


def load_settings(flags: Mapping[str, Any], environment: Mapping[str, str], config: Path | None = None) -> Settings:
    """Merge the sources; raise one UsageError for all that can't be used, naming the nearest valid settings."""
    settings, problems = read_settings(flags, environment, config)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise UsageError("\n".join([f"{len(problems)} settings can't be used:", *map(str, problems)]))
    return settings


def read_settings(
    flags: Mapping[str, Any], environment: Mapping[str, str], config: Path | None = None
) -> tuple[Settings, list[UsageError]]:
    """Merge what can be used of the sources; return it with every problem of the rest."""
    problems: list[UsageError] = []
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    for given in _given(flags, environment, config, problems):
        try:
            values[given.name] = _value(given)
            places[given.name] = given.place
        except UsageError as problem:
            problems.append(problem)
    settings = Settings(**values)
    return settings, [*problems, *_conflicts(settings, places)]


def _given(
    flags: Mapping[str, Any], environment: Mapping[str, str], config: Path | None, problems: list[UsageError]
) -> Iterator[_Given]:
    """Yield what the sources give, the strongest source last; a file that can't be read becomes a problem."""
    path = config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    if path is not None:
        try:
            yield from _from_toml(path)
        except UsageError as problem:
            problems.append(problem)
    yield from _from_environment(environment)
    for name, value in flags.items():
        yield _Given(name, value, f"--{name.replace('_', '-')}")


def _from_toml(path: Path) -> Iterator[_Given]:
    text = ""
    try:
        text = path.read_text(encoding="utf-8-sig")
        table = tomllib.loads(text)
    except OSError as problem:
        reason = f"can't read the configuration: {problem.strerror}"
        raise UsageError(reason, place=str(path), hint=_other_file(path)) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as problem:
        found = re.search(r"line (\d+), column (\d+)|end of document", str(problem))
        place = f"{path}:{found[1] or text.count(chr(10)) + 1}" if found else str(path)
        hint = 'write one setting a line: dialect = "library", port = 9000, pure = true, fault = ["500 first=2"]'
        raise UsageError(f"not valid TOML: {problem}", place=place, hint=hint) from problem
    for name, value in table.items():
        line = _line_of(name, text)
        yield _Given(name.replace("-", "_"), value, f"{path}{f':{line}' if line else ''}: {name}")


def _other_file(path: Path) -> str:
    """Return what to write for a configuration file that can't be read."""
    try:
        near = nearest_name(path.name, (other.name for other in path.parent.glob("*.toml")))
    except OSError:
        near = None
    return f"did you mean {path.with_name(near)}?" if near else "name a TOML file, or leave it out: none is needed"


def _line_of(name: str, text: str) -> int | None:
    """Return the line of a key or table, if it is written in one of the usual ways."""
    found = re.search(rf"^[ \t]*(?:\[+[ \t]*)?[\"']?{re.escape(name)}[\"']?[ \t]*[=.\]]", text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else None


def _from_environment(environment: Mapping[str, str]) -> Iterator[_Given]:
    for key, text in environment.items():
        if key.startswith(ENVIRONMENT_PREFIX) and key != f"{ENVIRONMENT_PREFIX}CONFIG":
            yield _Given(key.removeprefix(ENVIRONMENT_PREFIX).lower(), text, key, _variable)


def _variable(name: str) -> str:
    return f"{ENVIRONMENT_PREFIX}{name.upper()}"


def _value(given: _Given) -> Any:
    if given.name not in FIELDS:
        raise _unknown(given)
    row, place = FIELDS[given.name], given.place
    if row.metadata.get("secret"):
        return _secret(given.value, place)
    converted = _CONVERTERS[row.type](given.value, place)
    choices = row.metadata.get("choices")
    if choices and converted not in choices:
        meant = did_you_mean(converted, map(str, choices))
        hint = f"{meant} write one of {' | '.join(map(str, choices))}".lstrip()
        raise UsageError(f"{converted!r} is not possible", place=place, hint=hint)
    low, high = row.metadata.get("low"), row.metadata.get("high")
    if (low is not None and converted < low) or (high is not None and converted > high):
        bounds = f"from {low} to {high}" if high is not None else f"of at least {low}"
        raise UsageError(f"{converted} is out of range", place=place, hint=f"write a number {bounds}")
    return converted


def _unknown(given: _Given) -> UsageError:
    near = nearest_name(given.name, FIELDS)
    hint = f"did you mean {given.spelled(near)}?" if near else f"the settings are {', '.join(FIELDS)}"
    if isinstance(given.value, dict):
        hint = "write the settings at the top of the file, outside of any [table]"
    return UsageError(f"there is no setting {given.name!r}", place=given.place, hint=hint)


def _secret(value: Any, place: str) -> str | None:
    """Read a secret; no refusal may quote it."""
    if value is not None and not isinstance(value, str):
        raise UsageError("a secret must be a text", place=place, hint="write it in quotes")
    if value is not None and not value.strip():
        raise UsageError("a secret can't be empty", place=place, hint="give it a value, or leave the setting out")
    return value


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{value!r} is not a text", place=place, hint='write a text in quotes: "…"')
    if not is_utf8_text(value):
        raise UsageError(f"{value!r} is not UTF-8 text", place=place, hint="write it without that character")
    return value


def is_utf8_text(text: str) -> bool:
    """Tell whether a text can be a name or a value: no NUL, and nothing that was not UTF-8 where it came from."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


def _path(value: Any, place: str) -> Path:
    return Path(value if isinstance(value, PathLike) else _text(value, place))


def _integer(value: Any, place: str) -> int:
    text = str(value).strip()
    if re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    raise UsageError(f"{value!r} is not a whole number", place=place, hint="write digits only")


def _boolean(value: Any, place: str) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text not in _BOOLEANS:
        raise UsageError(f"{value!r} is neither true nor false", place=place, hint="write true or false")
    return _BOOLEANS[text]


_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def _texts(value: Any, place: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(";") if part.strip())
    if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise UsageError(f"{value!r} is not a list of texts", place=place, hint='write ["…", "…"], or "…; …"')


# Annotations are strings here (from __future__ import annotations), which makes them usable as keys.
_CONVERTERS: Mapping[str, Callable[[Any, str], Any]] = {
    "str": _text,
    "int": _integer,
    "bool": _boolean,
    "Path": _path,
    "Path | None": lambda value, place: _path(value, place) if value else None,
    "tuple[str, ...]": _texts,
}


_SHARED_STORES = ("redis://", "rediss://", "unix://")


def _conflicts(settings: Settings, places: Mapping[str, str]) -> Iterator[UsageError]:
    """Yield what is wrong with the settings in force, each at the place that gave it."""

    def wrong(name: str, problem: str, hint: str) -> UsageError:
        return UsageError(problem, place=places.get(name, name), hint=hint)

    if not _is_host(settings.host):
        hint = "write 127.0.0.1 for this machine alone, 0.0.0.0 for every address of it"
        yield wrong("host", f"{settings.host[:80]!r} is no address", hint)
    if settings.store != "memory" and not settings.store.startswith(_SHARED_STORES):
        problem = f"unknown store {without_password(settings.store)!r}"
        yield wrong("store", problem, "write memory or redis://127.0.0.1:6379/0")
    if "watch" in places and settings.watch and settings.store != "memory":
        hint = "write --no-watch and restart every server of the store after an edit, or use --store memory"
        yield wrong("watch", "fixtures can't be read again with a shared store", hint)
    if settings.workers > 1 and settings.store == "memory":
        hint = "add --store redis://127.0.0.1:6379/0, or use one worker (which is faster than two on Redis)"
        yield wrong("workers", "several workers can't share state in memory", hint)
    if (settings.tls_cert is None) != (settings.tls_key is None):
        given, absent = ("tls_key", "tls_cert") if settings.tls_cert is None else ("tls_cert", "tls_key")
        yield wrong(given, f"{given} without {absent}", "write both, --tls-cert FILE --tls-key FILE, or --tls alone")
    elif settings.tls_cert is not None and settings.tls_flaw in ("expired", "wrong-name"):
        problem = f"a certificate of your own can't be made {settings.tls_flaw}"
        yield wrong("tls_flaw", problem, "leave --tls-cert and --tls-key out")


def _is_host(host: str) -> bool:
    with suppress(ValueError):
        ip_address(host)
        return True
    with suppress(UnicodeError):
        return bool(host.strip() and (host == "localhost" or host.encode("idna")))
    return False
