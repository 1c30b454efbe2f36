"""Put a mock together from its settings: contract, fixtures, worlds and the service."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
from msgspec import Struct
from msgspec.structs import replace

from mockserver.auth.signing import Client, Dates
from mockserver.errors import UsageError
from mockserver.faults.rules import MAGIC_IDS, Fault
from mockserver.fixtures.fixture_set import FixtureSet
from mockserver.fixtures.loading import load_fixtures
from mockserver.journal.log import Budget, Journal
from mockserver.journal.redaction import Secrets
from mockserver.nearest import did_you_mean
from mockserver.package import pip_install, shipped, shipped_contract
from mockserver.patch.dialect import DIALECTS, SUPPORTED_OPERATIONS, Dialect
from mockserver.profile.members import MemberTree, compile_members
from mockserver.service.metrics import Metrics
from mockserver.service.operations import ROUTES
from mockserver.service.request import Policy
from mockserver.service.service import Service
from mockserver.settings import Settings
from mockserver.state.clock import system_now
from mockserver.state.content import Content
from mockserver.state.memory import MemoryWorld, MemoryWorlds
from mockserver.state.overlay import Base
from mockserver.state.world import Worlds
from mockserver.story.provenance import RULES

if TYPE_CHECKING:
    from mockserver.faults.text import Known


class Mock(Struct):
    """Everything that a running mock is made of; reading again swaps settings, fixtures and service.

    `faults` are those that it was started with, `earlier` policies of before, each with the time until which it held.
    """

    settings: Settings
    contract: Mapping[str, Any]
    tree: MemberTree
    fixtures: FixtureSet
    faults: Sequence[Fault]
    worlds: Worlds
    service: Service
    metrics: Metrics
    admin_token: str | None
    started_at: datetime
    earlier: list[tuple[datetime, Policy]] = []

    def policy_at(self, moment: datetime) -> Policy:
        """Return the policy by which a request of that time, by the machine's clock, was handled."""
        return next((policy for until, policy in self.earlier if moment < until), self.service.policy)


def load_contract(path: Path) -> dict[str, Any]:
    """Parse the OpenAPI document; raise UsageError with file and place.

    Like a module, our own is compiled once: to JSON beside it, under a name that changes with each of its bytes.
    """
    try:
        text = path.read_bytes()
    except OSError as problem:
        raise UsageError(f"can't read the contract: {problem.strerror}", place=str(path)) from problem
    compiled = path.parent / "__pycache__" / f"{path.stem}-{hashlib.sha256(text).hexdigest()}.json"
    try:
        document = orjson.loads(compiled.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        document = _parsed(text, path)
        _keep(compiled, document)
    if not isinstance(document, dict):
        hint = f"start from {shipped_contract()}"
        raise UsageError("the contract is not an OpenAPI document", place=str(path), hint=hint)
    return document


def _parsed(text: bytes, path: Path) -> Any:
    # Imported here: with a compiled contract a start does without, and is a tenth shorter.
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.YAMLError as problem:
        raise UsageError(f"not valid YAML: {problem}", place=str(path)) from problem


def _keep(compiled: Path, document: Any) -> None:
    """Write the compiled contract in one step; where nothing can be written, the next start parses again."""
    if sys.dont_write_bytecode or compiled.parent.parent != shipped("contracts"):
        return
    temporary = compiled.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError, TypeError, ValueError):
        text = orjson.dumps(document)
        if orjson.loads(text) != document:  # YAML knows dates and infinities, JSON does not
            return
        compiled.parent.mkdir(exist_ok=True)
        temporary.write_bytes(text)
        temporary.replace(compiled)


def load_members(path: Path) -> tuple[dict[str, Any], MemberTree]:
    """Parse the OpenAPI document and compile the profile's members; raise UsageError with the file."""
    contract = load_contract(path)
    try:
        return contract, compile_members(contract)
    except UsageError as problem:
        hint = f"start from {shipped_contract()}; {problem.hint}"
        raise UsageError(problem.problem, place=str(path), hint=hint) from problem
    except (LookupError, TypeError, ValueError, AttributeError, StopIteration, RecursionError) as problem:
        reason = f"the schema of the profile can't be followed ({type(problem).__name__}: {problem})"
        hint = f"start from {shipped_contract()}; each member needs a type, and none may hold itself"
        raise UsageError(reason, place=str(path), hint=hint) from problem


def assemble(settings: Settings, *, progress: Any = None, metrics: Metrics | None = None) -> Mock:
    """Load and compile everything; raise UsageError for whatever can't be used."""
    contract, tree = load_members(settings.contract)
    fixtures = load_fixtures(settings.fixtures, tree, max_profile=settings.max_profile, progress=progress)
    faults = initial_faults(settings, tree, fixtures)
    worlds = (_in_memory if settings.store == "memory" else _in_redis)(settings, fixtures, faults)
    admin_token = _admin_token(settings)
    policy = _policy(settings, settings.token_key.encode() if settings.token_key else secrets.token_bytes(32))
    known = _known_secrets(settings, admin_token, fixtures)
    service = Service(tree, fixtures, policy, worlds.numbers, known)
    metrics, now = metrics or Metrics(), system_now()
    return Mock(settings, contract, tree, fixtures, faults, worlds, service, metrics, admin_token, now)


