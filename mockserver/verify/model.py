"""What a patch should do to a profile, predicted from the contract and the page's rules alone.

Small on purpose, and written apart from the serving side. Where the contract, the page and the documented behaviour of
the vendor's software leave the outcome open, or it would take too much to predict, the model says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.verify.contract import Contract, Shape, copied, is_type

OPERATIONS = ("add", "remove", "replace", "move", "copy", "test")
_INT64 = range(-(2**63), 2**63)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*|/Date\(.*\)/", re.DOTALL)


class Refused(Exception):
    """The patch must be refused with this status and change nothing."""

    def __init__(self, status: int = 400) -> None:
        super().__init__(status)
        self.status = status


class Unpredictable(Exception):
    """Nothing, or nothing simple, says what must happen."""


class PatchModel:
    """Applies patches as the rules of one dialect have it."""

    def __init__(self, contract: Contract, dialect: str) -> None:
        self.root = contract.profile
        self.dialect = dialect
        self.strict = dialect == "rfc6902"
        self.follows_page = dialect != "library"

    def apply(self, profile: Mapping[str, Any], operations: Sequence[Any]) -> dict[str, Any]:
        """Return the profile after the patch; raise Refused or Unpredictable."""
        document = copied(dict(profile))
        if not all(isinstance(operation, Mapping) for operation in operations):
            # Null is read as an operation that isn't there (library), anything else is no patch document.
            only_null = all(operation is None or isinstance(operation, Mapping) for operation in operations)
            raise Refused(400 if self.follows_page or not only_null else 500)
        for operation in operations:
            (self._strictly if self.strict else self._leniently)(document, operation)
        completed: dict[str, Any] = self._completed(document, self.root) if self.strict else document
        return completed

    def stepped(self, document: Mapping[str, Any], operation: Mapping[str, Any]) -> dict[str, Any]:
        """Return the document after one operation more, as the operations that follow in one patch see it."""
        result = copied(dict(document))
        (self._strictly if self.strict else self._leniently)(result, operation)
        return result

    # -- as the vendor's software reads operations --------------------------------------------------------------------

    def _leniently(self, document: dict[str, Any], sent: Mapping[str, Any]) -> None:
        operation = _folded(sent)
        name = _operation_name(operation)
        if name in ("move", "copy"):
            if self.follows_page:
                raise Refused
            raise Unpredictable
        path = operation.get("path")
        if path is None:
            raise Refused(400 if self.follows_page else 500)
        if not isinstance(path, str):
            raise Unpredictable
        segments = [_unescaped(segment) for segment in path.split("/") if segment]
        if not segments:
            raise Refused
        top = self.root.find(segments[0])
        if top is not None and top.read_only and name != "test" and self.follows_page:
            raise Refused
        holder, shape = self._walk(document, segments[:-1])
        value = operation.get("value")
        if shape.kind == "array":
            self._at_index(holder, shape, segments[-1], name, value)
        else:
            self._at_member(holder, shape, segments[-1], name, value)

    def _walk(self, document: Any, segments: Sequence[str]) -> tuple[Any, Shape]:
        target, shape = document, self.root
        for segment in segments:
            if shape.kind == "array":
                target, shape = target[_index(segment, len(target))], _item(shape)
            else:
                found = shape.find(segment)
                if found is None:
                    raise Refused
                target, shape = target.get(found.name), found
            if target is None:
                raise Refused
        return target, shape

    def _at_member(self, holder: dict[str, Any], shape: Shape, segment: str, name: str, value: Any) -> None:
        found = shape.find(segment)
        if found is None:
            raise Refused
        if name == "remove":
            holder[found.name] = found.empty
        elif name == "test":
            _compare(holder.get(found.name), self.converted(value, found, bounded=False))
        else:
            holder[found.name] = self.converted(value, found)

    def _at_index(self, holder: list[Any], shape: Shape, segment: str, name: str, value: Any) -> None:
        if segment == "-":
            if name == "test" or (name != "add" and not holder):
                raise Refused(400 if self.follows_page else 500)
            index = len(holder) if name == "add" else len(holder) - 1
        else:
            index = _index(segment, len(holder) + (name == "add"))
        if name == "remove":
            del holder[index]
            return
        item = self.converted(value, _item(shape), bounded=name != "test")
        if name == "add":
            holder.insert(index, item)
        elif name == "replace":
            holder[index] = item
        else:
            _compare(holder[index], item)

    def converted(self, value: Any, shape: Shape, *, bounded: bool = True) -> Any:
        """Return the value as the member holds it; raise Refused if it can't hold it."""
        if value is None:
            if shape.nullable:
                return None
            raise Refused
        result = _CONVERSIONS[shape.kind](self, value, shape, bounded)
        limit = shape.max_length
        if bounded and self.follows_page and limit is not None and isinstance(result, str) and _units(result) > limit:
            raise Refused
        return result

    def _string(self, value: Any, shape: Shape, bounded: bool) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int):
            return str(value)
        if isinstance(value, float):
            raise Unpredictable
        if not isinstance(value, str):
            raise Refused
        if _DATE.fullmatch(value) or not _encodable(value):
            raise Unpredictable
        return value

    def _boolean(self, value: Any, shape: Shape, bounded: bool) -> bool:
        if isinstance(value, str):
            if value.lower() in ("true", "false") and value.isascii():
                return value.lower() == "true"
            if value.strip("\0 \t\r\n\v\f").lower() in ("true", "false"):
                raise Unpredictable
        elif isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
            return value != 0
        raise Refused

    def _integer(self, value: Any, shape: Shape, bounded: bool) -> int:
        number: int | None = None
        if isinstance(value, str):
            text = value.strip(" ")
            number = int(text) if re.fullmatch(r"[+-]?[0-9]{1,19}", text, re.ASCII) else None
            if number is None and re.search("[0-9]", text) and not re.search(r"[^\d\s+\0-]", text):
                raise Unpredictable
        elif isinstance(value, float):
            number = round(value) if math.isfinite(value) else None
        elif isinstance(value, int):
            number = int(value)
        if number is None or number not in _INT64:
            raise Refused
        return number

    def _object(self, value: Any, shape: Shape, bounded: bool) -> dict[str, Any] | None:
        if value == "":
            return None
        if not isinstance(value, Mapping):
            raise Refused
        if any(name.startswith("$") for name in value):
            raise Unpredictable
        result = {name: member.empty for name, member in shape.members.items() if member.returned}
        for name, item in value.items():
            member = shape.find(name)
            if member is not None:
                result[member.name] = self.converted(item, member, bounded=bounded)
        return result

    def _array(self, value: Any, shape: Shape, bounded: bool) -> list[Any] | None:
        if value == "":
            return None
        if isinstance(value, Mapping) and any(name.startswith("$") for name in value):
            raise Unpredictable
        if not isinstance(value, list):
            raise Refused
        return [self.converted(item, _item(shape), bounded=bounded) for item in value]

    # -- as RFC 6902 reads them, under the page's rules ---------------------------------------------------------------

    def _strictly(self, document: dict[str, Any], operation: Mapping[str, Any]) -> None:
        name, path = operation.get("op"), operation.get("path")
        if name not in ("add", "remove", "replace", "test") or not isinstance(path, str) or path[:1] != "/":
            if path == "" and name == "test":
                raise Unpredictable
            raise Refused
        if name != "remove" and "value" not in operation:
            raise Refused
        segments = [_unescaped(segment) for segment in path.split("/")[1:]]
        top = self.root.members.get(segments[0])
        if top is not None and top.read_only and name != "test":
            raise Refused
        if top is not None and not top.returned:
            raise Unpredictable  # whether a member that is never returned is there, nothing says
        holder = self._walk_strictly(document, segments[:-1])
        self._change_strictly(holder, segments[-1], name, operation.get("value"))
        if name != "test":
            self._check_strictly(document, self.root)

    def _walk_strictly(self, document: Any, segments: Sequence[str]) -> Any:
        target = document
        for segment in segments:
            if isinstance(target, list):
                target = target[_strict_index(segment, len(target))]
            elif isinstance(target, dict) and segment in target:
                target = target[segment]
            else:
                raise Refused
        return target

    def _change_strictly(self, holder: Any, segment: str, name: str, value: Any) -> None:
        key: Any = segment
        if isinstance(holder, list):
            adding = name == "add"
            key = len(holder) if segment == "-" and adding else _strict_index(segment, len(holder) + adding)
        elif not isinstance(holder, dict) or (name != "add" and segment not in holder):
            raise Refused
        if name == "add" and isinstance(holder, list):
            holder.insert(key, copied(value))
        elif name == "remove":
            del holder[key]
        elif name == "test":
            _compare(holder[key], value)
        else:
            holder[key] = copied(value)

    def _check_strictly(self, value: Any, shape: Shape) -> None:
        if value is None and shape.nullable:
            return
        if not is_type(value, shape.kind) or (shape.kind == "integer" and value not in _INT64):
            raise Refused
        if isinstance(value, str) and shape.max_length is not None and _units(value) > shape.max_length:
            raise Refused
        if isinstance(value, list):
            for item in value:
                self._check_strictly(item, _item(shape))
        if isinstance(value, dict):
            for name, item in value.items():
                if name not in shape.members:
                    raise Refused
                self._check_strictly(item, shape.members[name])

    def _completed(self, value: Any, shape: Shape) -> Any:
        if isinstance(value, list):
            return [self._completed(item, _item(shape)) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            name: self._completed(value[name], member) if name in value else member.empty
            for name, member in shape.members.items()
            if member.returned or value.get(name) is not None
        }


