"""Names of worlds: which test one belongs to, and that no other has it."""

from __future__ import annotations

import re
from hashlib import blake2b
from itertools import chain, count
from threading import Lock
from typing import Final

_LONGEST_LABEL: Final = 40


class WorldNames:
    """Gives out names and takes them back; thread-safe.

    A name is made from a test's node id alone: a planned fault draws by its world's name, so a test gets the same draws
    in every run and on every worker. `suffix` keeps the runs apart that share a server, at that price.
    """

    def __init__(self, suffix: str = "") -> None:
        self._suffix = suffix
        self._lock = Lock()
        self._taken: set[str] = set()

    def take(self, node_id: str) -> str:
        """Return a name that is not in use."""
        name = f"{_label(node_id)}-{blake2b(node_id.encode('utf-8', 'replace'), digest_size=4).hexdigest()}"
        name += self._suffix
        with self._lock:
            numbered = (f"{name}-{number}" for number in count(2))
            free = next(one for one in chain([name], numbered) if one not in self._taken)
            self._taken.add(free)
        return free

    def give_back(self, name: str) -> None:
        """Let a name be used again, by the next run of the same test."""
        with self._lock:
            self._taken.discard(name)


def _label(node_id: str) -> str:
    """Return what people know a test by, in the letters that a world's name and a URL allow."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", node_id.rpartition("::")[2]).strip("-")
    return words[:_LONGEST_LABEL].rstrip("-") or "test"
