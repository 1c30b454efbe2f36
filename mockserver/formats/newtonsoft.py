"""Lenient JSON: a text read as Newtonsoft.Json 11's JsonTextReader and JArray.Load read it; and an object (assumed).

All of it was read in the library's source and agrees with the runs (library; docs/dialect.md, rows D1-D9). What a
failure reports as its path depends on how far the reader's state had moved, so the states here are the library's own.
The stack is explicit: the depth of a document never becomes the depth of Python's calls.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Mapping
from math import inf, nan
from typing import Any

from mockserver.formats.json_numbers import read_number
from mockserver.profile.clr_text import UNDEFINED, Constructor
from mockserver.profile.dates import BEYOND_CALENDAR, DateOutOfRange, checked_date

# char.IsWhiteSpace, and NUL, which the reader skips as well; U+FEFF is neither.
_SPACE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_BLANK = re.compile(f"[{_SPACE}\0]*+")
_FILLER = re.compile(rf"(?:[{_SPACE}\0]++|/\*.*?\*/|//[^\r\n]*+)*+", re.DOTALL)
_AFTER_LITERAL = re.compile(rf"[{_SPACE}\0,\]}}]|/[*/]|\Z")
_AFTER_NUMBER = re.compile(rf"[{_SPACE}\0,\]}})/]|\Z")
_IDENTIFIER = re.compile(rf"([\w$]++)(?=[{_SPACE}\0:])")
_STRINGS = {quote: re.compile(rf"{quote}((?:[^{quote}\\]++|\\.)*+){quote}", re.DOTALL) for quote in "\"'"}
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile("[-+.0-9A-FXa-fx]++")
_COMMAS = re.compile(",+")
_VALUE_START = re.compile(r"[{\[\"'\-.0-9]|(?:true|false|null|undefined|NaN|Infinity|new)\b")
_OTHER_CASE = re.compile(r"(?:true|false|null|none|nan|infinity|undefined)\b", re.IGNORECASE)

_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "\\": "\\", '"': '"', "'": "'", "/": "/"}

# A member's name in a path is quoted if it holds one of these; written by WriteEscapedJavaScriptString.
_QUOTED_IN_PATH = re.compile("[. '/\"\\[\\]()\\t\\n\\r\\f\\b\\\\\x85\u2028\u2029]")
_PATH_ESCAPES = str.maketrans({
    **{chr(code): f"\\u{code:04x}" for code in (*range(32), 0x85, 0x2028, 0x2029)},
    "\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f", "\b": "\\b", "\\": "\\\\", "'": "\\'",
})  # fmt: skip


class JsonReaderError(Exception):
    """The text can't be read on: where (`path` as the library reports it, `at` as an offset), what, what instead."""

    def __init__(self, path: str, at: int, problem: str, hint: str, rule: str = "body-not-json") -> None:
        super().__init__(problem)
        self.path, self.at = path, at
        self.hint, self.rule = hint, rule


def member_path(path: str, name: str) -> str:
    """Return the path of an object's member: `path.name`, or `path['na me']` where the name needs quotes."""
    if _QUOTED_IN_PATH.search(name):
        return f"{path}['{name.translate(_PATH_ESCAPES)}']"
    return f"{path}.{name}"


class _Frame:
    """An open container: the character that closes it, what it holds, and the reader's place in it."""

    __slots__ = ("closer", "index", "items", "name")

    def __init__(self, closer: str, items: Any) -> None:
        self.closer, self.items = closer, items
        self.index, self.name = -1, ""

    def add(self, value: Any) -> None:
        if self.closer == "}":
            self.items[self.name] = value
        else:
            self.items.append(value)

    def path_from(self, path: str) -> str:
        return member_path(path, self.name) if self.closer == "}" else f"{path}[{self.index}]"


# The reader's states; the first two leave the innermost container's own step out of a path.
_CONTAINER_START, _OBJECT_START, _OBJECT, _ITEM, _PROPERTY, _POST_VALUE = range(6)


