"""Tables in the files of rules: an entry of a list that stands for many, one for each value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mockserver.errors import UsageError


def written_out(value: Any, place: str) -> Any:
    """Return the value with each {for: {NAME: values}, each: ENTRY} replaced by one ENTRY for each value.

    A number instead of the values counts from 1. Several entries below `each` follow one another; outside a list they
    are members of one mapping.
    """
    if isinstance(value, list):
        return [
            entry for item in value for entry in (_rows(item, place) if _is_table(item) else [written_out(item, place)])
        ]
    if _is_table(value):
        return {name: item for row in _rows(value, place) for name, item in row.items()}
    return {name: written_out(item, place) for name, item in value.items()} if isinstance(value, Mapping) else value


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) and "each" in value


def _rows(table: Mapping[str, Any], place: str) -> list[Any]:
    if set(table) != {"for", "each"} or not isinstance(table["for"], Mapping) or len(table["for"]) != 1:
        raise UsageError("a table names one value and what is written for each", place=place, hint="for: {n: 3}, each:")
    [(name, values)] = table["for"].items()
    rows = range(1, values + 1) if isinstance(values, int) else values
    each = table["each"] if isinstance(table["each"], list) else [table["each"]]
    return [entry for row in rows for entry in written_out(_filled_in(each, f"${{{name}}}", row), place)]


def _filled_in(value: Any, name: str, by: Any) -> Any:
    """Return the value with what a name stands for put in its place; where a text is the name alone, of any type."""
    if isinstance(value, Mapping):
        return {_filled_in(key, name, by): _filled_in(item, name, by) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled_in(item, name, by) for item in value]
    if not isinstance(value, str) or name not in value:
        return value
    return by if value == name else value.replace(name, str(by))
