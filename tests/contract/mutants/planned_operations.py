"""Wrong servers by hand: how operations are read and applied, each by one edit of the source.

What somebody gets wrong who writes this server anew, or who tidies it up.
"""
# ruff: noqa: E501 - an edit is as wide as the source that it changes

from __future__ import annotations

from tests.contract.mutants.edits import Edit

OPERATIONS: list[Edit] = [
    # -- which operation is meant
    Edit("S-op-case", "ADD is no operation", "core/patch.py",
         "text.isascii() and text.lower() in _OPERATION_TYPES", "text in _OPERATION_TYPES"),
    Edit("S-op-spaces", "' add' is no operation", "core/patch.py",
         "_enum_number(part.strip())", "_enum_number(part)"),
    Edit("S-op-missing", "an operation without op is refused", "core/patch.py",
         'name = operation.get("op", "add")', 'name = operation.get("op")'),
    Edit("S-op-null-adds", "op null adds", "core/patch.py",
         'kind = operation_type(name) if name is not None else "invalid"', "kind = operation_type(name)"),
    Edit("S-op-number-order", "the operations' numbers are those of the page's order", "core/patch.py",
         '("add", "remove", "replace", "move", "copy", "test", "invalid")',
         '("add", "replace", "remove", "move", "copy", "test", "invalid")'),
    Edit("S-op-7-refused", "an operation number without an operation is refused", "core/patch.py",
         'else "none"', 'else "invalid"'),
    Edit("S-op-commas", "the last of several joined operations counts", "core/patch.py",
         "whole |= number or 0", "whole = number or 0"),
    Edit("S-op-32-bits", "an operation number may have any size", "core/patch.py",
         "-(2**31) <= number < 2**31 else None", "True else None"),
    Edit("S-move-lower-case", "MOVE and COPY are done, move and copy are not", "core/patch.py",
         'kind in ("move", "copy")', 'name in ("move", "copy")'),
    Edit("S-copy-done", "copy is done", "core/patch.py",
         'kind in ("move", "copy")', 'kind == "move"'),
    Edit("S-null-operation-skipped", "a null operation is skipped", "core/patch.py",
         'self.dialect.crash("operation-null", "An operation is null.")', 'operation = {"op": "7"}'),
    # -- several operations
    Edit("S-first-50", "operations after the fiftieth are dropped", "core/patch.py",
         "enumerate(self.patch)", "enumerate(list(self.patch)[:50])"),
    Edit("S-first-10", "operations after the tenth are dropped", "core/patch.py",
         "enumerate(self.patch)", "enumerate(list(self.patch)[:10])"),
    Edit("S-tests-first", "tests are done before everything else", "core/patch.py",
         "enumerate(self.patch)",
         "enumerate(sorted(self.patch, key=lambda row: not isinstance(row, dict) or row.get('op') != 'test'))"),
    Edit("S-removes-sorted", "removes are done from the highest index down", "core/patch.py",
         "enumerate(self.patch)",
         "enumerate(sorted(self.patch, key=lambda row: row['path'], reverse=True)"
         " if all(isinstance(row, dict) and row.get('op') == 'remove' and isinstance(row.get('path'), str)"
         " for row in self.patch) else self.patch)"),
    Edit("S-repeats-dropped", "an operation that repeats the one before is dropped", "core/patch.py",
         "enumerate(self.patch)",
         "((n, row) for n, row in enumerate(self.patch) if n == 0 or row != self.patch[n - 1])"),
    Edit("S-refusal-keeps-rest", "a refusal after the first operation keeps what was done", "core/patch.py",
         "                refusal.operation = index\n                raise",
         "                if index:\n                    return obj\n                raise"),
    Edit("S-failed-test-stops", "a failed test ends the patch without refusing it", "core/patch.py",
         "                refusal.operation = index\n                raise",
         "                if refusal.rule == 'test-failed' and index:\n                    return obj\n                raise"),
    Edit("S-goes-on", "a refused operation after others is skipped", "core/patch.py",
         "                refusal.operation = index\n                raise",
         "                if not index:\n                    raise"),
    # -- add and replace
    Edit("S-add-after", "an entry is added one place late", "core/operations.py",
         "container.insert(index, item)", "container.insert(index + 1, item)"),
    Edit("S-add-overwrites", "add at an index overwrites the entry", "core/operations.py",
         "container.insert(index, item)", "container[index : index + 1] = [item]"),
    Edit("S-replace-inserts", "replace of an entry inserts", "core/operations.py",
         "container[self.existing(index, container)] = item",
         "container.insert(self.existing(index, container), item)"),
    Edit("S-dash-first", "- adds as the first", "core/operations.py",
         "return len(container) if adding", "return 0 if adding"),
    Edit("S-dash-before-last", "- adds before the last", "core/operations.py",
         "return len(container) if adding", "return max(len(container) - 1, 0) if adding"),
    Edit("S-dash-is-first", "- replaces and removes the first", "core/operations.py",
         "if adding else len(container) - 1", "if adding else 0 if container else -1"),
    Edit("S-dash-empty-500", "- of an empty list crashes", "core/operations.py",
         '        if index < 0:\n            self.dialect.crash("index-dash-on-empty", "The list is empty: \'-\' names no'
         ' element.")\n', ""),
    Edit("S-dash-empty-ignored", "remove of - in an empty list does nothing", "core/operations.py",
         "del container[self.existing(self.position(segment, container, pointer), container)]",
         "del container[self.position(segment, container, pointer) :][:1]"),
    Edit("S-add-refuses-existing", "add to a member with a value is refused when that is an object", "core/operations.py",
         "            child = object_member(member, segment, pointer)\n            container[child.name] = self.storable",
         "            child = object_member(member, segment, pointer)\n"
         "            if not replacing and isinstance(container.get(child.name), dict):\n"
         "                raise BadRequest('exists', rule='exists')\n"
         "            container[child.name] = self.storable"),
    Edit("S-replace-needs-value", "replace of a member without a value is refused", "core/operations.py",
         "            child = object_member(member, segment, pointer)\n            container[child.name] = self.storable",
         "            child = object_member(member, segment, pointer)\n"
         "            if replacing and container.get(child.name) is None:\n"
         "                raise BadRequest('nothing there', rule='nothing')\n"
         "            container[child.name] = self.storable"),
    Edit("S-replace-merges", "replace of an object merges", "core/operations.py",
         "container[child.name] = self.storable(child, pointer, value, dates=dates)",
         "new = self.storable(child, pointer, value, dates=dates)\n"
         "            old = container.get(child.name)\n"
         "            if isinstance(new, dict) and isinstance(old, dict):\n"
         "                new = {**old, **{k: v for k, v in new.items() if v is not None}}\n"
         "            container[child.name] = new"),
    Edit("S-entry-merges", "replace of an entry merges", "core/operations.py",
         "container[self.existing(index, container)] = item",
         "old = container[self.existing(index, container)]\n"
         "            keep = {k: v for k, v in (item or {}).items() if v is not None} if old and item else item\n"
         "            container[self.existing(index, container)] = {**old, **keep} if old and item else item"),
    Edit("S-add-list-extends", "add of a list to a list extends it", "core/operations.py",
         "container[child.name] = self.storable(child, pointer, value, dates=dates)",
         "new = self.storable(child, pointer, value, dates=dates)\n"
         "            old = container.get(child.name)\n"
         "            joined = not replacing and isinstance(new, list) and isinstance(old, list)\n"
         "            container[child.name] = old + new if joined else new"),
    Edit("S-value-missing-refused", "an add without a value is refused", "core/operations.py",
         'self.set(obj, self.operation.get("value"), replacing=False)',
         'self.set(obj, self.operation["value"] if "value" in self.operation'
         ' else self.dialect.crash("v", "v"), replacing=False)'),
    Edit("S-null-ignored", "replace with null does nothing", "core/operations.py",
         'self.set(obj, self.operation.get("value"), replacing=True)',
         'if self.operation.get("value") is not None:\n            self.set(obj, self.operation["value"], replacing=True)'),
    Edit("S-false-ignored", "replace with false, 0 or '' does nothing", "core/operations.py",
         'self.set(obj, self.operation.get("value"), replacing=True)',
         'if "value" not in self.operation or self.operation["value"] or self.operation["value"] is None:\n'
         '            self.set(obj, self.operation.get("value"), replacing=True)'),
    Edit("S-duplicates-dropped", "an entry that is there already is not added", "core/operations.py",
         "container.insert(index, item)", "container.insert(index, item) if item not in container else None"),
    Edit("S-one-default", "an added default entry takes the mark from the others", "core/operations.py",
         "            container.insert(index, item)",
         "            if item and item.get('IsDefault'):\n"
         "                for other in container:\n"
         "                    other['IsDefault'] = False\n"
         "            container.insert(index, item)"),
    Edit("S-values-shared", "entries of equal value are one object", "core/operations.py",
         "item = self.storable(member.of_items, pointer, value, dates=dates)",
         "item = self.storable(member.of_items, pointer, value, dates=dates)\n"
         "        item = next((other for other in container if other == item), item)"),
    # -- remove
    Edit("S-remove-pops", "a removed member is absent", "core/operations.py",
         "container[child.name] = child.empty", "container.pop(child.name, None)"),
    Edit("S-remove-bool-null", "a removed boolean is null", "core/operations.py",
         "container[child.name] = child.empty", "container[child.name] = None"),
    Edit("S-remove-list-empties", "a removed list is empty", "core/operations.py",
         "container[child.name] = child.empty",
         "container[child.name] = [] if child.kind is Kind.LIST else child.empty"),
    Edit("S-remove-text-empties", "a removed text is empty", "core/operations.py",
         "container[child.name] = child.empty",
         'container[child.name] = "" if child.kind is Kind.STRING else child.empty'),
    Edit("S-remove-default", "a removed member has the contract's default", "core/operations.py",
         "container[child.name] = child.empty", "container[child.name] = child.default"),
    Edit("S-remove-twice", "a member without a value can't be removed", "core/operations.py",
         "            container[child.name] = child.empty",
         "            if container.get(child.name) is None:\n"
         "                raise BadRequest('gone', rule='gone')\n"
         "            container[child.name] = child.empty"),
    Edit("S-remove-entry-nulls", "a removed entry is null", "core/operations.py",
         "del container[self.existing(self.position(segment, container, pointer), container)]",
         "container[self.existing(self.position(segment, container, pointer), container)] = None"),
    Edit("S-remove-last-entry-nulls-list", "a list is null when its last entry goes", "core/operations.py",
         "        if member.kind is Kind.LIST:\n            del container[",
         "        if member.kind is Kind.LIST and len(container) == 1:\n"
         "            self.position(segment, container, pointer)\n"
         "            document[member.name] = None\n"
         "        elif member.kind is Kind.LIST:\n            del container["),
    Edit("S-remove-by-value", "remove takes away the first equal entry", "core/operations.py",
         "del container[self.existing(self.position(segment, container, pointer), container)]",
         "container.remove(container[self.existing(self.position(segment, container, pointer), container)])"),
    # -- read-only and length
    Edit("S-read-only-top", "what is below a read-only member can be written", "core/operations.py",
         "if pointer.parts else None\n        if first", "if len(pointer.parts) == 1 else None\n        if first"),
    Edit("S-read-only-case", "a read-only member in lower case can be written", "core/operations.py",
         "self.tree.root.find(pointer.parts[0])", "self.tree.root.members.get(pointer.parts[0])"),
    Edit("S-read-only-slash", "a read-only member without the first slash can be written", "core/operations.py",
         "if first is not None and first.read_only:",
         'if first is not None and first.read_only and pointer.text.startswith("/"):'),
    Edit("S-read-only-test", "a read-only member can't be tested", "core/operations.py",
         "locate(pointer, obj, writing=False)\n        value", "locate(pointer, obj, writing=True)\n        value"),
    Edit("S-read-only-remove", "a read-only member can be removed", "core/operations.py",
         "        pointer = self.parsed(key)\n        container, member, segment = self.locate(pointer, document, writing=True)",
         "        pointer = self.parsed(key)\n        container, member, segment = self.locate(pointer, document, writing=False)"),
    Edit("S-read-only-null", "a read-only member without a value can be written", "core/operations.py",
         "        if writing and self.dialect.follows_page:",
         "        if writing and self.dialect.follows_page and pointer.parts"
         " and document.get(getattr(self.tree.root.find(pointer.parts[0]), 'name', '')) is not None:"),
    Edit("S-read-only-same", "a read-only member may be replaced by its own value", "core/operations.py",
         "            self._refuse_read_only(pointer)\n",
         "            if len(pointer.parts) != 1 or document.get(pointer.parts[0]) != self.operation.get('value', self):\n"
         "                self._refuse_read_only(pointer)\n"),
    Edit("S-edited-only-top", "Edited is read-only as a whole only", "core/operations.py",
         "if first is not None and first.read_only:",
         'if first is not None and first.read_only and not (first.name == "Edited" and len(pointer.parts) > 1):'),
    Edit("S-length-before-conversion", "the length of a number is not limited", "core/operations.py",
         "refuse_too_long(result, member, pointer.text)", "refuse_too_long(value, member, pointer.text)"),
    Edit("S-length-replace-only", "add does not limit the length", "core/operations.py",
         "        if member.bounded and self.dialect.follows_page:",
         "        if member.bounded and self.dialect.follows_page and operation_is_replace(self):", extra=
         "\n\ndef operation_is_replace(operation: Any) -> bool:\n    return isinstance(operation, Replace)\n"),
    Edit("S-too-long-cut", "a text that is too long is cut", "core/operations.py",
         "            refuse_too_long(result, member, pointer.text)\n",
         "            result = result[: member.max_length] if isinstance(result, str) else result\n"),
    # -- test
    Edit("S-test-case", "test compares texts without case", "core/operations.py",
         "if current != converted(target, pointer, value):",
         "wanted = converted(target, pointer, value)\n"
         "        if (current.lower() != wanted.lower()) if isinstance(current, str) and isinstance(wanted, str)"
         " else current != wanted:"),
    Edit("S-test-trims", "test compares texts without spaces around them", "core/operations.py",
         "if current != converted(target, pointer, value):",
         "wanted = converted(target, pointer, value)\n"
         "        if (current.strip() != wanted.strip()) if isinstance(current, str) and isinstance(wanted, str)"
         " else current != wanted:"),
    Edit("S-test-unconverted", "test does not convert", "core/operations.py",
         "if current != converted(target, pointer, value):", "if current != value:"),
    Edit("S-test-order", "test of a list ignores the order", "core/operations.py",
         "if current != converted(target, pointer, value):",
         "wanted = converted(target, pointer, value)\n"
         "        if (sorted(map(str, current)) != sorted(map(str, wanted))) if isinstance(current, list)"
         " and isinstance(wanted, list) else current != wanted:"),
    Edit("S-test-subset", "test of an object looks only at what is given", "core/operations.py",
         "if current != converted(target, pointer, value):",
         "wanted = converted(target, pointer, value)\n"
         "        if (any(current.get(k) != v for k, v in wanted.items() if v is not None)) if isinstance(current, dict)"
         " and isinstance(wanted, dict) else current != wanted:"),
    Edit("S-test-null-passes", "test of null passes whatever is there", "core/operations.py",
         "if current != converted(target, pointer, value):",
         "if current != converted(target, pointer, value) and value is not None:"),
    Edit("S-test-nothing-passes", "test of a member without a value passes", "core/operations.py",
         "if current != converted(target, pointer, value):",
         "if current != converted(target, pointer, value) and current is not None:"),
    Edit("S-test-null-is-empty", "test holds null and '' to be equal", "core/operations.py",
         "if current != converted(target, pointer, value):",
         'if (current or "") != (converted(target, pointer, value) or ""):'),
    Edit("S-test-entry-passes", "test of an entry always passes", "core/operations.py",
         "if current != converted(target, pointer, value):",
         "if member.kind is not Kind.LIST and current != converted(target, pointer, value):"),
    Edit("S-test-length", "test of a list compares the lengths", "core/operations.py",
         "if current != converted(target, pointer, value):",
         "wanted = converted(target, pointer, value)\n"
         "        if (len(current) != len(wanted)) if isinstance(current, list) and isinstance(wanted, list)"
         " else current != wanted:"),
    Edit("S-test-dash-last", "test of - looks at the last entry", "core/operations.py",
         '                self.dialect.crash("test-at-dash", "\'-\' names no existing element to test.")',
         "                segment = str(len(container) - 1)"),
    Edit("S-test-without-value", "test without a value is refused", "core/operations.py",
         'value = self.operation.get("value")\n        if member.kind',
         'value = self.operation["value"] if "value" in self.operation else self.dialect.crash("v", "v")\n'
         "        if member.kind"),
    Edit("S-test-position", "a failed test of an entry names the path, not the position", "core/operations.py",
         "f\"position '{index}'\"", "f\"path '{segment}'\""),
    Edit("S-test-shows-value", "a failed test shows the object, not its class", "core/operations.py",
         "shown = target.clr_type if isinstance(current, (dict, list)) else", "shown ="),
    # -- move and copy, which the library knows
    Edit("S-move-keeps", "move leaves the source", "core/operations.py",
         '        self.remove(obj, "from")\n', ""),
    Edit("S-copy-shared", "copy is not deep", "core/operations.py",
         "self.set(obj, convert(value, member, dates=False), replacing=False, dates=False)",
         "self.set(obj, value, replacing=False, dates=False)"),
    Edit("S-copy-null", "copy of null copies null", "core/operations.py",
         "        if value is None:\n", "        if False:\n"),
    Edit("S-move-set-first", "move sets before it removes", "core/operations.py",
         '        self.remove(obj, "from")\n        self.set(obj, value, replacing=False, dates=False)',
         '        self.set(obj, value, replacing=False, dates=False)\n        self.remove(obj, "from")'),
    # -- crashes
    Edit("S-path-missing-500", "an operation without a path crashes", "core/operations.py",
         '            self.dialect.crash(f"{key}-missing", f"The operation has no \'{key}\'.")',
         "            raise KeyError(key)"),
    Edit("S-crash-500", "what the library crashes at is a 500", "core/dialect.py",
         "        if self.follows_page:\n", "        if False:\n"),
    Edit("S-library-400", "the library's crashes are a 400", "core/dialect.py",
         "        raise VendorCrash(rule=rule, why=problem)", "        raise BadRequest(problem, rule=rule)"),
]  # fmt: skip
