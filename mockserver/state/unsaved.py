"""What changes would make of a world's profiles, and nothing stays."""

from __future__ import annotations

from collections.abc import Iterator

from mockserver.profile.keys import Key
from mockserver.state.profiles import Change, Changed, Make, ProfileStore, Update, profile_unknown


class Unsaved:
    """Shows a world's profiles and takes no change, for an answer that a broken connection carries."""

    def __init__(self, profiles: ProfileStore) -> None:
        self._profiles = profiles

    def read(self, key: Key) -> bytes | None:
        return self._profiles.read(key)

    def items(self) -> Iterator[tuple[Key, bytes]]:
        """Yield one (key, bytes) per profile."""
        return self._profiles.items()

    def update(self, key: Key, change: Change) -> Update:
        """Return what a change would do; raise NotFound for an unknown key."""
        before = self.read(key)
        if before is None:
            raise profile_unknown()
        changed = change(before)
        return Update(before, changed.body, changed.facts)

    def create(self, client: str, make: Make) -> Update:
        """Return the profile that would be added."""

        def only_make(number: int) -> Changed:
            raise _Made(make(number))

        try:
            return self._profiles.create(client, only_make)
        except _Made as made:
            return Update(None, made.changed.body, made.changed.facts)

    def delete(self, key: Key) -> bytes | None:
        """Return what would be removed."""
        return self.read(key)


class _Made(Exception):
    def __init__(self, changed: Changed) -> None:
        super().__init__()
        self.changed = changed
