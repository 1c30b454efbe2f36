"""The operations as the vendor's adapters apply them to a typed profile.

Source: the library when it was run (docs/dialect.md, rows A1-A9, R1-R3, C1-C19 and T1-T8).
"""

from __future__ import annotations

from typing import Any

import jsonpatch

from mockserver.core.convert import ConversionError, clr_text, convert
from mockserver.core.dialect import Dialect, read_only_refusal, refuse_too_long
from mockserver.core.members import Member, MemberTree
from mockserver.core.pointer import ProfilePointer, list_index, locate, object_member, parse_pointer
from mockserver.errors import BadRequest


def converted(member: Member, pointer: ProfilePointer, value: Any, *, dates: bool = True) -> Any:
    """Return the value as the member would store it; raise BadRequest in the library's words if it can't be."""
    try:
        return convert(value, member, dates=dates)
    except ConversionError:
        raise BadRequest(
            f"The value '{clr_text(value, dates=dates)}' is invalid for target location.",
            rule="value-not-convertible",
            path=pointer.text,
        ) from None


class ProfileOperation(jsonpatch.PatchOperation):
    """One operation as the vendor's adapters apply it to a typed profile."""

    def __init__(self, operation: dict[str, Any], tree: MemberTree, dialect: Dialect, tolerated: set[str]) -> None:
        # Not super().__init__: it refuses a missing path at once, which the vendor does only when it is needed.
        self.operation = operation
        self.tree = tree
        self.dialect = dialect
        self.tolerated = tolerated
        self.name = operation.get("op") or "add"

    def parsed(self, key: str = "path") -> ProfilePointer:
        text = self.operation.get(key)
        if text is None:
            self.dialect.crash(f"{key}-missing", f"The operation has no '{key}'.")
        pointer = parse_pointer(text)
        if pointer.tolerated:
            self.tolerated.add("tolerated-path")
        return pointer

    def locate(self, pointer: ProfilePointer, document: Any, *, writing: bool) -> tuple[Any, Member, str]:
        if writing and self.dialect.follows_page:
            self._refuse_read_only(pointer)
        return locate(pointer, self.tree.root, document, self.name)

    def _refuse_read_only(self, pointer: ProfilePointer) -> None:
        first = self.tree.root.find(pointer.parts[0]) if pointer.parts else None
        if first is not None and first.read_only:
            raise read_only_refusal(pointer.parts[-1], pointer.text)

    def storable(self, member: Member, pointer: ProfilePointer, value: Any, *, dates: bool = True) -> Any:
        result = converted(member, pointer, value, dates=dates)
        if (result is not value and result != value) or type(result) is not type(value):
            self.tolerated.add("tolerated-value")
        if member.bounded and self.dialect.follows_page:
            refuse_too_long(result, member, pointer.text)
        return result

    def set(self, document: Any, value: Any, *, replacing: bool, dates: bool = True) -> None:
        pointer = self.parsed()
        container, member, segment = self.locate(pointer, document, writing=True)
        if member.item is None:
            child = object_member(member, segment, pointer)
            container[child.name] = self.storable(child, pointer, value, dates=dates)
            return
        index = self.position(segment, container, pointer, adding=not replacing)
        item = self.storable(member.item, pointer, value, dates=dates)
        if not replacing:
            container.insert(index, item)
        else:
            container[self.existing(index, container)] = item

    def position(self, segment: str, container: list[Any], pointer: ProfilePointer, *, adding: bool = False) -> int:
        """Return the index; `-` is one past the end when adding and the last element otherwise (rows A2, A3)."""
        if segment == "-":
            return len(container) if adding else len(container) - 1
        return list_index(segment, len(container), pointer, adding=adding)

    def existing(self, index: int, container: list[Any]) -> int:
        if index < 0:
            self.dialect.crash("index-dash-on-empty", "The list is empty: '-' names no element.")
        return index

    def remove(self, document: Any, key: str = "path") -> None:
        pointer = self.parsed(key)
        container, member, segment = self.locate(pointer, document, writing=True)
        if member.item is not None:
            del container[self.existing(self.position(segment, container, pointer), container)]
        else:
            child = object_member(member, segment, pointer)
            container[child.name] = child.empty


class Add(ProfileOperation):
    def apply(self, obj: Any) -> None:
        self.set(obj, self.operation.get("value"), replacing=False)


class Replace(ProfileOperation):
    def apply(self, obj: Any) -> None:
        self.set(obj, self.operation.get("value"), replacing=True)


class Remove(ProfileOperation):
    def apply(self, obj: Any) -> None:
        self.remove(obj)


class Test(ProfileOperation):
    __test__ = False

    def apply(self, obj: Any) -> None:
        pointer = self.parsed()
        container, member, segment = self.locate(pointer, obj, writing=False)
        value = self.operation.get("value")
        if member.item is not None:
            if segment == "-":
                self.dialect.crash("test-at-dash", "'-' names no existing element to test.")
            index = list_index(segment, len(container), pointer)
            target, current, place = member.item, container[index], f"position '{index}'"
        else:
            target = object_member(member, segment, pointer)
            current, place = container.get(target.name), f"path '{segment}'"
        if current != converted(target, pointer, value):
            shown = target.clr_type if isinstance(current, (dict, list)) else clr_text(current, dates=False)
            raise BadRequest(
                f"The current value '{shown}' at {place} is not equal to the test value '{clr_text(value)}'.",
                rule="test-failed",
                path=pointer.text,
            )


class Transfer(ProfileOperation):
    """What move and copy share: reading the value at `from`, which is a CLR object by then."""

    def value_at_source(self, document: Any) -> tuple[Any, Member]:
        if self.operation.get("from") is None:
            self.dialect.crash("from-missing", "The operation has no 'from'.")
        pointer = self.parsed("from")
        container, member, segment = self.locate(pointer, document, writing=False)
        if member.item is not None:
            index = self.existing(self.position(segment, container, pointer), container)
            return container[index], member.item
        child = object_member(member, segment, pointer)
        return container.get(child.name), child


class Move(Transfer):
    def apply(self, obj: Any) -> None:
        value, _ = self.value_at_source(obj)
        self.remove(obj, "from")
        self.set(obj, value, replacing=False, dates=False)


class Copy(Transfer):
    def apply(self, obj: Any) -> None:
        value, member = self.value_at_source(obj)
        if value is None:
            # Fixed in the commit after 2.2 (read in source); 2.2 itself throws here.
            self.dialect.crash("copy-of-null", "The value at 'from' is null.")
        self.set(obj, convert(value, member, dates=False), replacing=False, dates=False)


class Nothing(ProfileOperation):
    """An operation number that the vendor's switch does not know: silently nothing (library, row O5)."""

    def apply(self, obj: Any) -> None:
        return
