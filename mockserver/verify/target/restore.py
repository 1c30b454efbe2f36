"""Brings a profile back to what it was: reads, sends inverse patches, reads back, and tells what it can't restore.

What nobody can restore: Edited, which shows that the run was there, and whatever the target did besides (its audit
log, messages to the customer, other systems that follow it).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mockserver.errors import Inconclusive, SafetyRefusal
from mockserver.verify.calls import Call, Key, Reply, by_profile_id
from mockserver.verify.target.by_hand import file_of, request
from mockserver.verify.target.held_signals import HeldSignals
from mockserver.verify.target.run_lock import RunLock
from mockserver.verify.target.session import NoAnswer, TargetSession
from mockserver.verify.target.targets import Target
from mockserver.verify.target.undo import (
    Change,
    Operation,
    applied,
    blind_patches,
    canonical,
    coarse_patch,
    inverse_patch,
    lasting_differences,
    ours,
    unmoved,
)
from mockserver.verify.target.undo_file import NotedProfile, UndoFile

# What servers answer to a patch that they refuse: 400 by the page, 500 by the vendor's software where nobody catches.
REFUSALS = frozenset({400, 409, 412, 422, 500})
# What a status of the first reading tells its user to look at; 0 stands for all others.
_LOOK = {
    401: "check client, user and secret in the targets file, and this machine's clock",
    400: 'where the target has a GET of the same URL, reads = "get" in its table reads by that',
    403: "this user's groups may not update profiles; name another one in the targets file",
    404: "check base_url, client and profiles in the targets file",
    0: "check base_url in the targets file: this does not answer as the API does",
}
ROUNDS = 3
READS = 3
MEMBERS = 16
# One call that activates, reads with retries, one fine patch in each round but the last, then one patch for each
# member, each round read back.
WORST_CASE = 1 + READS + (ROUNDS - 1) * 2 + MEMBERS + 1
Profile = Mapping[str, Any]
Patch = Sequence[Operation]
_JSON = (("Content-Type", "application/json"), ("Accept", "application/json"))

# Patches that change nothing: without operations, and for targets that refuse those, with a test.
_READINGS = (b"[]", *(b'[{"op": "test", "path": "/IsActive", "value": %s}]' % value for value in (b"true", b"false")))


class Remaining(NamedTuple):
    """What of one profile is not as it was: places without values, why, and the command that a person can send."""

    profile: str
    places: tuple[str, ...]
    why: str
    by_hand: str = ""

    def __str__(self) -> str:
        return f"{self.profile}: {', '.join(self.places) or 'everything'}: {self.why}"


class Recovery(NamedTuple):
    restored: tuple[str, ...]
    remaining: tuple[Remaining, ...]

    @property
    def exit_code(self) -> int:
        """0 if everything is as it was, 4 if not."""
        return SafetyRefusal.exit_code if self.remaining else 0


class Refused(Inconclusive):
    """The target is there, and refuses to show a profile."""


class Restorer:
    """Restores profiles through a session."""

    def __init__(self, session: TargetSession) -> None:
        self.session = session
        self._reading = _READINGS[0]

    def read(self, key: Key) -> dict[str, Any]:
        """Return a profile, read by a patch that changes nothing; raise Inconclusive if the answer is no profile."""
        # What was answered last time comes first, so that on a target without empty patches a read is one request.
        for body in sorted(_READINGS, key=lambda body: body != self._reading):
            reply = self.session.read(key, body)
            if reply.status not in REFUSALS:
                self._reading = body
                break
        profile = profile_of(reply)
        if profile is None:
            label = self.session.target.label(key)
            kind = Refused if reply.status in REFUSALS else Inconclusive
            why = f"status {reply.status}" if reply.status != 200 else "its 200 is no JSON object that has a ProfileId"
            raise kind(f"{label} can't be read: {why}", hint=_LOOK.get(reply.status, _LOOK[0]))
        return profile

    def restore(self, row: NotedProfile) -> tuple[dict[str, Any] | None, list[Remaining]]:
        """Bring one profile back; return it as it is now, and what of it is not as it was."""
        own = (self.session.target.client, row.kind, row.identifier)
        label = self.session.target.label(own)
        try:
            self._wake(own, row)
            found = self._rounds(own, row, *self._read_or_mend(own, row))
        except (Inconclusive, SafetyRefusal) as problem:
            return None, [Remaining(label, (), f"can't tell: {problem.problem}")]
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as problem:
            # A profile of such a shape is nothing to send patches to; a person has to look at it.
            why = f"can't tell: it does not look like a profile ({type(problem).__name__})"
            return None, [Remaining(label, (), why)]
        left = tuple(change.place for change in _of_the_run(row, found))
        why = "changed by somebody else, by the target itself, or not accepted back"
        return found, [Remaining(label, left, why)] if left else []

    def _wake(self, own: Key, row: NotedProfile) -> None:
        """Activate a profile that a case may have made inactive: until then its alternate id leads to nothing."""
        if row.before.get("IsActive") is not True or "/isactive" not in row.touched:
            return
        place, allowed = by_profile_id(own, int(row.before["ProfileId"])), self.session.target.operations
        if "activateProfile" in allowed:
            call = Call("POST", own, (), b"", path=f"{place}/Activate", may_change=True)
        elif "patchProfile" in allowed:
            active = [{"op": "replace", "path": "/IsActive", "value": True}]
            call = Call("PATCH", own, _JSON, _body(active), path=place, may_change=True)
        else:
            return
        with contextlib.suppress(Inconclusive):
            self.session.send_reserved(call, wakes=True)

    def _rounds(self, own: Key, row: NotedProfile, key: Key, found: dict[str, Any]) -> dict[str, Any]:
        mine = _of_the_run(row, found)
        # Our own last answer shows what was there after us; without one, what we never touched is not ours.
        own_doing = ours(mine, row.touched, list(lasting_differences(row.known or found, found)))
        # A target that shows something else than it keeps refuses every guard. The last patches go without, where the
        # owner vouches that nobody else is there, and the reading just before shows nothing but what the case changed.
        bare = self.session.target.exclusive and own_doing == mine
        if not self.session.target.exclusive:
            mine = own_doing
        coarse = False
        for turn in range(ROUNDS):
            if not mine:
                break
            goal = applied(found, inverse_patch(mine, found))
            sent = list(self._patches(mine, found, goal, row.before, coarse=coarse, bare=bare))
            answers = [self._send(key, patch) for patch in sent]
            previous = found
            key, found = self._read_patiently(own, row)
            mine = [] if coarse else self._still_ours(goal, previous, found, sent, answers)
            moved = any(lasting_differences((_shown(answers) or [previous])[-1], found))
            bare = bare and None not in answers and not moved
            # Taken and yet not as it was, or refused although nobody came between: this patch is of no use here.
            useless = None not in answers and (bool(_shown(answers)) or not moved)
            coarse = useless or turn == ROUNDS - 2
        return found

    def _still_ours(
        self, goal: Profile, previous: Profile, found: Profile, sent: Sequence[Patch], answers: Sequence[Reply | None]
    ) -> list[Change]:
        """Return what is left to do, without what somebody else changed since our reading or our own answer."""
        left = list(lasting_differences(goal, found))
        if profiles := _shown(answers):
            since = list(lasting_differences(profiles[-1], found))
            return ours(left, [*_members_set(sent), *_misplaced(goal, previous, found)], since)
        return unmoved(left, list(lasting_differences(previous, found)))

    def _patches(
        self, mine: Sequence[Change], found: Profile, goal: Profile, before: Profile, *, coarse: bool, bare: bool
    ) -> Iterator[list[Operation]]:
        if not coarse:
            yield inverse_patch(mine, found)
            return
        for member in sorted({change.pointer.split("/")[1] for change in mine}):
            if member == "Edited":
                # Never whole: beside what the case wrote there is the stamp, which is the target's.
                patch = inverse_patch([change for change in mine if change.pointer.startswith("/Edited")], found)
            elif canonical(goal.get(member)) == canonical(before.get(member)):
                patch = coarse_patch(member, goal, found)
            else:
                continue
            yield [operation for operation in patch if not (bare and operation["op"] == "test")]

    def _send(self, key: Key, operations: Patch) -> Reply | None:
        """Send a restoring patch; what it did is seen by reading. None: there was no answer to it."""
        try:
            return self.session.send_reserved(Call("PATCH", key, _JSON, _body(operations), may_change=True))
        except NoAnswer:
            self.session.clock.sleep(self.session.target.settle_s)
        except Inconclusive:
            pass
        return None

    def _read_or_mend(self, own: Key, row: NotedProfile) -> tuple[Key, dict[str, Any]]:
        """Read a profile; where that is refused, what the case left there is in the way, and is replaced unseen.

        A server that checks a profile as a whole refuses every patch of one that holds, say, a text that is too long.
        """
        try:
            return self._read_patiently(own, row)
        except Refused:
            for patch in blind_patches(row.before, row.touched):
                self._send(own, patch)
            return self._read_patiently(own, row)

    def _read_patiently(self, own: Key, row: NotedProfile) -> tuple[Key, dict[str, Any]]:
        """Read a profile that may have become hard to reach: by another of its ids, or after a pause."""
        problem = Inconclusive("not read")
        for turn in range(READS):
            key = own
            for key in self._names(own, row) if turn else (own,):
                try:
                    return key, self.read(key)
                except Inconclusive as failure:
                    problem = failure
            if turn < READS - 1:
                self.session.clock.sleep(self.session.target.settle_s / 2)
        raise problem

    def _names(self, own: Key, row: NotedProfile) -> list[Key]:
        entries = row.before.get("AlternateIds") or ()
        held = {(str(e.get("AlternateIdType")).lower(), str(e.get("AlternateId")).lower()) for e in entries if e}
        others = [key for key in self.session.target.keys if key != own and (key[1].lower(), key[2].lower()) in held]
        return [own, *others[:1]]


def recover(session: TargetSession, state_dir: Path, *, forget: bool = False) -> Recovery:
    """Finish what interrupted runs left behind; with `forget`, their undo files go even if something remains."""
    outcome = Recovery((), ())
    if not state_dir.exists():
        return outcome
    lock, signals = RunLock(session.target), HeldSignals()
    lock.take()
    signals.install()
    try:
        for undo in UndoFile.left_behind(session.target, state_dir):
            found = _recover(Restorer(session), undo, signals, forget=forget)
            outcome = Recovery(outcome.restored + found.restored, outcome.remaining + found.remaining)
        return outcome
    finally:
        lock.release()
        signals.uninstall()


def _recover(restorer: Restorer, undo: UndoFile, signals: HeldSignals, *, forget: bool) -> Recovery:
    target = restorer.session.target
    restored, remaining = [], []
    for row in undo.profiles:
        try:
            left = _recovered(restorer, undo, row)
        except KeyboardInterrupt:
            # The note stays, and the list of what is open is worth more than the haste of whoever stopped us.
            signals.hold = True
            left = [Remaining(_label(target, row), (), "interrupted before it was restored")]
        remaining += left
        restored += [] if left else [_label(target, row)]
    if forget or not remaining:
        undo.remove()
    if not remaining:
        file_of(undo).unlink(missing_ok=True)
    return Recovery(tuple(restored), tuple(remaining))


def _recovered(restorer: Restorer, undo: UndoFile, row: NotedProfile) -> list[Remaining]:
    target = restorer.session.target
    if not undo.is_of(target):
        moved = f"{undo.path.name} is of {undo.base_url}, client {undo.client}: give {undo.target} that address again"
        return [Remaining(_label(target, row), (), moved)]
    if (target.client, row.kind, row.identifier) not in target.keys:
        return [Remaining("a profile of the undo file", (), "the target does not list it any more")]
    # The last request of the run that broke off may still be at work over there.
    restorer.session.clock.sleep(target.settle_s)
    return by_hand(undo, row, target, restorer.restore(row)[1])


def by_hand(undo: UndoFile, row: NotedProfile, target: Target, left: Sequence[Remaining]) -> list[Remaining]:
    """Return what is left, with the command that a person can send where it is known what is wrong."""
    if not undo.is_open:
        return list(left)
    return [one._replace(by_hand=request(undo, row, target, one.places)) if one.places else one for one in left]


def _label(target: Target, row: NotedProfile) -> str:
    return target.label((target.client, row.kind, row.identifier))


def left_behind(remaining: Sequence[Remaining], undo: UndoFile) -> SafetyRefusal:
    """Return the loud failure that lists what is not as it was."""
    rows = "; ".join(map(str, remaining))
    kept = f"as it was is in {undo.path}; `{undo.recovery()}` tries again" if undo.is_open else ""
    kept += "".join(f"\n  by hand, signed as its file says: {row.by_hand}" for row in remaining if row.by_hand)
    return SafetyRefusal(f"NOT RESTORED after case {undo.case}: {rows}", hint=kept)


def _body(operations: Patch) -> bytes:
    return json.dumps(operations).encode()


def _members_set(sent: Sequence[Patch]) -> Iterator[str]:
    """Yield the members that patches set. Not entries: one more or less may be somebody else's, a member was tested."""
    for operation in (operation for patch in sent for operation in patch):
        if operation["op"] != "test" and not operation["path"].rpartition("/")[2].isdecimal():
            yield operation["path"].lower()


