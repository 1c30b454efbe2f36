"""Invented words that could be names, by their length."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from mockserver.errors import UsageError
from mockserver.package import pip_install


def plausible_words() -> Mapping[int, Sequence[str]]:
    """Return Faker's names in small letters; raise UsageError if Faker is not installed."""
    try:
        from faker.providers.person.en_US import Provider
    except ImportError as missing:
        raise UsageError(
            "recording needs the package Faker, which is not installed", hint=pip_install("faker>=33")
        ) from missing
    words = defaultdict(list)
    for word in sorted({name.lower() for name in (*Provider.first_names, *Provider.last_names)}):
        if word.isascii() and word.isalpha():
            words[len(word)].append(word)
    return words
