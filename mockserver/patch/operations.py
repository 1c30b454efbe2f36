"""The operations as the vendor's adapters apply them to a typed profile.

Source: the library when it was run (docs/dialect.md, rows A1-A9, R1-R3, C1-C19 and T1-T8).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import Any

import jsonpatch
import orjson

from mockserver.errors import BadRequest
from mockserver.patch.dialect import Dialect, read_only_refusal, refuse_too_long
from mockserver.patch.pointer import Place, list_index, place_of
from mockserver.profile.clr_text import clr_text
from mockserver.profile.conversion import ConversionError, convert
from mockserver.profile.members import Member
from mockserver.profile.work import Work


def not_convertible(place: Place, value: Any, work: Work, zone: tzinfo, source: Member | None = None) -> BadRequest:
    """Return the refusal, in the library's words, of a value that its member can't store."""
    return BadRequest(
        f"The value '{_shown(value, source, work, zone)}' is invalid for target location.",
        rule="value-not-convertible",
        path=place.pointer.text,
    )


def _shown(value: Any, source: Member | None, work: Work, zone: tzinfo) -> str:
    if source is not None and isinstance(value, (dict, list)):
        return source.clr_type
    return clr_text(value, dates=zone if source is None else None, work=work)


class ProfileOperation(jsonpatch.PatchOperation):
    """A kind of operation as the vendor's adapters apply it to a typed profile, and the `operation` whose turn it is.

    `reach` is called with the name of the profile's own member that the operation is about to look into.
    """

    operation: dict[str, Any]
    takes_value = True

    def __init__(
        self, root: Member, dialect: Dialect, tolerated: set[str], reach: Callable[[str], object], work: Work
    ) -> None:
        # Not super().__init__: it refuses a missing path at once, which the vendor does only when it is needed.
        self.root = root
        self.dialect = dialect
        self.tolerated = tolerated
        self.reach = reach
        self.work = work

    def place(self, key: str = "path") -> Place:
        text = self.operation.get(key)
        if text is None:
            self.dialect.crash(f"{key}-missing", f"The operation has no '{key}'.")
        place = place_of(text, self.root)
        if place.pointer.tolerated:
            self.tolerated.add("tolerated-path")
        return place

    def locate(self, place: Place, document: Any, *, writing: bool) -> Any:
        first = place.first
        if first is not None:
            if writing and first.read_only and self.dialect.follows_page:
                raise read_only_refusal(place.segment, place.pointer.text)
            self.reach(first.name)
        return place.locate(document, self.operation) if place.steps else document

    def storable(self, member: Member, place: Place, value: Any, source: Member | None = None) -> Any:
        """Return the value as the member would store it; raise BadRequest if it can't be.

        `source` is the member that holds the value, if it was not sent: a CLR object, which stays the same object where
        its class is wanted, and which a message shows by the name of its class.
        """
        result, zone = value, self.dialect.zone
        if source is None or source.clr_type != member.clr_type or (value is None and not member.nullable):
            try:
                result = convert(value, member, dates=zone if source is None else None, work=self.work)
            except ConversionError:
                raise not_convertible(place, value, self.work, zone, source) from None
        if result is not value and (result != value or type(result) is not type(value)):
            self.tolerated.add("tolerated-value")
        if member.bounded and self.dialect.follows_page:
            refuse_too_long(result, member, place.pointer.text)
        return result

    def set(self, document: Any, value: Any, *, replacing: bool, source: Member | None = None) -> None:
        place = self.place()
        container = self.locate(place, document, writing=True)
        item = place.container.item
        if item is None:
            member = place.member or place.last_member()
            container[member.name] = self.storable(member, place, value, source)
            return
        index = self.position(place, container, adding=not replacing)
        stored = self.storable(item, place, value, source)
        if not replacing:
            container.insert(index, stored)
        else:
            container[self.existing(index, container)] = stored

    def position(self, place: Place, container: list[Any], *, adding: bool = False) -> int:
        """Return the index; `-` is one past the end when adding and the last element otherwise (rows A2, A3)."""
        if place.segment == "-":
            return len(container) if adding else len(container) - 1
        return list_index(place.segment, len(container), place.pointer, adding=adding)

    def existing(self, index: int, container: list[Any]) -> int:
        if index < 0:
            self.dialect.crash("index-dash-on-empty", "The list is empty: '-' names no element.")
        return index

    def remove(self, document: Any, key: str = "path") -> None:
        place = self.place(key)
        container = self.locate(place, document, writing=True)
        if place.container.item is not None:
            del container[self.existing(self.position(place, container), container)]
        else:
            member = place.last_member()
            container[member.name] = member.empty


class Add(ProfileOperation):
    def apply(self, obj: Any) -> None:
        self.set(obj, self.operation.get("value"), replacing=False)


class Replace(ProfileOperation):
    def apply(self, obj: Any) -> None:
        self.set(obj, self.operation.get("value"), replacing=True)


class Remove(ProfileOperation):
    takes_value = False

    def apply(self, obj: Any) -> None:
        self.remove(obj)


class Test(ProfileOperation):
    __test__ = False

    def apply(self, obj: Any) -> None:
        place = self.place()
        container = self.locate(place, obj, writing=False)
        value, item = self.operation.get("value"), place.container.item
        if item is not None:
            dash = place.segment == "-"
            index = -1 if dash else list_index(place.segment, len(container), place.pointer)
            wanted = self.wanted(item, place, value)
            if dash:
                self.dialect.crash("test-at-dash", "'-' names no existing element to test.")
            member, current, shown_place = item, container[index], f"position '{index}'"
        else:
            member = place.last_member()
            current, shown_place = container.get(member.name), f"path '{place.segment}'"
            wanted = self.wanted(member, place, value)
        if current != wanted:
            shown = _shown(current, member, self.work, self.dialect.zone)
            raise BadRequest(
                f"The current value '{shown}' at {shown_place} is not equal to the test value "
                f"'{clr_text(value, dates=self.dialect.zone, work=self.work)}'.",
                rule="test-failed",
                path=place.pointer.text,
            )

    def wanted(self, member: Member, place: Place, value: Any) -> Any:
        try:
            return convert(value, member, dates=self.dialect.zone, work=self.work)
        except ConversionError:
            raise not_convertible(place, value, self.work, self.dialect.zone) from None


class Transfer(ProfileOperation):
    """What move and copy share: reading the value at `from`, which is a CLR object by then."""

    def value_at_source(self, document: Any) -> tuple[Any, Member]:
        if self.operation.get("from") is None:
            self.dialect.crash("from-missing", "The operation has no 'from'.")
        place = self.place("from")
        container, item = self.locate(place, document, writing=False), place.container.item
        if item is not None:
            return container[self.existing(self.position(place, container), container)], item
        member = place.last_member()
        return container.get(member.name), member


class Move(Transfer):
    def apply(self, obj: Any) -> None:
        value, source = self.value_at_source(obj)
        self.remove(obj, "from")
        self.set(obj, value, replacing=False, source=source)


class Copy(Transfer):
    def apply(self, obj: Any) -> None:
        value, source = self.value_at_source(obj)
        if value is None:
            # Fixed in the commit after 2.2 (read in source); 2.2 itself throws here.
            self.dialect.crash("copy-of-null", "The value at 'from' is null.")
        self.work.spend(len(orjson.dumps(value)))
        self.set(obj, convert(value, source, dates=None), replacing=False, source=source)


class Nothing(ProfileOperation):
    """An operation number that the vendor's switch does not know: silently nothing (library, row O5)."""

    def apply(self, obj: Any) -> None:
        return