def _misplaced(goal: Profile, previous: Profile, found: Profile) -> Iterator[str]:
    """Yield the collections that hold no entry but ours and lack none, though not as our patch said.

    Nobody else was there: the target counts indices in a way of its own.
    """
    for name, wanted in goal.items():
        before, now = previous.get(name), found.get(name)
        if isinstance(wanted, list) and isinstance(before, list) and isinstance(now, list) and len(now) >= len(wanted):
            known = {canonical(entry) for entry in (*before, *wanted)}
            if all(canonical(entry) in known for entry in now):
                yield f"/{name}".lower()


def _of_the_run(row: NotedProfile, found: Profile) -> list[Change]:
    """Return what is not as it was, but for what the target itself writes into Edited, and takes back from nobody."""
    changes = lasting_differences(row.before, found)
    return [one for one in changes if not one.pointer.startswith("/Edited/") or ours([one], row.touched, ())]


def _shown(answers: Sequence[Reply | None]) -> list[dict[str, Any]]:
    """Return the profiles that answers show."""
    return [profile for reply in answers if reply is not None and (profile := profile_of(reply)) is not None]


def profile_of(reply: Reply) -> dict[str, Any] | None:
    """Return the profile in a 200 in JSON, None for any other answer."""
    if reply.status != 200:
        return None
    try:
        document = json.loads(reply.body)
    except ValueError:
        return None
    return document if isinstance(document, dict) and "ProfileId" in document else None
