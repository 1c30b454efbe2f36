"""One run on a target: every case is guarded, and whatever happens, the profiles end as they began."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mockserver.errors import Inconclusive, SafetyRefusal
from mockserver.verify.calls import Account, Bench, Call, Key, Reply
from mockserver.verify.contract import Contract
from mockserver.verify.target.held_signals import HeldSignals
from mockserver.verify.target.restore import REFUSALS, Restorer, left_behind, profile_of
from mockserver.verify.target.session import NotSent, ReaderSession, TargetSession, require_budget
from mockserver.verify.target.targets import Target
from mockserver.verify.target.undo import lasting_differences, leaf_tests
from mockserver.verify.target.undo_file import OpenProfile, RunLock, UndoFile, prepare
from mockserver.verify.target.vetting import Members, touched

CANT_RESTORE = "Edited shows that the run was there; the target's audit log and whatever it set off can't be undone"
BESIDE = "by the target, along with the profile that a case changed, or by somebody else: ask the target's owner"
BY_READING = (
    "a patch that changes nothing left a new stamp, so the target changed more than it was asked to; "
    "what was there before was never shown, ask the target's owner"
)


class GuardedRun:
    """One run on a target: `guard` wraps each case, and whatever happens, the profiles end as they began.

    `notes` collects what the user should know of at the end.
    """

    dry = False

    def __init__(self, session: TargetSession, state_dir: Path, contract: Contract) -> None:
        self.session = session
        self.target: Target = session.target
        self.undo = UndoFile.of(self.target, state_dir)
        self.notes: list[str] = []
        self.changed = False
        self.altered: list[str] = []
        self._first: dict[Key, dict[str, Any]] = {}
        self._restorer = Restorer(session)
        session.members = Members.of(contract)
        self._lock = RunLock(self.target, state_dir)
        self._signals = HeldSignals()
        self._lost = False

    @property
    def keys(self) -> tuple[Key, ...]:
        """The profiles that may be used."""
        return self.target.keys

    @property
    def absent(self) -> tuple[Key, ...]:
        """Keys that the owner knows not to exist."""
        return self.target.absent

    @property
    def profiles(self) -> dict[Key, dict[str, Any]]:
        """Each profile as it was last read."""
        return self.session.profiles

    @property
    def reader(self) -> ReaderSession | None:
        """A session of the target's second user."""
        return self.session.as_reader()

    def refusal(self, call: Call) -> str | None:
        """Return why a call may not be sent here, None if it may."""
        return self.session.refusal(call)

    def bench(self) -> Bench:
        """Return what the verification engine works on."""
        target, reader = self.target, self.target.reader
        account = Account(target.client, target.credential.user, target.credential.secret())
        return Bench(
            session=self.session,
            account=account,
            profiles=target.keys,
            dialect=target.dialect,
            accounts={target.client: account},
            reader=Account(target.client, reader.user, reader.secret()) if reader else None,
            is_mock=target.mock,
            altered=tuple(self.altered),
            absent=target.absent,
            guard=self.guard,
        )

    def begin(self) -> None:
        """Lock the target and read every profile; raise for an unfinished run or a profile that can't be used."""
        require_budget(self.target)
        self._signals.install()
        if not self.target.mock:
            prepare(self.undo.path.parent)
            self._lock.take()
            _refuse_open(self.target, self.undo.path.parent)
        self.session.witness = self
        for key in self.target.keys:
            self._first[key] = self._first_reading(key)
            _check_marker(self._first[key], self.target, key)
        if self.session.write and not self.target.mock:
            self._prove_that_tests_guard()

    def end(self) -> None:
        """Give back lock and signal handlers."""
        self.session.witness = None
        self._signals.uninstall()
        self._lock.release()
        if self.changed and not self.target.mock:
            self.notes.append(CANT_RESTORE)
        if self._signals.interrupted and not self.undo.is_open:
            self.notes.append("interrupted; the profiles are as they were")

    def __enter__(self) -> GuardedRun:
        try:
            self.begin()
        except BaseException:
            self.end()
            raise
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
        profile = self._restorer.read(key)
        stamp = _stamp_of(profile)
        if stamp is not None and asked <= stamp <= self.session.clock.now() and not self.target.mock:
            profile = self._restorer.read(key)
            again = _stamp_of(profile)
            if again is None or again <= stamp:
                self.altered.append(self.target.label(key))
        return profile

    @contextmanager
    def guard(self, case_id: str) -> Iterator[None]:
        """Restore whatever the case changes; raise SafetyRefusal if something is left, and keep its undo file."""
        self._signals.deliver()
        self._signals.guarding, self._lost, self.undo.case = True, False, case_id
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

    def before(self, call: Call) -> None:
        """Write down what a call is about to change, before it is sent."""
        if not self._signals.guarding:
            raise NotSent("a request was not sent: it could change the profile, and no case is being guarded")
        row = self.undo.profile(call.key)
        if row is None:
            if self.undo.profiles and not self.target.mock:
                raise NotSent("a request was not sent: one case may change one profile only")
            row = OpenProfile(*call.key[1:], before=self._restorer.read(call.key))
            self.undo.profiles.append(row)
        row.touched += [pointer for pointer in touched(call.body) if pointer not in row.touched]
        row.known = None
        self._write()
        # Whoever hangs up on a request that is on its way may see it applied after the restore: Ctrl-C waits.
        self._signals.hold = True

    def after(self, call: Call, reply: Reply | None) -> None:
        """Write down what the answer showed: what differs from it later was changed by somebody else."""
        try:
            self._note(call, reply)
        finally:
            self._signals.hold = False
        self._signals.deliver()

    def _note(self, call: Call, reply: Reply | None) -> None:
        row = self.undo.profile(call.key)
        if row is None:
            return
        self.changed = True
        self._lost = self._lost or reply is None
        row.known = profile_of(reply) if reply is not None else None
        if row.known is not None and not any(lasting_differences(self._seen(call.key, row), row.known)):
            # Nothing was changed, or the answer is of before the change: what is there now says which.
            row.known = self._reread(call.key)
        if row.known is not None:
            self.session.profiles[call.key] = row.known
            self._write()

    def _seen(self, key: Key, row: OpenProfile) -> dict[str, Any]:
        return self.session.profiles.get(key, row.before)

    def _reread(self, key: Key) -> dict[str, Any] | None:
        try:
            return self._restorer.read(key)
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
        remaining = [left for row in self.undo.profiles for left in self._restorer.restore(row)[1]]
        if remaining:
            raise left_behind(remaining, self.undo)
        self.undo.remove()

    def _prove_that_tests_guard(self) -> None:
        """See that the target confirms its own values and refuses others: without that, a restore could overwrite."""
        key = self.target.keys[0]
        profile = self.session.profiles[key]
        # A member that the contract does not know is no case's to change, and may be one that can't be tested.
        members = self.session.members
        mine = members.known - members.read_only
        writable = {name: value for name, value in profile.items() if name.lower() in mine}
        right = list(leaf_tests("", writable))
        # The first text, and another one in its place: no test that compares can find both right.
        text = next((row for row in right if isinstance(row["value"], str)), {"op": "test", "path": "/ProfileId"})
        wrong = [*right, {**text, "value": f"{text.get('value')}?"}]
        answers = [self.session.read(key, json.dumps(tests).encode()).status for tests in (right, wrong)]
        if answers[0] != 200 or answers[1] not in REFUSALS:
            why = f"`test` does not guard here (its own values: {answers[0]}, other ones: {answers[1]})"
            self.session.write = False
            self.session.read_only_because = f"{why}, so a change could not be taken back safely"
            self.notes.append(f"no case that changes a profile was run: {why}")


def _refuse_open(target: Target, state_dir: Path) -> None:
    for undo in UndoFile.left_behind(target, state_dir):
        raise SafetyRefusal(
            f"an earlier run broke off in case {undo.case or '?'} and may have left changes",
            place=str(undo.path),
            hint=f"run `{undo.recovery(target)}` first",
        )


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
        raise SafetyRefusal(
            f"{target.label(key)} lacks the marker that allows tests",
            hint=f"give it the custom field {target.marker[0]}, or take the profile out of the targets file",
        )
