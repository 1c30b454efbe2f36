"""Profiles of a real system to profiles that may be shown: what stays, what is replaced, what is left out."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mockserver.errors import SafetyRefusal, UsageError
from mockserver.nearest import did_you_mean
from mockserver.recording.guard import Guard, folded
from mockserver.recording.pseudonyms import Pseudonyms, Words, dates_in, says_nothing
from mockserver.settings import is_utf8_text
from mockserver.verify.contract import Shape, is_type

# What a client's own configuration names, and what is the same for many people. A place is a path without indexes.
STAYS = frozenset(
    {
        *("DefaultLocale", "CustomerType", "AlternateIds/AlternateIdType", "Emails/EmailAddressType"),
        *("Groups/GroupType", "CustomFields/Name", "PhoneNumbers/PhoneType", "Addresses/AddressType"),
        *("Addresses/Country", "Addresses/CountryCode_Numeric", "Addresses/CountryCode_Alpha2"),
        *("Addresses/CountryCode_Alpha3", "Addresses/CassStatus", "Consents/ConsentType", "Consents/Locale"),
        *("Consents/ConsentStatus", "Consents/ConsentVersion", "Consents/Expired"),
    }
)
IDS = ("ProfileId", "AlternateIds/AlternateId")
_KINDS = {
    "CustomerName": "names",
    "Emails": "e-mail addresses",
    "PhoneNumbers": "telephone numbers",
    "Addresses": "addresses",
    "AlternateIds": "ids",
    "Groups": "ids",
    "ProfileId": "ids",
}
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\b(?:true|false|null)\b')


@dataclass
class Recording:
    """What became of the profiles: `replaced` counts values by kind, `left_out` what the contract doesn't know.

    `files` are the texts to write by their names.
    """

    profiles: list[dict[str, Any]]
    guard: Guard
    harmless: frozenset[str]
    files: dict[str, str] = field(default_factory=dict)
    replaced: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def is_clear(self, text: str) -> bool:
        """Say whether no original is in a JSON text, apart from member names and values that stay."""
        return not self.guard.finds_besides_years(_QUOTED.sub(self._without_harmless, text))

    def _without_harmless(self, found: re.Match[str]) -> str:
        word = json.loads(found[0])
        return '""' if not isinstance(word, str) or folded(word) in self.harmless else found[0]

    def shown(self, place: str) -> str:
        """Return the place of what was left out, unless its name itself could be somebody's."""
        plain = re.fullmatch(r"[A-Za-z][A-Za-z_/]{0,80}", place)
        return place if plain and not self.guard.finds(place) else "a member whose name is not shown"


def places_of(shape: Shape, place: str = "") -> Iterator[str]:
    """Yield the place of every text and number that the contract knows."""
    for name, member in shape.members.items():
        inner = member.item or member
        here = f"{place}/{name}".lstrip("/")
        yield from places_of(inner, here) if inner.members else [here]


def kept_places(names: Sequence[str], shape: Shape) -> frozenset[str]:
    """Return what stays, with the user's own additions; raise UsageError for a place that there isn't."""
    known = set(places_of(shape))
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, "write a member's path without indexes, such as ProfileTags/Name")
            raise UsageError(f"the contract has no member {name!r}", place="--keep", hint=hint)
        if name in IDS:
            raise UsageError(f"{name} names a person and can't stay", place="--keep")
    return STAYS | frozenset(names)


def pseudonymised(
    shown: Sequence[Mapping[str, Any]], shape: Shape, key: bytes, words: Words, stays: frozenset[str] = STAYS
) -> Recording:
    """Replace what is personal in profiles; raise SafetyRefusal if an original would be left."""
    left_out: Counter[str] = Counter()
    profiles = [_known(profile, shape, left_out) for profile in shown]
    rows = [row for profile in profiles for row in _leaves(profile)]
    everything = [row for profile in shown for row in _leaves(profile)]
    names = {part for place in places_of(shape) for part in place.split("/")}
    harmless = frozenset(folded(text) for text in names | {text for place, text in rows if place in stays})
    # What was left out belongs to the originals as well.
    personal = {text for place, text in everything if place not in stays}
    originals = {text for text in personal if not says_nothing(text) and folded(text) not in harmless}
    private = [(place, text) for place, text in rows if place not in stays]
    phones = {text for place, text in private if place.startswith("PhoneNumbers/")}
    pseudonyms = Pseudonyms(key, words, originals, phones)
    ids = frozenset(text for place, text in private if place in IDS)
    replacements = pseudonyms.mapping((text for _, text in private), ids)
    recording = Recording([], pseudonyms.guard, harmless, left_out=left_out)
    for place, text in private:
        recording.replaced[_kind(place, text)] += replacements[text] != text
    recording.profiles = [_replaced(profile, replacements, stays) for profile in profiles]
    for number, profile in enumerate(recording.profiles, 1):
        text = json.dumps(profile, ensure_ascii=False, indent=2) + "\n"
        if not recording.is_clear(text):
            hint = "nothing was written; leave that profile out"
            raise SafetyRefusal(f"profile {number} of the recording still holds an original value", hint=hint)
        recording.files[f"recorded-{profile.get('ProfileId', number)}.json"] = text
    return recording


def _kind(place: str, text: str) -> str:
    return "dates" if dates_in(text) == [text] else _KINDS.get(place.partition("/")[0], "other texts")


def _known(value: Any, shape: Shape, left_out: Counter[str], place: str = "") -> Any:
    """Return what the contract knows of a value, and count the rest; lists lose entries that it doesn't allow."""
    if isinstance(value, dict) and shape.members:
        result = {}
        for name, item in value.items():
            member, here = shape.members.get(name), f"{place}/{name}".lstrip("/")
            if member is None or not _fits(item, member):
                left_out[here] += 1
            else:
                result[name] = _known(item, member, left_out, here)
        return result
    if isinstance(value, list) and shape.item is not None:
        fitting = [item for item in value if _fits(item, shape.item)]
        left_out += Counter({place: len(value) - len(fitting)})
        return [_known(item, shape.item, left_out, place) for item in fitting]
    return value


def _fits(value: Any, shape: Shape) -> bool:
    if isinstance(value, str) and not is_utf8_text(value):
        return False
    return shape.nullable if value is None else is_type(value, shape.kind)


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield (place, text) of every text and number."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, f"{place}/{name}".lstrip("/"))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, place)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield place, str(value)


def _replaced(value: Any, replacements: Mapping[str, str], stays: frozenset[str], place: str = "") -> Any:
    if isinstance(value, dict):
        inner = {name: f"{place}/{name}".lstrip("/") for name in value}
        return {name: _replaced(item, replacements, stays, inner[name]) for name, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, replacements, stays, place) for item in value]
    if place in stays or value is None or isinstance(value, bool):
        return value
    return type(value)(replacements[str(value)])
