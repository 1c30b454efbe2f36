"""Wrong servers by hand: how operations are read and applied, each by one edit of the source.

What somebody gets wrong who writes this server anew, or who tidies it up.
"""
# ruff: noqa: E501 - an edit is as wide as the source that it changes

from __future__ import annotations

from tools.mutants.source import Edit

_READ_ONLY = "if writing and first.read_only and self.dialect.follows_page"
_UNEQUAL = "if current != wanted:"

OPERATIONS: list[Edit] = [
    # -- which operation is meant
    Edit("S-op-case", "ADD is no operation", "patch/apply.py",
         "name.isascii() and lower in _OPERATION_TYPES", "name in _OPERATION_TYPES"),
    Edit("S-op-spaces", "' add' is no operation", "patch/apply.py",
         "name = text.strip(_WHITE_SPACE)", "name = text"),
    Edit("S-op-missing", "an operation without op is refused", "patch/apply.py",
         'name = operation.get("op", "add")', 'name = operation.get("op")'),
    Edit("S-op-null-adds", "op null adds", "patch/apply.py",
         '(operation_type(name) if name is not None else "invalid")', "operation_type(name)"),
    Edit("S-op-number-order", "the operations' numbers are those of the page's order", "patch/apply.py",
         '("add", "remove", "replace", "move", "copy", "test", "invalid")',
         '("add", "replace", "remove", "move", "copy", "test", "invalid")'),
    Edit("S-op-7-refused", "an operation number without an operation is refused", "patch/apply.py",
         'else "none"', 'else "invalid"'),
    Edit("S-op-commas", "the last of several joined operations counts", "patch/apply.py",
         "whole |= number", "whole = number"),
    Edit("S-op-32-bits", "an operation number may have any size", "patch/apply.py",
         "-(2**31) <= number < 2**31 else None", "True else None"),
    Edit("S-move-lower-case", "MOVE and COPY are done, move and copy are not", "patch/apply.py",
         'kind in ("move", "copy")', 'name in ("move", "copy")'),
    Edit("S-copy-done", "copy is done", "patch/apply.py",
         'kind in ("move", "copy")', 'kind == "move"'),
    Edit("S-null-operation-skipped", "a null operation is skipped", "patch/apply.py",
         'self.dialect.crash("operation-null", "An operation is null.")', 'operation = {"op": "7"}'),
    # -- several operations
    Edit("S-first-50", "operations after the fiftieth are dropped", "patch/apply.py",
         "enumerate(self.patch)", "enumerate(list(self.patch)[:50])"),
    Edit("S-first-10", "operations after the tenth are dropped", "patch/apply.py",
         "enumerate(self.patch)", "enumerate(list(self.patch)[:10])"),
    Edit("S-tests-first", "tests are done before everything else", "patch/apply.py",
         "enumerate(self.patch)",
         "enumerate(sorted(self.patch, key=lambda row: not isinstance(row, dict) or row.get('op') != 'test'))"),
    Edit("S-removes-sorted", "removes are done from the highest index down", "patch/apply.py",
         "enumerate(self.patch)",
         "enumerate(sorted(self.patch, key=lambda row: row['path'], reverse=True)"
         " if all(isinstance(row, dict) and row.get('op') == 'remove' and isinstance(row.get('path'), str)"
         " for row in self.patch) else self.patch)"),
    Edit("S-repeats-dropped", "an operation that repeats the one before is dropped", "patch/apply.py",
         "enumerate(self.patch)",
         "((n, row) for n, row in enumerate(self.patch) if n == 0 or row != self.patch[n - 1])"),
    Edit("S-refusal-keeps-rest", "a refusal after the first operation keeps what was done", "patch/apply.py",
         "                refusal.operation = index\n                raise",
         "                if index:\n                    return obj\n                raise"),
    Edit("S-failed-test-stops", "a failed test ends the patch without refusing it", "patch/apply.py",
         "                refusal.operation = index\n                raise",
         "                if refusal.rule == 'test-failed' and index:\n                    return obj\n                raise"),
    Edit("S-goes-on", "a refused operation after others is skipped", "patch/apply.py",
         "                refusal.operation = index\n                raise",
         "                if not index:\n                    raise"),
    # -- add and replace
    Edit("S-add-after", "an entry is added one place late", "patch/operations.py",
         "container.insert(index, stored)", "container.insert(index + 1, stored)"),
    Edit("S-add-overwrites", "add at an index overwrites the entry", "patch/operations.py",
         "container.insert(index, stored)", "container[index : index + 1] = [stored]"),
    Edit("S-replace-inserts", "replace of an entry inserts", "patch/operations.py",
         "container[self.existing(index, container)] = stored",
         "container.insert(self.existing(index, container), stored)"),
    Edit("S-dash-first", "- adds as the first", "patch/operations.py",
         "return len(container) if adding", "return 0 if adding"),
    Edit("S-dash-before-last", "- adds before the last", "patch/operations.py",
         "return len(container) if adding", "return max(len(container) - 1, 0) if adding"),
    Edit("S-dash-is-first", "- replaces and removes the first", "patch/operations.py",
         "if adding else len(container) - 1", "if adding else 0 if container else -1"),
    Edit("S-dash-empty-500", "- of an empty list crashes", "patch/operations.py",
         '        if index < 0:\n            self.dialect.crash("index-dash-on-empty", "The list is empty: \'-\' names no'
         ' element.")\n', ""),
    Edit("S-dash-empty-ignored", "remove of - in an empty list does nothing", "patch/operations.py",
         "del container[self.existing(self.position(place, container), container)]",
         "index = self.position(place, container)\n            del container[index : index + 1]"),
    Edit("S-add-refuses-existing", "add to a member with a value is refused when that is an object", "patch/operations.py",
         "            container[member.name] = self.storable",
         "            if not replacing and isinstance(container.get(member.name), dict):\n"
         "                raise BadRequest('exists', rule='exists')\n"
         "            container[member.name] = self.storable"),
    Edit("S-replace-needs-value", "replace of a member without a value is refused", "patch/operations.py",
         "            container[member.name] = self.storable",
         "            if replacing and container.get(member.name) is None:\n"
         "                raise BadRequest('nothing there', rule='nothing')\n"
         "            container[member.name] = self.storable"),
    Edit("S-replace-merges", "replace of an object merges", "patch/operations.py",
         "container[member.name] = self.storable(member, place, value, source)",
         "new = self.storable(member, place, value, source)\n"
         "            old = container.get(member.name)\n"
         "            if isinstance(new, dict) and isinstance(old, dict):\n"
         "                new = {**old, **{k: v for k, v in new.items() if v is not None}}\n"
         "            container[member.name] = new"),
    Edit("S-entry-merges", "replace of an entry merges", "patch/operations.py",
         "container[self.existing(index, container)] = stored",
         "old = container[self.existing(index, container)]\n"
         "            keep = {k: v for k, v in stored.items() if v is not None} if old and stored else stored\n"
         "            container[self.existing(index, container)] = {**old, **keep} if old and stored else stored"),
    Edit("S-add-list-extends", "add of a list to a list extends it", "patch/operations.py",
         "container[member.name] = self.storable(member, place, value, source)",
         "new = self.storable(member, place, value, source)\n"
         "            old = container.get(member.name)\n"
         "            joined = not replacing and isinstance(new, list) and isinstance(old, list)\n"
         "            container[member.name] = old + new if joined else new"),
    Edit("S-value-missing-refused", "an add without a value is refused", "patch/operations.py",
         'self.set(obj, self.operation.get("value"), replacing=False)',
         'self.set(obj, self.operation["value"] if "value" in self.operation'
         ' else self.dialect.crash("v", "v"), replacing=False)'),
    Edit("S-null-ignored", "replace with null does nothing", "patch/operations.py",
         'self.set(obj, self.operation.get("value"), replacing=True)',
         'if self.operation.get("value") is not None:\n            self.set(obj, self.operation["value"], replacing=True)'),
    Edit("S-false-ignored", "replace with false, 0 or '' does nothing", "patch/operations.py",
         'self.set(obj, self.operation.get("value"), replacing=True)',
         'if "value" not in self.operation or self.operation["value"] or self.operation["value"] is None:\n'
         '            self.set(obj, self.operation.get("value"), replacing=True)'),
    Edit("S-duplicates-dropped", "an entry that is there already is not added", "patch/operations.py",
         "container.insert(index, stored)", "container.insert(index, stored) if stored not in container else None"),
    Edit("S-one-default", "an added default entry takes the mark from the others", "patch/operations.py",
         "            container.insert(index, stored)",
         "            if stored and stored.get('IsDefault'):\n"
         "                for other in container:\n"
         "                    other['IsDefault'] = False\n"
         "            container.insert(index, stored)"),
    Edit("S-values-shared", "entries of equal value are one object", "patch/operations.py",
         "stored = self.storable(item, place, value, source)",
         "stored = self.storable(item, place, value, source)\n"
         "        stored = next((other for other in container if other == stored), stored)"),
    # -- remove
    # The second line tells an open profile that it was changed, which it does not see of a member that is gone.
    Edit("S-remove-pops", "a removed member is absent", "patch/operations.py",
         "container[member.name] = member.empty",
         "if container.pop(member.name, self) is not self:\n"
         "                getattr(container, '_reached', {})['ProfileId'] = None"),
    Edit("S-remove-bool-null", "a removed boolean is null", "patch/operations.py",
         "container[member.name] = member.empty", "container[member.name] = None"),
    Edit("S-remove-list-empties", "a removed list is empty", "patch/operations.py",
         "container[member.name] = member.empty",
         'container[member.name] = [] if member.kind == "list" else member.empty'),
    Edit("S-remove-text-empties", "a removed text is empty", "patch/operations.py",
         "container[member.name] = member.empty",
         'container[member.name] = "" if member.kind == "string" else member.empty'),
    Edit("S-remove-default", "a removed member has the contract's default", "patch/operations.py",
         "container[member.name] = member.empty", "container[member.name] = member.default"),
    Edit("S-remove-twice", "a member without a value can't be removed", "patch/operations.py",
         "            container[member.name] = member.empty",
         "            if container.get(member.name) is None:\n"
         "                raise BadRequest('gone', rule='gone')\n"
         "            container[member.name] = member.empty"),
    Edit("S-remove-entry-nulls", "a removed entry is null", "patch/operations.py",
         "del container[self.existing(self.position(place, container), container)]",
         "container[self.existing(self.position(place, container), container)] = None"),
    Edit("S-remove-last-entry-nulls-list", "a list is null when its last entry goes", "patch/operations.py",
         "        if place.container.item is not None:\n            del container[",
         "        if place.container.item is not None and len(container) == 1:\n"
         "            self.position(place, container)\n"
         "            document[place.container.name] = None\n"
         "        elif place.container.item is not None:\n            del container["),
    Edit("S-remove-by-value", "remove takes away the first equal entry", "patch/operations.py",
         "del container[self.existing(self.position(place, container), container)]",
         "container.remove(container[self.existing(self.position(place, container), container)])"),
    # -- read-only and length
    Edit("S-read-only-top", "what is below a read-only member can be written", "patch/operations.py",
         _READ_ONLY, f"{_READ_ONLY} and len(place.pointer.parts) == 1"),
    Edit("S-read-only-case", "a read-only member in lower case can be written", "patch/operations.py",
         _READ_ONLY, f"{_READ_ONLY} and place.pointer.parts[0] == first.name"),
    Edit("S-read-only-slash", "a read-only member without the first slash can be written", "patch/operations.py",
         _READ_ONLY, f'{_READ_ONLY} and place.pointer.text.startswith("/")'),
    Edit("S-read-only-test", "a read-only member can't be tested", "patch/operations.py",
         "self.locate(place, obj, writing=False)", "self.locate(place, obj, writing=True)"),
    Edit("S-read-only-remove", "a read-only member can be removed", "patch/operations.py",
         "        place = self.place(key)\n        container = self.locate(place, document, writing=True)",
         "        place = self.place(key)\n        container = self.locate(place, document, writing=False)"),
    Edit("S-read-only-null", "a read-only member without a value can be written", "patch/operations.py",
         _READ_ONLY, f"{_READ_ONLY} and self.reach(first.name) is not None"),
    Edit("S-read-only-same", "a read-only member may be replaced by its own value", "patch/operations.py",
         _READ_ONLY,
         f"{_READ_ONLY} and (place.pointer.parts != [first.name]\n"
         "                or self.reach(first.name) != self.operation.get('value', self))"),
    Edit("S-edited-only-top", "Edited is read-only as a whole only", "patch/operations.py",
         _READ_ONLY, f'{_READ_ONLY} and not (first.name == "Edited" and len(place.pointer.parts) > 1)'),
    Edit("S-length-before-conversion", "the length of a number is not limited", "patch/operations.py",
         "refuse_too_long(result, member, place.pointer.text)", "refuse_too_long(value, member, place.pointer.text)"),
    Edit("S-length-replace-only", "add does not limit the length", "patch/operations.py",
         "        if member.bounded and self.dialect.follows_page:",
         "        if member.bounded and self.dialect.follows_page and operation_is_replace(self):", extra=
         "\n\ndef operation_is_replace(operation: Any) -> bool:\n    return isinstance(operation, Replace)\n"),
    Edit("S-too-long-cut", "a text that is too long is cut", "patch/operations.py",
         "            refuse_too_long(result, member, place.pointer.text)\n",
         "            result = result[: member.max_length] if isinstance(result, str) else result\n"),
    # -- test
    Edit("S-test-case", "test compares texts without case", "patch/operations.py",
         _UNEQUAL,
         "wanted = wanted\n"
         "        if (current.lower() != wanted.lower()) if isinstance(current, str) and isinstance(wanted, str)"
         " else current != wanted:"),
    Edit("S-test-trims", "test compares texts without spaces around them", "patch/operations.py",
         _UNEQUAL,
         "wanted = wanted\n"
         "        if (current.strip() != wanted.strip()) if isinstance(current, str) and isinstance(wanted, str)"
         " else current != wanted:"),
    Edit("S-test-unconverted", "test does not convert", "patch/operations.py",
         _UNEQUAL, "if current != value:"),
    Edit("S-test-order", "test of a list ignores the order", "patch/operations.py",
         _UNEQUAL,
         "wanted = wanted\n"
         "        if (sorted(map(str, current)) != sorted(map(str, wanted))) if isinstance(current, list)"
         " and isinstance(wanted, list) else current != wanted:"),
    Edit("S-test-subset", "test of an object looks only at what is given", "patch/operations.py",
         _UNEQUAL,
         "wanted = wanted\n"
         "        if (any(current.get(k) != v for k, v in wanted.items() if v is not None)) if isinstance(current, dict)"
         " and isinstance(wanted, dict) else current != wanted:"),
    Edit("S-test-null-passes", "test of null passes whatever is there", "patch/operations.py",
         _UNEQUAL, "if current != wanted and value is not None:"),
    Edit("S-test-nothing-passes", "test of a member without a value passes", "patch/operations.py",
         _UNEQUAL, "if current != wanted and current is not None:"),
    Edit("S-test-null-is-empty", "test holds null and '' to be equal", "patch/operations.py",
         _UNEQUAL, 'if (current or "") != (wanted or ""):'),
    Edit("S-test-entry-passes", "test of an entry always passes", "patch/operations.py",
         _UNEQUAL, "if item is None and current != wanted:"),
    Edit("S-test-length", "test of a list compares the lengths", "patch/operations.py",
         _UNEQUAL,
         "wanted = wanted\n"
         "        if (len(current) != len(wanted)) if isinstance(current, list) and isinstance(wanted, list)"
         " else current != wanted:"),
    Edit("S-test-dash-last", "test of - looks at the last entry", "patch/operations.py",
         'self.dialect.crash("test-at-dash", "\'-\' names no existing element to test.")', "pass"),
    Edit("S-test-without-value", "test without a value is refused", "patch/operations.py",
         'value, item = self.operation.get("value"), place.container.item',
         'value = self.operation["value"] if "value" in self.operation else self.dialect.crash("v", "v")\n'
         "        item = place.container.item"),
    Edit("S-test-position", "a failed test of an entry names the path, not the position", "patch/operations.py",
         "f\"position '{index}'\"", "f\"path '{place.segment}'\""),
    Edit("S-test-shows-value", "a failed test shows the object, not its class", "patch/operations.py",
         "shown = _shown(current, member, self.work, self.dialect.zone)", "shown = clr_text(current)"),
    # -- move and copy, which the library knows
    Edit("S-move-keeps", "move leaves the source", "patch/operations.py",
         '        self.remove(obj, "from")\n', ""),
    Edit("S-copy-shared", "copy is not deep", "patch/operations.py",
         "self.set(obj, convert(value, source, dates=None), replacing=False, source=source)",
         "self.set(obj, value, replacing=False, source=source)"),
    Edit("S-copy-null", "copy of null copies null", "patch/operations.py",
         "        if value is None:\n", "        if False:\n"),
    Edit("S-move-set-first", "move sets before it removes", "patch/operations.py",
         '        self.remove(obj, "from")\n        self.set(obj, value, replacing=False, source=source)',
         '        self.set(obj, value, replacing=False, source=source)\n        self.remove(obj, "from")'),
    # -- crashes
    Edit("S-path-missing-500", "an operation without a path crashes", "patch/operations.py",
         '            self.dialect.crash(f"{key}-missing", f"The operation has no \'{key}\'.")',
         "            raise KeyError(key)"),
    Edit("S-crash-500", "what the library crashes at is a 500", "patch/dialect.py",
         "        if self.follows_page:\n", "        if False:\n"),
    Edit("S-library-400", "the library's crashes are a 400", "patch/dialect.py",
         "        raise VendorCrash(rule=rule, why=problem)", "        raise BadRequest(problem, rule=rule)"),
]  # fmt: skip