class JsonReader:
    """Read one array of operations, or one object; `places` then holds the offsets of (index,) and (index, member).

    `scripted` says whether anything in it was undefined, a hole or a constructor.

    Reading stops behind `most` elements: ours, since nobody applies a longer patch. `dates`: texts of `/Date(n)/` are
    read as dates, but not where the library knows that it reads a text.
    """

    def __init__(self, text: str, *, depth_limit: int, most: int = sys.maxsize, dates: bool = True) -> None:
        self.places: dict[tuple[int] | tuple[int, str], int] = {}
        self.scripted = False
        self._text = text
        self._depth_limit = depth_limit
        self._most = most
        self._dates = dates
        self._at = 0
        self._state = _ITEM
        self._frames: list[_Frame] = []

    def load(self, opening: str = "[") -> Any:
        """Return the array, an object for "{", or None for a null document; what follows is never read (row D5)."""
        self._at = _end(_BLANK, self._text, 0)
        if self._at == len(self._text) or self._has_literal("null"):
            return None
        self._skip_filler()
        if not self._text.startswith(opening, self._at):
            raise self._other_start(opening)
        _VALUE_READERS[opening](self, opening)
        root = self._frames[0].items
        steps = (self._read_value, self._read_name, self._read_name, self._read_value, self._read_value, self._read_on)
        while self._frames and len(root) <= self._most:
            steps[self._state]()
        return root

    def _read_value(self) -> None:
        self._skip_filler()
        char = self._text[self._at : self._at + 1]
        reader = _VALUE_READERS.get(char)
        if reader is None:
            raise self._no_value()
        if len(self._frames) <= 2 and char not in "])":
            self.places[self._place()] = self._at
        reader(self, char)

    def _read_name(self) -> None:
        self._skip_filler()
        char = self._text[self._at : self._at + 1]
        if char == "}":
            self._close(char)
            return
        name = self._string() if char in _STRINGS else self._identifier()
        self._at = _end(_BLANK, self._text, self._at)
        if not self._text.startswith(":", self._at):
            raise self._error(f"{self._found()} stands where a ':' should follow the name", 'Write "name": value.')
        self._at += 1
        self._frames[-1].name = name
        self._state = _PROPERTY

    def _read_on(self) -> None:
        self._skip_filler()
        char = self._text[self._at : self._at + 1]
        if char == ",":
            self._at += 1
            self._state = _OBJECT if self._frames[-1].closer == "}" else _ITEM
        elif char and char in ")]}":
            self._close(char)
        else:
            hint = "Separate values with a comma." if char else self._closing_hint()
            raise self._error(f"{self._found()} stands where ',' or '{self._frames[-1].closer}' should", hint)

    def _open_object(self, _: str) -> None:
        self._open(_Frame("}", {}), _OBJECT_START)

    def _open_array(self, _: str) -> None:
        self._open(_Frame("]", []), _CONTAINER_START)

    def _open(self, frame: _Frame, state: int, value: Any = None) -> None:
        self._state = state
        if self._frames:
            self._frames[-1].index += 1
            self._frames[-1].add(frame.items if value is None else value)
        self._frames.append(frame)
        if len(self._frames) > self._depth_limit:
            hint = f"Nest at most {self._depth_limit} levels."
            raise self._error("the body is nested too deeply", hint, "body-too-deep")
        self._at += 1

    def _close(self, char: str) -> None:
        # The library takes the container off before it looks whether the bracket fits: the path shows that.
        frame = self._frames.pop()
        if frame.closer != char:
            raise self._error(f"{self._found()} closes what '{frame.closer}' should", f"Write '{frame.closer}' here.")
        self._at += 1
        self._state = _POST_VALUE

    def _add(self, value: Any) -> None:
        self.scripted |= value is UNDEFINED
        self._frames[-1].index += 1
        self._state = _POST_VALUE
        self._frames[-1].add(value)

    def _read_hole(self, _: str) -> None:
        # A comma where a value should be is an undefined value; the last comma itself is read next (row D4).
        frame, more = self._frames[-1], _end(_COMMAS, self._text, self._at) - self._at - 1
        if more and frame.closer != "}":
            frame.items.extend([UNDEFINED] * more)
            frame.index += more
            self._at += more
        self._add(UNDEFINED)

    def _read_string(self, quote: str) -> None:
        start, text = self._at, self._string()
        if self._dates and text.startswith(BEYOND_CALENDAR):
            text = self._date(text, start)
        self._add(text)

    def _date(self, text: str, start: int) -> str:
        """Return the text of a date as `parse_date` reads it, however it was sent; raise where .NET can't hold it."""
        verbatim = self._at - start == len(text) + len("''")
        try:
            date = checked_date(text, verbatim=verbatim)
        except DateOutOfRange:
            self._frames[-1].index += 1
            self._state, self._at = _POST_VALUE, start
            hint = "Write a date between the years 1 and 9999 as 2024-01-05T10:00:00Z."
            raise self._error(f"{text[:40]} is no date that .NET can hold", hint) from None
        return date.json if date else text

    def _read_literal(self, char: str) -> None:
        literal, value = _LITERALS[char]
        if not self._has_literal(literal):
            raise self._no_value()
        self._at += len(literal)
        self._add(value)

    def _read_n(self, char: str) -> None:
        read = self._read_constructor if self._text.startswith("ne", self._at) else self._read_literal
        read(char)

    def _read_minus(self, char: str) -> None:
        read = self._read_literal if self._text.startswith("-I", self._at) else self._read_number
        read(char)

    def _read_constructor(self, _: str) -> None:
        if not self._has_literal("new"):
            raise self._no_value()
        start = _end(_BLANK, self._text, self._at + len("new"))
        end = start
        while end < len(self._text) and _is_letter_or_digit(self._text[end]):
            end += 1
        name = self._text[start:end]
        opening = _end(_BLANK, self._text, end)
        if not name or not self._text.startswith("(", opening):
            raise self._no_value()
        frame = _Frame(")", [])
        self._at, self.scripted = opening, True
        self._open(frame, _CONTAINER_START, Constructor(name, frame.items))

    def _read_number(self, _: str) -> None:
        match = _NUMBER.match(self._text, self._at)
        if match is None or not _AFTER_NUMBER.match(self._text, match.end()):
            raise self._error(f"{self._found(match.end() if match else self._at)} stands in a number", _NUMBER_HINT)
        # The library counts the item before it looks at the digits: the path shows that.
        self._frames[-1].index += 1
        self._state = _POST_VALUE
        value = read_number(match[0])
        if value is None:
            shown = match[0] if len(match[0]) <= 40 else f"{match[0][:40]}..."
            raise self._error(f"{shown} is not a number that can be read", _NUMBER_HINT)
        self._at = match.end()
        self._frames[-1].add(value)

    def _string(self) -> str:
        match = _STRINGS[self._text[self._at]].match(self._text, self._at)
        if match is None:
            raise self._error("a string begins that is never closed", f"Close it with {self._text[self._at]}.")
        text = match[1]
        if "\\" in text:
            text = _ESCAPE.sub(self._unescaped, text)
            if _SURROGATE.search(text):
                # Only an escape can leave half a pair; the library reads U+FFFD for it (row C18).
                text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        self._at = match.end()
        return text

    def _unescaped(self, match: re.Match[str]) -> str:
        if match[1] is not None:
            return chr(int(match[1], 16))
        char = _ESCAPED.get(match[2])
        if char is None:
            self._at += 1 + match.start()
            hint = r"Write \\ for a backslash; the other escapes are \" \/ \b \f \n \r \t and \u with four digits."
            raise self._error(f"{match[0]} is no escape", hint)
        return char

    def _identifier(self) -> str:
        match = _IDENTIFIER.match(self._text, self._at)
        if match is None or not all(_is_letter_or_digit(char) or char in "_$" for char in match[1]):
            ended = self._at >= len(self._text)
            hint = self._closing_hint() if ended else 'Write the name in double quotes, as in "op".'
            raise self._error(f"{self._found()} stands where a member's name should", hint)
        self._at = match.end()
        return match[1]

    def _skip_filler(self) -> None:
        self._at = _end(_FILLER, self._text, self._at)

    def _has_literal(self, literal: str) -> bool:
        if not self._text.startswith(literal, self._at):
            return False
        end = self._at + len(literal)
        in_constructor = bool(self._frames) and self._frames[-1].closer == ")"
        return bool(_AFTER_LITERAL.match(self._text, end)) or (in_constructor and self._text.startswith(")", end))

    def _place(self) -> tuple[int] | tuple[int, str]:
        root = self._frames[0]
        return (root.index + 1,) if len(self._frames) == 1 else (root.index, self._frames[1].name)

    def _path(self) -> str:
        path = ""
        frames = self._frames[:-1] if self._state in (_CONTAINER_START, _OBJECT_START) else self._frames
        for frame in frames:
            path = frame.path_from(path)
        return path

    def _found(self, at: int | None = None) -> str:
        at = self._at if at is None else at
        char = self._text[at : at + 1]
        if not char:
            return "the end of the body"
        return f"'{char}'" if char.isprintable() else f"U+{ord(char):04X}"

    def _error(self, problem: str, hint: str, rule: str = "body-not-json") -> JsonReaderError:
        return JsonReaderError(self._path(), self._at, problem, hint, rule)

    def _other_start(self, opening: str) -> JsonReaderError:
        if not _VALUE_START.match(self._text, self._at):
            return self._no_value()
        if opening == "{":
            return self._error(f"the body begins with {self._found()}", "Send one object: { … }.", "document-unfit")
        found, hint = self._found(), 'Send an array of operations: [{"op": "replace", "path": "/...", "value": ...}].'
        if found == "'{'":
            found, hint = "an object", "Wrap the operation in [ ]: a patch is an array of operations."
        return self._error(f"the body begins with {found} and not with '['", hint, "body-not-an-array")

    def _no_value(self) -> JsonReaderError:
        return self._error(f"{self._found()} stands where a value should", self._value_hint())

    def _value_hint(self) -> str:
        rest = self._text[self._at : self._at + 10]
        if not rest:
            return self._closing_hint()
        if rest.startswith("<"):
            return "Send JSON, or say Content-Type: application/xml."
        if _OTHER_CASE.match(rest):
            return "Write true, false and null in lower case and text in double quotes."
        if rest.startswith("+"):
            return "Write the number without the plus sign."
        if rest.startswith("}") and self._state == _PROPERTY:
            return "Give the member a value, or leave the member out."
        return 'Write a value: "text", a number, true, false, null, [ ] or { }.'

    def _closing_hint(self) -> str:
        closers = "".join(frame.closer for frame in reversed(self._frames))
        return f"Complete the body; it still lacks {closers}" if 0 < len(closers) <= 20 else "Complete the body."