_CONVERSIONS = {
    "string": PatchModel._string,
    "boolean": PatchModel._boolean,
    "integer": PatchModel._integer,
    "object": PatchModel._object,
    "array": PatchModel._array,
}


def _item(shape: Shape) -> Shape:
    assert shape.item is not None, "a collection's shape has an item"
    return shape.item


def _units(text: str) -> int:
    """Return a text's length as .NET counts it (assumed to matter): in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _folded(operation: Mapping[str, Any]) -> dict[str, Any]:
    """Read the members' names in whatever case; the last of several counts."""
    return {name.lower(): value for name, value in operation.items()}


def _operation_name(operation: Mapping[str, Any]) -> str:
    if "op" not in operation:
        return "add"
    sent = operation["op"]
    if isinstance(sent, (dict, list)):
        raise Refused
    if isinstance(sent, float):
        raise Unpredictable
    if isinstance(sent, str) and sent.strip().lower() in OPERATIONS:
        return sent.strip().lower()
    number = str(sent).strip()
    if isinstance(sent, bool) or sent is None or not re.fullmatch(r"[+-]?[0-9]+|.*,.*", number, re.DOTALL):
        raise Refused
    if number in ("0", "1", "2", "3", "4", "5"):
        return OPERATIONS[int(number)]
    raise Unpredictable