def service_again(mock: Mock, settings: Settings, fixtures: FixtureSet) -> Service:
    """Return a service for other settings and fixtures; tokens stay good, and no secret of before is shown."""
    policy = _policy(settings, mock.service.policy.token_key)
    known = _known_secrets(settings, mock.admin_token, fixtures, mock.service.secrets.texts)
    return Service(mock.tree, fixtures, policy, mock.worlds.numbers, known)


def _known_secrets(
    settings: Settings, admin_token: str | None, fixtures: FixtureSet, before: Collection[str] = ()
) -> Secrets:
    secret = (admin_token, settings.token_key, urlsplit(settings.store).password)
    return known_secrets(fixtures.clients.values(), *filter(None, secret), *before)


def known_secrets(clients: Collection[Client], *others: str) -> Secrets:
    """Return what must be shown to nobody: the keys of users and applications, and what else is named."""
    users = [user for client in clients for user in client.users.values()]
    applications = [app for client in clients for app in client.oauth_clients.values()]
    keys = [key for user in users for key in user.secrets] + [app.secret for app in applications]
    ids = [user.user_id for user in users] + [app.client_id for app in applications]
    own = ("X-Mock-Admin-Token", *RULES, *MAGIC_IDS)
    return Secrets([*keys, *others], [*own, *ids, *(client.client_id for client in clients)])


def _in_memory(settings: Settings, fixtures: FixtureSet, faults: Sequence[Fault]) -> Worlds:
    budget, content = Budget(settings.journal_bytes), _content(settings)

    def make_world(name: str, base: Base) -> MemoryWorld:
        journal = Journal(settings.journal_entries, settings.journal_bytes, budget)
        return MemoryWorld(name, base, journal, seed=settings.seed, faults=faults, content=content)

    return MemoryWorlds(make_world, fixtures, content=content, limit=settings.max_worlds, strict=settings.strict_worlds)


def _content(settings: Settings) -> Content:
    return Content(settings.max_world_content, settings.max_content, settings.max_snapshots, settings.max_faults)


def _in_redis(settings: Settings, fixtures: FixtureSet, faults: Sequence[Fault]) -> Worlds:
    try:
        from mockserver.state.redis.worlds import connect
    except ModuleNotFoundError as problem:
        hint = pip_install("redis[hiredis]>=5.2")
        raise UsageError("the redis package is not installed", place="store", hint=hint) from problem
    return connect(
        settings.store,
        fixtures,
        entries=settings.journal_entries,
        size=settings.journal_bytes,
        seed=settings.seed,
        faults=faults,
        limit=settings.max_worlds,
        strict=settings.strict_worlds,
        content=_content(settings),
    )


def _policy(settings: Settings, token_key: bytes) -> Policy:
    return Policy(
        dialect=_dialect(settings),
        auth=settings.auth == "strict",
        allow_unkeyed=settings.unkeyed_signatures,
        unknown_status=settings.unknown_profile,
        max_body=settings.max_body,
        max_operations=settings.max_operations,
        max_profile=settings.max_profile,
        max_patch_work=settings.max_patch_work,
        magic_ids=settings.magic_ids,
        pure=settings.pure,
        log=settings.log,
        token_key=token_key,
        dates=Dates(settings.zoneless, settings.clock_skew),
        account_rules=settings.account_rules,
        second_default=settings.second_default,
        hides_inactive=settings.inactive == "hidden",
    )


def _dialect(settings: Settings) -> Dialect:
    dialect, zone = DIALECTS[settings.dialect], settings.server_zone
    if zone == "UTC":
        return dialect
    # Imported where there is another zone: most servers have none.
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return replace(dialect, zone=ZoneInfo(zone))
    except (LookupError, ValueError, OSError):
        hint = f"{did_you_mean(zone, available_timezones())} write a name of the IANA database, or UTC".lstrip()
        raise UsageError(f"there is no time zone {zone[:80]!r}", place="--server-zone", hint=hint) from None


def sign_command(settings: Settings) -> str:
    """Return the command that signs for a mock with these settings, wherever it is called."""
    if settings.fixtures == shipped("fixtures"):
        return "mockserver sign"
    return f"mockserver sign --fixtures {shlex.quote(str(settings.fixtures.absolute()))}"


def _admin_token(settings: Settings) -> str | None:
    if settings.admin_token is not None or settings.loopback:
        return settings.admin_token
    return secrets.token_urlsafe(24)


def initial_faults(settings: Settings, tree: MemberTree, fixtures: FixtureSet) -> tuple[Fault, ...]:
    """Read the faults of --fault and the configuration; raise UsageError for one that can't be used."""
    if not settings.fault:
        return ()
    from mockserver.faults.text import from_text, with_free_id

    known, faults = known_names(settings, tree, fixtures), list[Fault]()
    for text in settings.fault:
        fault = from_text(text, known=known, place="--fault")
        faults.append(with_free_id(fault, [other.id for other in faults]))
    return tuple(faults)


def known_names(settings: Settings, tree: MemberTree, fixtures: FixtureSet) -> Known:
    """Return what a fault rule may refer to, so that one that can never match is refused."""
    from mockserver.faults.text import Known

    moves = () if DIALECTS[settings.dialect].follows_page else ("move", "copy")
    return Known(
        clients=[client.client_id for client in fixtures.clients.values()],
        users={client.client_id: list(client.users) for client in fixtures.clients.values()},
        paths=list(tree.paths()),
        operations={one.name: one.matched_by for row in ROUTES[settings.operations].values() for one in row.values()},
        applied_ops=(*SUPPORTED_OPERATIONS, *moves),
    )