_NUMBER_HINT = "Write a number as 12, -3.5 or 1e3: within a double's range, an integer with at most 380 digits."

_LITERALS: Mapping[str, tuple[str, Any]] = {
    "t": ("true", True),
    "f": ("false", False),
    "n": ("null", None),
    "N": ("NaN", nan),
    "I": ("Infinity", inf),
    "-": ("-Infinity", -inf),
    "u": ("undefined", UNDEFINED),
}

_VALUE_READERS: Mapping[str, Callable[[JsonReader, str], None]] = {
    "{": JsonReader._open_object,
    "[": JsonReader._open_array,
    "]": JsonReader._close,
    ")": JsonReader._close,
    ",": JsonReader._read_hole,
    "n": JsonReader._read_n,
    "-": JsonReader._read_minus,
    **dict.fromkeys("\"'", JsonReader._read_string),
    **dict.fromkeys("tfNIu", JsonReader._read_literal),
    **dict.fromkeys(".0123456789", JsonReader._read_number),
}


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _is_letter_or_digit(char: str) -> bool:
    # char.IsLetterOrDigit looks at UTF-16 code units, so nothing beyond U+FFFF is a letter.
    return unicodedata.category(char) in ("Lu", "Ll", "Lt", "Lm", "Lo", "Nd") and char <= "\uffff"
