"""Tables in the files of rules: an entry of a list that stands for many, one for each value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from mockserver.errors import UsageError


def written_out(value: Any, place: str, seed: int = 0) -> Any:
    """Return the value with each {for: {NAME: values}, each: ENTRY} replaced by one ENTRY for each value.

    A number instead of the values counts from 1. Several entries below `each` follow one another; outside a list they
    are members of one mapping. With several names there is one ENTRY for each value of the first; those of the others
    take turns with it, from where the seed says, and from one further on in each table that follows.
    """
    return _out(value, place, count(seed))


def _out(value: Any, place: str, turns: Iterator[int]) -> Any:
    if isinstance(value, list):
        rows = (_rows(item, place, turns) if _is_table(item) else [_out(item, place, turns)] for item in value)
        return [entry for found in rows for entry in found]
    if _is_table(value):
        return {name: item for row in _rows(value, place, turns) for name, item in row.items()}
    if not isinstance(value, Mapping):
        return value
    taken_over = {name: item for part in value.get("with", ()) for name, item in part.items()}
    return taken_over | {name: _out(item, place, turns) for name, item in value.items() if name != "with"}


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) and "each" in value


def _rows(table: Mapping[str, Any], place: str, turns: Iterator[int]) -> list[Any]:
    if set(table) != {"for", "each"} or not isinstance(table["for"], Mapping) or not table["for"]:
        raise UsageError("a table names values and what is written for each", place=place, hint="for: {n: 3}, each:")
    columns = {name: _values(given) for name, given in table["for"].items()}
    first, *others = columns
    turn = next(turns) if others else 0
    entries = table["each"] if isinstance(table["each"], list) else [table["each"]]
    rows = list[Any]()
    for number, value in enumerate(columns[first], start=turn):
        filled = _filled_in(entries, first, value)
        for name in others:
            filled = _filled_in(filled, name, columns[name][number % len(columns[name])])
        rows += _out(filled, place, turns)
    return rows


def _values(given: Any) -> list[Any]:
    return list(range(1, given + 1)) if isinstance(given, int) else list(given)


def _filled_in(value: Any, name: str, by: Any) -> Any:
    """Return the value with what a name stands for put in its place; NAME.KEY stands for a value of a mapping."""
    for key, item in by.items() if isinstance(by, Mapping) else ():
        value = _replaced(value, f"${{{name}.{key}}}", item)
    return _replaced(value, f"${{{name}}}", by)


def _replaced(value: Any, name: str, by: Any) -> Any:
    """Return the value with a text replaced by another value in it; where it is the text alone, of any type."""
    if isinstance(value, Mapping):
        return {_replaced(key, name, by): _replaced(item, name, by) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, name, by) for item in value]
    if not isinstance(value, str) or name not in value:
        return value
    return by if value == name else value.replace(name, str(by))