def _unescaped(segment: str) -> str:
    if re.search("~(?![01])", segment):
        raise Refused
    return segment.replace("~1", "/").replace("~0", "~")


def _index(segment: str, length: int) -> int:
    text = segment.strip(" ")
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text, re.ASCII):
        if re.fullmatch(r"[\s\0]*[+-]?[0-9]+[\s\0]*", text):
            raise Unpredictable
        raise Refused
    if not 0 <= int(text) < length:
        raise Refused
    return int(text)


def _strict_index(segment: str, length: int) -> int:
    if not re.fullmatch("0|[1-9][0-9]*", segment, re.ASCII) or int(segment) >= length:
        raise Refused
    return int(segment)


def _compare(actual: Any, wanted: Any) -> None:
    if _mixes_types(actual, wanted):
        raise Unpredictable
    if actual != wanted:
        raise Refused


def _mixes_types(actual: Any, wanted: Any) -> bool:
    """Tell whether true stands against 1, or 1 against 1.0, where tools differ about equality."""
    if isinstance(actual, dict) and isinstance(wanted, dict):
        return any(_mixes_types(actual[name], wanted[name]) for name in actual.keys() & wanted.keys())
    if isinstance(actual, list) and isinstance(wanted, list):
        return any(map(_mixes_types, actual, wanted))
    return type(actual) is not type(wanted) and actual == wanted


def _encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
