"""Pages that nobody writes by hand: reasons, calls of the control surface, and rules."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from mockserver.package import shipped
from mockserver.service.assembly import assemble
from mockserver.settings import Settings
from mockserver.story.provenance import RULES
from mockserver.web.app import create_app
from mockserver.web.reasons import about

_CONTRACTS = shipped("contracts")
_NO_EXAMPLE = "None: a connection or another process has to fail for it."


def pages() -> Iterator[tuple[str, str]]:
    """Yield each page's path and text."""
    yield "reference/reasons/index.md", _reasons()
    for code in RULES:
        yield f"reference/reasons/{code}.md", _reason(about(code))
    yield "reference/control-surface.md", _control_surface()
    yield "reference/rules.md", _rules()


def _reasons() -> str:
    rows = [f"| [`{rule.code}`]({rule.code}.md) | {rule.mark} | {rule.statement} |" for rule in RULES.values()]
    return f"""# Reasons

Each answer carries one of these codes in `X-Mock-Explain`. A running mock shows the same pages, offline, at
`/__admin/reasons/{{reason}}`. What the marks mean: [fidelity](../../docs/fidelity.md).

{_table("reason", "certainty", "what the API does")}
{_lines(rows)}"""


def _reason(told: Mapping[str, Any]) -> str:
    started = f"With `mockserver serve {told['server']}`:\n\n" if told["server"] else ""
    shown = f"{started}```http\n{told['example']}\n```" if told["example"] else _NO_EXAMPLE
    return f"""# {told["reason"]}

{told["statement"]}

## Cause

{told["cause"]}

## Remedy

{told["remedy"]}

## Certainty

`{told["mark"]}`, known from: {told["source"]} ([what the marks mean](../../docs/fidelity.md)).

## Example

{shown}
"""


def _control_surface() -> str:
    served = create_app(assemble(Settings(log="off"))).test_client().get("/__admin/openapi.json")
    document = json.loads(served.data)
    own = yaml.safe_load((_CONTRACTS / "control-surface.yaml").read_text(encoding="utf-8"))["components"]["schemas"]
    calls = [
        _call(method, path, operation, document["components"]["parameters"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    return f"""# The control surface, call by call

Written from the document that a mock serves at `/__admin/openapi.json`.
[Examples](../docs/control-surface.md) of each call say what they are for. A refusal is always a [Refusal](#refusal).

{_lines(calls)}
## Schemas

{_lines(_schema(name, schema) for name, schema in own.items())}"""


def _call(method: str, path: str, operation: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    given = [known[one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in operation.get("parameters", ())]
    rows = [f"| `{one['name']}` | {one['in']} | {one.get('description', '')} |" for one in given]
    body = operation.get("requestBody", {}).get("content", {})
    answers = {status: answer["content"] for status, answer in operation["responses"].items() if status != "default"}
    return f"""## {method.upper()} {path}

{operation["summary"]} Its name for generated clients is `{operation["operationId"]}`.

{_lines([_table("parameter", "in", "is"), *rows]) if rows else ""}
{_lines(f"- takes {_content(type_, row)}" for type_, row in body.items())}
{_lines(f"- {status}: {_content(type_, row)}" for status, content in answers.items() for type_, row in content.items())}
"""


def _content(media_type: str, row: Mapping[str, Any]) -> str:
    schema = row["schema"]
    names = [
        one["$ref"].rpartition("/")[2]
        for one in (schema, *schema.get("oneOf", ()), schema.get("items", {}))
        if "$ref" in one
    ]
    own = [f"[{name}](#{name.lower()})" if name != "UserProfile" else "a UserProfile" for name in names]
    return f"`{media_type}` {' or '.join(own)}{' each' if 'items' in schema else ''}"


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    text = yaml.safe_dump(schema, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    return f"### {name}\n\n```yaml\n{text}```\n"


def _rules() -> str:
    return f"""# The rules of the contract

What `mockserver verify` asks, file by file. [How they are written](../contracts/rules/README.md).

{_lines(_rule_file(path.stem, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in _rule_files())}"""


def _rule_files() -> Any:
    return sorted((_CONTRACTS / "rules").glob("*.yaml"))


def _rule_file(name: str, content: Mapping[str, Any]) -> str:
    usual = content.get("defaults", {}).get("source", "")
    titles = [rule["title"].replace("|", "&#124;").replace("<", "&lt;") for rule in content["rules"]]
    rows = [
        f"| `{rule['id']}` | {title} | {rule.get('source', usual)} |"
        for rule, title in zip(content["rules"], titles, strict=True)
    ]
    return f"""## {name.replace("_", " ").capitalize()}

{_table("rule", "what must hold", "known from")}
{_lines(rows)}
"""


def _table(*heads: str) -> str:
    return f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|"


def _lines(rows: Any) -> str:
    return "\n".join(rows)
