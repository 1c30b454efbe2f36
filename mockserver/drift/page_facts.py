"""Does the contract still say what the vendor's page says? The page's facts are data, in contracts/page-facts.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.verify.contract import Contract, Schema
from mockserver.verify.rules.facts import Facts


def disagreements(facts: Facts, contract: Contract) -> Iterator[str]:
    """Yield each place where the contract departs from the page, as a sentence."""
    yield from _operation(facts["operation"], contract)
    yield from _request(facts["request"], contract)
    yield from _response(facts["response"], contract)
    yield from _table(facts["members"], contract)
    for name, rows in facts["resources"].items():
        yield from _resource(name, rows, contract, facts["members"] if name == "UserProfile" else {})


def _operation(page: Facts, contract: Contract) -> Iterator[str]:
    paths: Mapping[str, Any] = contract.document["paths"]
    item = paths.get(f"/{page['path']}", {})
    yield from _same("the path and its method", True, page["method"].lower() in item)
    parameters = [contract.resolved(row) for row in item.get("parameters", ())]
    found = {row["name"]: contract.resolved(row["schema"])["type"] for row in parameters if row.get("required")}
    yield from _same("the required parameters", dict(page["parameters"]), found)
    words = [branch["properties"]["op"] for branch in _branches(contract)]
    operations = {word for schema in words for word in schema.get("enum", [schema.get("const")])}
    yield from _same("the operations", sorted(page["supported"]), sorted(operations))
    yield from _same("the operations that are not supported", [], sorted(operations & set(page["unsupported"])))
    answers = [media["schema"] for media in contract.responses.get(200, {}).get("content", {}).values()]
    yield from _same("what a request updates", [page["updates"]], sorted({_type_of(answer) for answer in answers}))
    yield from _same("the order of removals", page["removals"], _order_of_removals(contract))


def _request(page: Facts, contract: Contract) -> Iterator[str]:
    content = contract.resolved(contract.operation["requestBody"])["content"]
    yield from _same("the request's media types", sorted(page["media_types"]), sorted(content))
    members = {name for branch in _branches(contract) for name in branch["properties"]}
    yield from _same("the members of an operation", sorted(page["members"]), sorted(members))
    document, xml, body = contract.schemas["XmlPatchDocument"], page["xml"], page["body"]
    yield from _same("the XML request's root", (xml["root"], xml["namespace"]), _xml(document))
    yield from _same("the XML request's elements", [*xml["elements"], body["name"]], list(document["properties"]))
    yield from _same("what the body collects", body["collection"], contract.schemas["Operation"]["xml"]["name"])
    yield from _same("the body in JSON", ["Operation"], _type_of(contract.schemas["JsonPatchDocument"]))


def _response(page: Facts, contract: Contract) -> Iterator[str]:
    for status in page["statuses"]:
        if status not in contract.responses:
            yield f"the page has status {status}, the contract lacks it"
    for status, response in contract.responses.items():
        if status not in page["statuses"] and "x-provenance" not in response:
            yield f"the contract has status {status} without saying where it comes from, the page lacks it"
        kinds = sorted(response.get("content", {}))
        yield from _same(f"the media types of a {status}", sorted(page["media_types"]), kinds)
    for status, name in ((401, "unauthorized"), (403, "forbidden")):
        checked = contract.responses.get(status, {}).get("x-checked", [])
        yield from _same(f"what a {status} is about", list(page[name]), list(checked))
    xml = page["xml"]
    yield from _same("the XML answer's root", (xml["root"], xml["namespace"]), _xml(contract.schemas["UserProfile"]))


def _table(page: Mapping[str, Facts], contract: Contract) -> Iterator[str]:
    shapes = contract.profile.members
    yield from _same("the members of UserProfile", sorted(page), sorted(shapes))
    for name in page.keys() & shapes.keys():
        row, shape = page[name], shapes[name]
        kind = row.get("type") or f"collection of {row['collection']}"
        item = shape.item.class_name if shape.item else ""
        found = f"collection of {item}" if item else shape.class_name if shape.kind == "object" else shape.kind
        yield from _same(f"{name}'s type", kind, found)
        yield from _same(f"whether {name} is read-only", row.get("read_only", False), shape.read_only)
        yield from _same(f"whether {name} is returned", row.get("returned", True), shape.returned)
        yield from _same(f"{name}'s maximum length", row.get("max_length"), shape.max_length)
        yield from _same(f"{name}'s default", row.get("default"), shape.default)
        for key in ("account_default", "stamped"):
            said = contract.schemas["UserProfile"]["properties"][name].get(f"x-{key.replace('_', '-')}", False)
            yield from _same(f"{name}'s {key.replace('_', ' ')}", row.get(key, False), said)


def _resource(name: str, page: Facts, contract: Contract, table: Facts) -> Iterator[str]:
    schema = contract.schemas.get(name)
    if schema is None:
        yield f"the page has the resource {name}, the contract lacks it"
        return
    members: Mapping[str, Schema] = schema["properties"]
    # A member that is in the table alone is in no sample, and has no place in their order.
    shown = [member for member in members if member in page["json"] or member not in table]
    yield from _same(f"{name}'s members in JSON", list(page["json"]), shown)
    for member in page["json"].keys() & members.keys():
        yield from _same(f"the type of {name}/{member}", page["json"][member], _type_of(members[member]))
    written = [members[row].get("xml", {}).get("name", row) for row in schema.get("x-xml-order", ()) if row in members]
    yield from _same(f"{name}'s elements in XML", list(page["xml"]), written)


def _type_of(schema: Schema) -> Any:
    """Return a member's type as the facts write it: a name, or a list of one for a collection."""
    if "items" in schema:
        return [_type_of(schema["items"])]
    references = [choice["$ref"] for choice in schema.get("anyOf", (schema,)) if "$ref" in choice]
    if references:
        return references[0].rpartition("/")[2]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return next(kind for kind in kinds if kind != "null")


def _branches(contract: Contract) -> list[Schema]:
    return [contract.resolved(branch) for branch in contract.schemas["Operation"]["anyOf"]]


def _order_of_removals(contract: Contract) -> str:
    """Return in which order the contract's example removes entries of one collection."""
    content = contract.resolved(contract.operation["requestBody"])["content"]
    examples = [media.get("examples", {}).get("removeEntries", {}).get("value", ()) for media in content.values()]
    indices = [int(row["path"].rpartition("/")[2]) for row in max(examples, key=len, default=())]
    if len(indices) < 2:
        return "nothing"
    return "descending" if indices == sorted(indices, reverse=True) else "ascending"


def _xml(schema: Schema) -> tuple[str, str]:
    return schema["xml"]["name"], schema["xml"]["namespace"]


def _same(what: str, page: Any, contract: Any) -> Iterator[str]:
    if type(page) is not type(contract) or page != contract:
        yield f"{what}: the page says {_shown(page, contract)}, the contract {_shown(contract, page)}"


def _shown(value: Any, other: Any) -> str:
    """Show of a long list what the other one lacks; of equal members in another order, all."""
    lists = isinstance(value, list) and isinstance(other, list)
    if lists and len(value) > 5 and set(map(str, value)) != set(map(str, other)):
        extra = [row for row in value if row not in other]
        return f"also {', '.join(map(str, extra))}" if extra else "less"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
