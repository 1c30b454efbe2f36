"""Random patch documents: good ones, ones that must be refused, and ones that only a lenient server takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from mockserver.verify.contract import Shape, copied
from mockserver.verify.model import PatchModel, Refused, Unpredictable

Operation = dict[str, Any]
_TEXTS = (
    "Customer", "", "Zoë 日本 𝒵", "a/b~c", "  spaced  ", "null", "0", "true", "<&>\"'\\", "line\nbreak", "x" * 15, "-",
    "O'Neil-Żak", "zoe@example.com", "\u2028", "Ünïcödé", "fr-CA", "{}", "1e5", "tab\there",
)  # fmt: skip
_NUMBERS = (0, 1, -1, 7705550143, 2**53 + 1, 2**63 - 1, -(2**63))
_READ_ONLY = ("/ProfileId", "/Edited", "/Edited/ModifiedBy", "/Consents", "/Consents/-", "/Consents/0", "/ReasonCode")
_WRONG: tuple[Any, ...] = (None, "perhaps", {}, [], [1], {"a": 1}, "x" * 101, 2**63, "12.5")


class Documents:
    """Draws operations for the profile that a model holds."""

    def __init__(self, model: PatchModel, random: Random) -> None:
        self.model = model
        self.random = random
        self.root = model.root

    def good(self, profile: Mapping[str, Any]) -> list[Operation]:
        """Return one to four operations that the contract allows and that apply to the profile."""
        return self._applying(profile, self._good_operation)

    def refused(self, profile: Mapping[str, Any]) -> list[Any]:
        """Return a document whose last operations must be refused, mostly after good ones."""
        good = self.good(profile) if self.random.random() < 0.7 else []
        state = self.model.apply(profile, good)
        for _ in range(20):
            bad = self._bad_operation(state)
            try:
                self.model.apply(state, [bad])
            except Refused:
                return [*good, bad, *(self.good(profile) if self.random.random() < 0.3 else [])]
            except Unpredictable:
                continue
        return [*good, {"op": "replace", "path": "/Nickname", "value": 1}]

    def odd(self, profile: Mapping[str, Any]) -> list[Any]:
        """Return operations in spellings that the vendor's software takes and a strict server refuses."""
        return [self._spelled_oddly(operation) for operation in self.good(profile)]

    def _applying(self, profile: Mapping[str, Any], draw: Callable[[Mapping[str, Any]], Operation]) -> list[Operation]:
        state, operations = dict(profile), list[Operation]()
        for _ in range(self.random.choice((1, 1, 2, 2, 3, 4))):
            operation = draw(state)
            try:
                state = self.model.apply(state, [operation])
            except (Refused, Unpredictable):
                continue
            operations.append(operation)
        return self._consistent(profile, operations)

    def _consistent(self, profile: Mapping[str, Any], operations: list[Operation]) -> list[Operation]:
        """Return the operations if they apply as one document as they did one by one."""
        try:
            self.model.apply(profile, operations)
        except (Refused, Unpredictable):
            return operations[:1]
        return operations

    # -- places -------------------------------------------------------------------------------------------------------

    def _place(self, profile: Mapping[str, Any], *, writable: bool) -> tuple[str, Shape, Any]:
        """Return a path that exists in the profile, with its shape and value; AlternateIds only from the second on."""
        names = [
            name for name, shape in self.root.members.items() if shape.returned and not (writable and shape.read_only)
        ]
        name = self.random.choice([name for name in names if name != "AlternateIds"] or names)
        path, shape, value = f"/{name}", self.root.members[name], profile.get(name)
        while value and self.random.random() < 0.75:
            if shape.kind == "array" and shape.item is not None:
                index = self.random.randrange(len(value))
                path, shape, value = f"{path}/{index}", shape.item, value[index]
            elif shape.kind == "object":
                member = self.random.choice(list(shape.members))
                path, shape, value = f"{path}/{member}", shape.members[member], value.get(member)
            else:
                break
        return path, shape, value

    def _good_operation(self, profile: Mapping[str, Any]) -> Operation:
        op = self.random.choice(("add", "add", "replace", "replace", "remove", "test"))
        if op == "test":
            path, _, value = self._place(profile, writable=False)
            return {"op": op, "path": path, "value": copied(value)}
        if self.random.random() < 0.15:
            return self._alternate_id(profile, op)
        path, shape, value = self._place(profile, writable=True)
        if op == "remove":
            return {"op": op, "path": path}
        if op == "add" and shape.kind == "array" and value is not None and shape.item is not None:
            index = self.random.choice(["-", "0", str(len(value)), str(len(value) // 2)])
            return {"op": op, "path": f"{path}/{index}", "value": self.value(shape.item)}
        return {"op": op, "path": path, "value": self.value(shape)}

    def _alternate_id(self, profile: Mapping[str, Any], op: str) -> Operation:
        """Change alternate ids without taking away the first, by which the profile is read."""
        entries = profile.get("AlternateIds") or []
        entry = {
            "AlternateIdType": self.random.choice(("CRM", "Loyalty", None)),
            "AlternateId": f"V-{self.random.randrange(10**6)}",
        }
        if op == "add" or len(entries) < 2:
            return {"op": "add", "path": f"/AlternateIds/{self.random.choice(('-', len(entries)))}", "value": entry}
        index = self.random.randrange(1, len(entries))
        return {"op": op, "path": f"/AlternateIds/{index}"} | ({"value": entry} if op == "replace" else {})

    # -- values -------------------------------------------------------------------------------------------------------

    def value(self, shape: Shape, depth: int = 0) -> Any:
        """Return a value that the contract allows there."""
        if shape.nullable and self.random.random() < 0.12:
            return None
        if shape.kind == "boolean":
            return self.random.random() < 0.5
        if shape.kind == "integer":
            return self.random.choice(_NUMBERS)
        if shape.kind == "string":
            return self.random.choice(_TEXTS)[: shape.max_length]
        if shape.kind == "array":
            assert shape.item is not None, "a collection's shape has an item"
            return [self.value(shape.item, depth + 1) for _ in range(self.random.randrange(3))]
        return {name: self.value(member, depth + 1) for name, member in shape.members.items()}

    # -- what must be refused -----------------------------------------------------------------------------------------

    def _bad_operation(self, profile: Mapping[str, Any]) -> Any:
        """Draw an operation of each bad kind, then one of them: the order of the draws is what a seed means."""
        path, shape, value = self._place(profile, writable=False)
        pick = self.random.choice
        op = pick(("add", "replace", "test"))
        length = len(value) if isinstance(value, list) else 0
        kinds: list[Any] = [
            {"op": op, "path": path, "value": pick(_WRONG)},
            {"op": "test", "path": path, "value": self.value(shape)},
            {"op": "remove", "path": f"{path}/{pick(('Nickname', length, 99, -1, 'x', '~2', '-/0'))}"},
            {"op": op, "path": f"{path}/{pick(('Nickname', length + 1, 99, -1, 'x', '1.0', '~'))}", "value": 1},
            {"op": pick(("move", "copy")), "from": path, "path": "/CustomerType"},
            {"op": pick(("increment", "", "adds", None)), "path": path, "value": value},
            {"op": op, "value": value},
            {"op": op, "path": "", "value": {}},
            pick((1, "remove", None, [], True)),
            {"op": pick(("add", "replace", "remove")), "path": pick(_READ_ONLY), "value": None},
        ]
        return pick(kinds)

    # -- what a lenient server takes ----------------------------------------------------------------------------------

    def _spelled_oddly(self, operation: Operation) -> Any:
        return self.random.choice(_SPELLINGS)(operation, self.random)


def _converted(value: Any, random: Random) -> Any:
    if isinstance(value, bool):
        return random.choice((str(value), str(value).upper(), int(value)))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        rows = {name.upper(): item for name, item in value.items() if random.random() < 0.7}
        return rows | {"Unknown": 1}
    return value


def _converted_value(row: Operation, random: Random) -> Operation:
    return row | {"value": _converted(row["value"], random)} if "value" in row else row


# Their number and their order are what a seed means.
_SPELLINGS: tuple[Callable[[Operation, Random], Operation], ...] = (
    lambda row, random: row | {"op": random.choice((row["op"].upper(), f" {row['op']} "))},
    lambda row, random: row | {"path": row["path"].upper()},
    lambda row, random: row | {"path": random.choice((row["path"][1:], f"{row['path']}/", f"/{row['path']}"))},
    lambda row, random: row | {"op": {"add": "0", "remove": 1, "replace": "2", "test": 5}[row["op"]]},
    lambda row, random: {name.upper(): value for name, value in row.items()},
    _converted_value,
    lambda row, random: row | {"comment": "why"},
    lambda row, random: {name: value for name, value in row.items() if name != "value" or value is not None},
)
