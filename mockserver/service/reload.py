"""Fixtures and settings read again while the server runs: all or nothing, and told either way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from mockserver.errors import UsageError
from mockserver.fixtures.fixture_set import FixtureSet, UnfitFixtures
from mockserver.fixtures.loading import load_fixtures
from mockserver.fixtures.watching import Watcher, stamps
from mockserver.profile.keys import BY_PROFILE_ID
from mockserver.service.assembly import Mock, service_again
from mockserver.settings import FIELDS, Settings
from mockserver.state.clock import system_now
from mockserver.state.memory import MemoryWorlds

_READINGS = 5  # of files that change while they are read
_log = logging.getLogger(__name__)


MOST_EARLIER: Final = 100
"""How many policies of before are kept; older requests are told by the first of them."""


class Reloaded(Struct, frozen=True):
    """What came of reading again; `skipped` are files that were left alone, `restart` settings that need a restart."""

    status: str
    problems: list[dict[str, str]] = []
    profiles: dict[str, int] = {}
    clashes: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    restart: list[str] = []
    at: str = ""

    def json(self) -> dict[str, Any]:
        """Return it as the control surface tells it."""
        return asdict(self)


class Reading(Struct, frozen=True):
    """Fixtures and settings as the files have them; `number` tells which of two readings began later.

    `profiles` counts in what they differ from the fixtures of `before`.
    """

    number: int
    settings: Settings
    fixtures: FixtureSet
    before: FixtureSet
    profiles: dict[str, int]


class Reload:
    """Reads in any thread, and swaps where requests are answered."""

    def __init__(
        self, mock: Mock, read_settings: Callable[[], Settings] | None = None, config: Path | None = None
    ) -> None:
        self._mock = mock
        self._read_settings = read_settings or (lambda: mock.settings)
        self._lock = Lock()
        self._begun = self._swapped = 0
        self.paths = [mock.settings.fixtures, *([config] if config is not None else [])]
        self._watcher: Watcher | None = None
        self.last: Reloaded | None = None

    @property
    def watching(self) -> bool:
        """Whether an edit is noticed by itself."""
        return self._watcher is not None

    def follow(self, watcher: Watcher) -> None:
        """Start a watcher, which ends with `stop`."""
        self._watcher = watcher
        watcher.start()

    def stop(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()

    def run(self) -> Reloaded:
        """Read and swap at once; raise UsageError where state is shared with other processes."""
        if not isinstance(self._mock.worlds, MemoryWorlds):
            hint = "restart every server of the store after an edit, or serve with --store memory"
            raise UsageError("fixtures can't be read again with a shared store", place="reload", hint=hint)
        found = self.read()
        return self.swap(found) if isinstance(found, Reading) else found

    def read(self) -> Reading | Reloaded:
        """Read everything, again if it changed meanwhile; what is wrong changes nothing but what is told."""
        self._begun = number = self._begun + 1
        try:
            for _ in range(_READINGS):
                seen = stamps(self.paths)
                settings = self._read_settings()
                fixtures = load_fixtures(
                    self._mock.settings.fixtures, self._mock.tree, max_profile=settings.max_profile
                )
                if stamps(self.paths) == seen:
                    break
        except UnfitFixtures as unfit:
            return self._refused(number, [asdict(problem) for problem in unfit.problems], str(unfit))
        except (UsageError, OSError) as problem:
            place, hint = getattr(problem, "place", ""), getattr(problem, "hint", "")
            row = {"file": place, "place": "", "text": getattr(problem, "problem", str(problem)), "hint": hint}
            return self._refused(number, [row], str(problem))
        before = self._mock.fixtures
        return Reading(number, settings, fixtures, before, _difference(before, fixtures))

    def _refused(self, number: int, rows: list[dict[str, str]], text: str) -> Reloaded:
        with self._lock:
            if number < self._swapped and self.last is not None:
                return self.last
            _log.warning("not read again, everything stays as it was: %s", text)
            self.last = Reloaded("refused", rows, at=system_now().isoformat())
            return self.last

    def swap(self, reading: Reading) -> Reloaded:
        """Answer by what was read from now on; where requests are answered in one thread, call it there."""
        mock, clashes = self._mock, list[dict[str, Any]]()
        with self._lock:
            if reading.number < self._swapped and self.last is not None:
                return self.last
            self._swapped = reading.number
            settings, restart = _settings_in_force(mock.settings, reading.settings)
            profiles = reading.profiles
            if mock.fixtures is not reading.before:  # another reading came between
                profiles = _difference(mock.fixtures, reading.fixtures)
            changed = any(profiles.values()) or not _same(mock.fixtures, reading.fixtures)
            if changed or settings != mock.settings:
                assert isinstance(mock.worlds, MemoryWorlds)
                found = mock.worlds.rebase(reading.fixtures) if changed else {}
                clashes = [{"world": world, **clash._asdict()} for world, rows in found.items() for clash in rows]
                if mock.fixtures.skipped != reading.fixtures.skipped:
                    tell_skipped(reading.fixtures)
                service = service_again(mock, settings, reading.fixtures)
                if service.policy != mock.service.policy:
                    mock.earlier.append((system_now(), mock.service.policy))
                    del mock.earlier[:-MOST_EARLIER]
                mock.settings = settings
                mock.fixtures = reading.fixtures
                mock.service = service
                changed = True
            skipped = [asdict(row) for row in reading.fixtures.skipped]
            status = "reloaded" if changed else "unchanged"
            at = system_now().isoformat()
            outcome = Reloaded(status, [], profiles, clashes, skipped, restart, at)
            _tell(outcome, self.last)
            self.last = outcome
            return outcome


def _tell(outcome: Reloaded, before: Reloaded | None) -> None:
    if outcome.status == "reloaded" or (before is not None and before.status == "refused"):
        counts = ", ".join(f"{count} {what}" for what, count in outcome.profiles.items() if count)
        _log.info("read again: profiles %s", counts or "as before")
    for clash in outcome.clashes:
        _log.warning(
            "%s is that of profile %s in world %s and of fixture %s: the world's own keeps it", clash["what"],
            clash["world_profile"], clash["world"], clash["fixture_profile"],
        )  # fmt: skip
    if outcome.restart:
        _log.warning("needs a restart to take effect: %s", ", ".join(outcome.restart))


def tell_skipped(fixtures: FixtureSet) -> None:
    """Name in the log the files that were left alone."""
    for row in fixtures.skipped:
        _log.warning("%s: %s; %s", row.file, row.text, row.hint)


def _same(one: FixtureSet, other: FixtureSet) -> bool:
    return (one.clients, one.bodies, one.owners, one.skipped) == (
        other.clients,
        other.bodies,
        other.owners,
        other.skipped,
    )


def _difference(old: FixtureSet, new: FixtureSet) -> dict[str, int]:
    """Count the profiles that came, changed and went."""
    kept = changed = 0
    if not _same(old, new):
        for client in new.clients:
            for key, number in new.index.within(client, BY_PROFILE_ID):
                if (known := old.index.get(key)) is not None:
                    kept += 1
                    changed += old.bodies[known] != new.bodies[number]
        return {"added": len(new.bodies) - kept, "changed": changed, "removed": len(old.bodies) - kept}
    return {"added": 0, "changed": 0, "removed": 0}


def _settings_in_force(old: Settings, new: Settings) -> tuple[Settings, list[str]]:
    """Return the old settings with what can change at run time, and the names of what else changed."""
    live: Mapping[str, Any] = {name: getattr(new, name) for name, row in FIELDS.items() if row.metadata.get("live")}
    changed = [name for name in FIELDS if getattr(old, name) != getattr(new, name)]
    return replace(old, **live), [name for name in changed if name not in live]
