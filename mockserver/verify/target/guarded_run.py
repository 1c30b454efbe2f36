"""One run on a target: every case is guarded, and whatever happens, the profiles end as they began."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mockserver.errors import Inconclusive, SafetyRefusal
from mockserver.verify.calls import Bench, Call, Key, Reply
from mockserver.verify.contract import Contract
from mockserver.verify.target.held_signals import HeldSignals
from mockserver.verify.target.restore import REFUSALS, Remaining, Restorer, by_hand, left_behind, profile_of
from mockserver.verify.target.run_lock import RunLock
from mockserver.verify.target.session import ONE_PROFILE, NotSent, TargetSession, require_means
from mockserver.verify.target.targets import Target
from mockserver.verify.target.undo import lasting_differences, leaf_tests
from mockserver.verify.target.undo_file import NotedProfile, UndoFile, prepare
from mockserver.verify.target.vetting import Leave, touched

CANT_RESTORE = "Edited shows that the run was there; the target's audit log and whatever it set off can't be undone"
BESIDE = "by the target, along with the profile that a case changed, or by somebody else: ask the target's owner"
BY_READING = (
    "a patch that changes nothing left a new stamp, so the target changed more than it was asked to; "
    "what was there before was never shown, ask the target's owner; "
    'reads = "get" in its table reads by GET, where it has that'
)


Progress = Callable[[int, int], object]
"""Told how much is done, of how much."""


class GuardedRun:
    """One run on a target: `guard` wraps each case, and whatever happens, the profiles end as they began.

    Calls go through its own `send`. `profiles` holds each as it was last read, `notes` what the user should know of at
    the end. `changed` says that a change was asked for, `wrote` that one was accepted. `progress` counts the profiles
    that are read.
    """

    def __init__(self, session: TargetSession, state_dir: Path, contract: Contract) -> None:
        self.session = session
        self.target: Target = session.target
        self.undo = UndoFile.of(self.target, state_dir)
        self.leave = Leave.of(contract, write=session.write)
        self.profiles: dict[Key, dict[str, Any]] = {}
        self.notes: list[str] = []
        self.progress: Progress = lambda *_: None
        self.changed = self.wrote = False
        self.altered: list[str] = []
        self._first: dict[Key, dict[str, Any]] = {}
        self._restorer = Restorer(session)
        self._lock = RunLock(self.target)
        self._signals = HeldSignals()
        self._lost = self._open = False

    def bench(self) -> Bench:
        """Return what the verification engine works on."""
        return self.target.bench(self, is_mock=self.target.mock, altered=tuple(self.altered), guard=self.guard)

    @property
    def used(self) -> int:
        """How many requests were really sent."""
        return self.session.used

    def send(self, call: Call) -> Reply:
        """Send a call of a case, as far as the run has leave for it."""
        return self.session.send(call, self.leave._replace(shown=self.profiles.get(call.key)), self._watched)

    def begin(self) -> None:
        """Lock the target and read every profile; raise for an unfinished run or a profile that can't be used."""
        require_means(self.session)
        self._signals.install()
        try:
            if not self.target.mock:
                prepare(self.undo.path.parent)
                self._lock.take()
                _refuse_open(self.target, self.undo.path.parent)
            self._open = True
            for number, key in enumerate(self.target.keys, 1):
                self._first[key] = self._first_reading(key)
                _check_marker(self._first[key], self.target, key)
                self.progress(number, len(self.target.keys))
            if not self.leave.why_not and not self.target.mock:
                self._prove_that_tests_guard()
            self.session.forget()
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Give back lock and signal handlers."""
        self._open = False
        try:
            self._lock.release()
        finally:
            self._signals.uninstall()
        if self.changed and not self.target.mock:
            self.notes.append(CANT_RESTORE)
        if self._signals.interrupted and not self.undo.is_open:
            self.notes.append("interrupted; the profiles are as they were")

    def __enter__(self) -> GuardedRun:
        self.begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            complaint = self.complaint() if kind is None else None
        finally:
            self.end()
        if complaint is not None:
            raise complaint

    def complaint(self) -> SafetyRefusal | None:
        """Return what no restore could do anything about, None if nothing is the matter."""
        if self.altered:
            return SafetyRefusal(f"CHANGED BY READING: {', '.join(self.altered)}", hint=BY_READING)
        if self.changed and not self.target.mock and (strayed := list(self._strayed())):
            return SafetyRefusal(f"CHANGED BESIDE THE CASES: {'; '.join(strayed)}", hint=BESIDE)
        return None

    def _strayed(self) -> Iterator[str]:
        """Yield what has changed of profiles that no case worked on last: the guard of a case looks at its own only."""
        for key in self.target.keys[1:]:
            found = self._reread(key)
            places = [change.place for change in lasting_differences(self._first[key], found or self._first[key])]
            if places:
                yield f"{self.target.label(key)}: {', '.join(places)}"

    def _first_reading(self, key: Key) -> dict[str, Any]:
        """Read a profile for the first time, and see by its stamp whether that alone changed it.

        A later stamp of a second reading tells a server that stamps whatever it is asked. By a clock that is ahead of
        ours or behind, nothing is seen; a guess would be worse.
        """
        asked = self.session.clock.now()
        profile = self._read(key)
        stamp = _stamp_of(profile)
        by_get = self.target.reads == "get"  # no server stamps a reading by GET
        if stamp is not None and not by_get and asked <= stamp <= self.session.clock.now() and not self.target.mock:
            self.session.forget()
            profile = self._read(key)
            again = _stamp_of(profile)
            if again is None or again <= stamp:
                self.altered.append(self.target.label(key))
        return profile

    @contextmanager
    def guard(self, case_id: str) -> Iterator[None]:
        """Restore whatever the case changes; raise SafetyRefusal if something is left, and keep its undo file."""
        self._signals.deliver()
        self._signals.guarding, self._lost, self.undo.case = True, False, case_id
        self.session.forget()  # between two cases somebody else may have changed the profile
        try:
            try:
                yield
            finally:
                # Two steps, because a signal may arrive between any two instructions; after the first one, later
                # signals wait (HeldSignals), so the second step is reached for certain.
                self._signals.hold = True
        finally:
            try:
                self._restore_all()
            finally:
                self._signals.guarding, self._signals.hold = False, False
        self._signals.deliver()

    def _read(self, key: Key) -> dict[str, Any]:
        self.profiles[key] = self._restorer.read(key)
        return self.profiles[key]

    def _watched(self, call: Call, send: Callable[[], Reply]) -> Reply:
        """Send a change between two notes: of what it is about to change, and of what its answer showed."""
        self._before(call)
        reply = None
        try:
            reply = send()
            return reply
        finally:
            self._after(call, reply)

    def _before(self, call: Call) -> None:
        if not (self._open and self._signals.guarding):
            raise NotSent("a request was not sent: it could change the profile, and no case is being guarded")
        row = self.undo.profile(call.key)
        if row is None:
            if self.undo.profiles and not self.target.mock:
                raise NotSent(ONE_PROFILE)
            row = NotedProfile(*call.key[1:], before=self._read(call.key))
            self.undo.profiles.append(row)
        row.touched += [pointer for pointer in touched(call) if pointer not in row.touched]
        row.known = None
        self.session.restores = True
        self._write()
        # Whoever hangs up on a request that is on its way may see it applied after the restore: Ctrl-C waits.
        self._signals.hold = True

    def _after(self, call: Call, reply: Reply | None) -> None:
        try:
            self._note(call, reply)
        finally:
            self._signals.hold = False
        self._signals.deliver()

    def _note(self, call: Call, reply: Reply | None) -> None:
        """Write down what an answer showed: what differs from it later was changed by somebody else."""
        row = self.undo.profile(call.key)
        if row is None:
            return
        self.changed = True
        self.wrote = self.wrote or (reply is not None and reply.status == 200)
        self._lost = self._lost or reply is None
        row.known = profile_of(reply) if reply is not None else None
        if row.known is not None and not any(lasting_differences(self.profiles[call.key], row.known)):
            # Nothing was changed, or the answer is of before the change: what is there now says which.
            row.known = self._reread(call.key)
        if row.known is not None:
            self.profiles[call.key] = row.known
            self._write()

    def _reread(self, key: Key) -> dict[str, Any] | None:
        try:
            return self._read(key)
        except (Inconclusive, SafetyRefusal):
            return None

    def _write(self) -> None:
        if not self.target.mock:
            self.undo.write()

    def _restore_all(self) -> None:
        if not self.undo.profiles:
            return
        if self._lost:
            # A request whose answer was lost may still be at work over there.
            self.session.clock.sleep(self.target.settle_s)
        remaining: list[Remaining] = []
        for row in self.undo.profiles:
            found, left = self._restorer.restore(row)
            remaining += by_hand(self.undo, row, self.target, left)
            if found is not None:
                self.profiles[self.target.client, row.kind, row.identifier] = found
                self._note_system_fields(row, found)
        if remaining:
            raise left_behind(remaining, self.undo)
        self.undo.remove()

    def _note_system_fields(self, row: NotedProfile, found: Mapping[str, Any]) -> None:
        """Note what the target itself wrote into Edited beside its stamp, which nobody can take back."""
        places = [change.place for change in lasting_differences(row.before, found)]
        if wrote := ", ".join(place for place in places if place.startswith("/Edited/")):
            note = f"{wrote}: not as before the run; the target writes it itself with a change"
            self.notes += [] if note in self.notes else [note]

    def _prove_that_tests_guard(self) -> None:
        """See that the target confirms its own values and refuses others: without that, a restore could overwrite."""
        key = self.target.keys[0]
        # A member that the contract does not know is no case's to change, and may be one that can't be tested.
        mine = self.leave.members.keys() - self.leave.read_only
        writable = {name: value for name, value in self.profiles[key].items() if name.lower() in mine}
        right = list(leaf_tests("", writable))
        # The first text, and another one in its place: no test that compares can find both right.
        text = next((row for row in right if isinstance(row["value"], str)), {"op": "test", "path": "/ProfileId"})
        wrong = [*right, {**text, "value": f"{text.get('value')}?"}]
        answers = [self.session.read(key, json.dumps(tests).encode()).status for tests in (right, wrong)]
        if answers[0] != 200 or answers[1] not in REFUSALS:
            why = f"`test` does not guard here (its own values: {answers[0]}, other ones: {answers[1]})"
            self.leave = self.leave._replace(why_not=f"{why}, so a change could not be taken back safely")
            self.notes.append(f"no case that changes a profile was run: {why}")


def _refuse_open(target: Target, state_dir: Path) -> None:
    for undo in UndoFile.left_behind(target, state_dir):
        why = f"an earlier run broke off in case {undo.case or '?'} and may have left changes"
        raise SafetyRefusal(why, place=str(undo.path), hint=f"run `{undo.recovery(target)}` first")


def _stamp_of(profile: Mapping[str, Any]) -> datetime | None:
    """Return when a profile was last changed, None if it doesn't say so in ISO 8601."""
    edited = profile.get("Edited")
    try:
        stamp = datetime.fromisoformat(edited["ModifiedDate"]) if isinstance(edited, dict) else None
    except (KeyError, TypeError, ValueError):
        return None
    return stamp.replace(tzinfo=stamp.tzinfo or UTC) if stamp else None


def _check_marker(profile: Mapping[str, Any], target: Target, key: Key) -> None:
    if target.marker is None:
        return
    fields = profile.get("CustomFields") or ()
    if not any(isinstance(row, dict) and (row.get("Name"), row.get("Value")) == target.marker for row in fields):
        hint = f"give it the custom field {target.marker[0]}, or take the profile out of the targets file"
        raise SafetyRefusal(f"{target.label(key)} lacks the marker that allows tests", hint=hint)
