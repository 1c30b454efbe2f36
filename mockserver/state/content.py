"""What worlds hold beyond the fixtures: changed profiles, snapshots and fault rules, counted in bytes and bounded."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from threading import Lock
from typing import Final

from mockserver.errors import BoundReached
from mockserver.faults.rules import Fault
from mockserver.state.overlay import Overlay

_SNAPSHOT: Final = 500
_FAULT: Final = 1000


class Content:
    """What all worlds hold together and what each may hold; one lock for all, held for moments only."""

    def __init__(
        self,
        world_bytes: int = 16 << 20,
        max_bytes: int = 64 << 20,
        max_snapshots: int = 100,
        max_faults: int = 1000,
    ) -> None:
        self.world_bytes = world_bytes
        self.max_bytes = max_bytes
        self.max_snapshots = max_snapshots
        self.max_faults = max_faults
        self.lock = Lock()
        self.used = 0


class Share:
    """The part of the content that one world holds."""

    __slots__ = ("_gone", "content", "lock", "used")

    def __init__(self, content: Content) -> None:
        self.content = content
        self.lock = content.lock
        self.used = 0
        self._gone = False

    def grow(self, size: int) -> None:
        """Count bytes that come or, below 0, go; raise BoundReached before they do. Call with the lock held."""
        if size > 0 and self.used + size > self.content.world_bytes:
            raise world_full(self.content.world_bytes)
        self.used += size
        if not self._gone:
            self.content.used += size

    def leave(self) -> int:
        """Give back what a world that was removed held; what it still does counts for nobody else."""
        with self.lock:
            self._gone = True
            self.content.used -= self.used
            return self.used


class Snapshots(MutableMapping[str, Overlay]):
    """One world's named snapshots; each counts as much as the changed profiles that it holds."""

    __slots__ = ("_share", "_snapshots")

    def __init__(self, share: Share) -> None:
        self._share = share
        self._snapshots: dict[str, Overlay] = {}

    def __getitem__(self, name: str) -> Overlay:
        return self._snapshots[name]

    def __setitem__(self, name: str, overlay: Overlay) -> None:
        content = self._share.content
        with self._share.lock:
            known = self._snapshots.get(name)
            if known is None and len(self._snapshots) >= content.max_snapshots:
                raise too_many_snapshots(content.max_snapshots)
            self._share.grow(_size(name, overlay) - (_size(name, known) if known else 0))
            self._snapshots[name] = overlay

    def __delitem__(self, name: str) -> None:
        with self._share.lock:
            self._share.grow(-_size(name, self._snapshots.pop(name)))

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._snapshots))

    def __len__(self) -> int:
        return len(self._snapshots)


def _size(name: str, overlay: Overlay) -> int:
    return _SNAPSHOT + len(name) + overlay.size


def fault_size(fault: Fault) -> int:
    """Estimate the memory that a rule takes; numbers and texts take more than they do in print."""
    return _FAULT + 5 * len(repr(fault))


def world_full(limit: int) -> BoundReached:
    """Return the refusal of a change that would make a world too large."""
    return BoundReached(
        "max_world_content",
        f"The world would hold more than {limit} bytes of changed profiles, snapshots and faults.",
        "Reset the world, delete snapshots or faults of it,",
    )


def crowded(limit: int) -> str:
    """Say why a world had to go."""
    return f"worlds held more than {limit} bytes (--max-content)"


def too_many_snapshots(limit: int) -> BoundReached:
    """Return the refusal of one more snapshot."""
    return BoundReached("max_snapshots", f"A world holds no more snapshots than {limit}.", "Delete one of them,")


def too_many_faults(limit: int) -> BoundReached:
    """Return the refusal of one more fault rule."""
    return BoundReached("max_faults", f"A world holds no more faults than {limit}.", "Delete some of them,")
