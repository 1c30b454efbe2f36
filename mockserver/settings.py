"""All settings in one frozen table, read once: flag, then MOCKSERVER_* environment, then mockserver.toml, default."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mockserver.errors import UsageError

ENVIRONMENT_PREFIX = "MOCKSERVER_"
_DATA = Path(__file__).parent / "_data"
_CHECKOUT = Path(__file__).parent.parent
DEFAULT_CONFIG = Path("mockserver.toml")


def shipped(name: str) -> Path:
    """Return where the package keeps its contract or fixtures: in the wheel, or beside the package in a checkout."""
    packed = _DATA / name
    return packed if packed.exists() else _CHECKOUT / name


def _setting(default: Any, help_text: str, **extra: Any) -> Any:
    metadata = {"help": help_text, **extra}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting; a field's metadata holds its help text, choices and bounds."""

    host: str = _setting("127.0.0.1", "address to listen on; beyond loopback the control surface needs a token")
    port: int = _setting(8080, "port to listen on; 0 takes any free one", low=0, high=65535)
    fixtures: Path = _setting(lambda: shipped("fixtures"), "directory with clients.toml and profiles/")
    contract: Path = _setting(lambda: shipped("contracts") / "openapi.yaml", "OpenAPI document of the operation")
    dialect: str = _setting("vendor", "rule set for operations", choices=("vendor", "library", "rfc6902"))
    auth: str = _setting("strict", "whether requests must be signed", choices=("strict", "off"))
    unkeyed_signatures: bool = _setting(True, "accept the un-keyed signature form (what it hashes is assumed)")
    unknown_profile: int = _setting(404, "status for an unknown client or profile", choices=(404, 400))
    fault: tuple[str, ...] = _setting((), "planned fault, e.g. '500 p=0.3'; may be given several times")
    magic_ids: bool = _setting(True, "alternate ids such as fault-500 provoke faults")
    seed: int = _setting(0, "seed of every random draw")
    store: str = _setting("memory", "where state lives: memory or redis://host:port/db")
    workers: int = _setting(1, "processes; more than one needs a redis store", low=1, high=64)
    strict_worlds: bool = _setting(False, "refuse worlds that were not made by POST /__admin/namespaces")
    max_worlds: int = _setting(1000, "worlds kept; the least recently used go first", low=1)
    journal_entries: int = _setting(2_000, "requests that the journal keeps", low=0)
    journal_bytes: int = _setting(16 * 1024 * 1024, "bytes that the journal keeps", low=0)
    max_body: int = _setting(1024 * 1024, "largest request body, in bytes", low=1)
    max_operations: int = _setting(1000, "most operations in one patch", low=1)
    token_lifetime_s: int = _setting(3600, "lifetime of OAuth bearer tokens, in seconds", low=1)
    admin_token: str | None = _setting(None, "token for the control surface; made if one is needed", secret=True)
    allowed_hosts: tuple[str, ...] = _setting((), "further names accepted in the Host header; '*' accepts any")
    pure: bool = _setting(False, "answer as the vendor does, without any X-Mock-* header")
    ready_file: Path | None = _setting(None, "file written (mode 0600) once the server listens")
    log: str = _setting("refusals", "which requests get a line in the log", choices=("refusals", "all", "off"))
    log_format: str = _setting("text", "log lines for people or for machines", choices=("text", "json"))

    @property
    def loopback(self) -> bool:
        """Tell whether only this machine can reach the server; a name counts as elsewhere, but for localhost."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def without_password(url: str) -> str:
    """Return a store's URL as it may be shown: without password and options."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}", query="", fragment="").geturl()


FIELDS: Mapping[str, Any] = {row.name: row for row in fields(Settings)}


def load_settings(flags: Mapping[str, Any], environment: Mapping[str, str], config: Path | None = None) -> Settings:
    """Merge the sources; raise UsageError for an unknown or invalid setting, naming the nearest valid one."""
    path = config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    merged = _from_toml(path) if path else {}
    merged.update(_from_environment(environment))
    merged.update({name: _value(name, value, f"--{name.replace('_', '-')}") for name, value in flags.items()})
    settings = Settings(**merged)
    _check_together(settings)
    return settings


def _from_toml(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise UsageError(f"can't read the configuration: {problem.strerror}", place=str(path)) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise UsageError(f"not valid TOML: {problem}", place=str(path)) from problem
    names = {name.replace("-", "_"): value for name, value in table.items()}
    return {name: _value(name, value, f"{path}: {name}") for name, value in names.items()}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    return {
        (name := key.removeprefix(ENVIRONMENT_PREFIX).lower()): _value(name, text, key)
        for key, text in environment.items()
        if key.startswith(ENVIRONMENT_PREFIX) and key != f"{ENVIRONMENT_PREFIX}CONFIG"
    }


def _value(name: str, value: Any, place: str) -> Any:
    if name not in FIELDS:
        near = get_close_matches(name, FIELDS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"the settings are {', '.join(FIELDS)}"
        raise UsageError(f"there is no setting {name!r}", place=place, hint=hint)
    row = FIELDS[name]
    converted = _CONVERTERS[row.type](value, place)
    if row.metadata.get("secret") and converted is not None and not converted.strip():
        raise UsageError("a secret can't be empty", place=place, hint="give it a value, or leave the setting out")
    choices = row.metadata.get("choices")
    if choices and converted not in choices:
        near = get_close_matches(str(converted), [str(choice) for choice in choices], n=1, cutoff=0.3)
        hint = f"did you mean {near[0]}? " if near else ""
        shown = " | ".join(map(str, choices))
        raise UsageError(f"{converted!r} is not possible", place=place, hint=f"{hint}write one of {shown}")
    low, high = row.metadata.get("low"), row.metadata.get("high")
    if (low is not None and converted < low) or (high is not None and converted > high):
        bounds = f"from {low} to {high}" if high is not None else f"of at least {low}"
        raise UsageError(f"{converted} is out of range", place=place, hint=f"write a number {bounds}")
    return converted


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
    "str": lambda value, place: str(value),
    "str | None": lambda value, place: str(value) if value is not None else None,
    "int": _integer,
    "bool": _boolean,
    "Path": lambda value, place: Path(value),
    "Path | None": lambda value, place: Path(value) if value else None,
    "tuple[str, ...]": _texts,
}


def _check_together(settings: Settings) -> None:
    scheme = settings.store.split("://")[0]
    if scheme not in ("memory", "redis", "rediss", "unix"):
        raise UsageError(
            f"unknown store {without_password(settings.store)!r}",
            place="store",
            hint="write memory or redis://127.0.0.1:6379/0",
        )
    if settings.workers > 1 and scheme == "memory":
        raise UsageError(
            "several workers can't share state in memory",
            place="workers",
            hint="add --store redis://127.0.0.1:6379/0, or use one worker (which is faster than two on Redis)",
        )
