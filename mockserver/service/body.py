"""From a request's body to operations or another document, within the bounds that the policy sets."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from mockserver.errors import BadRequest, MalformedBody, RequestTooLarge
from mockserver.formats.bounds import too_many_operations
from mockserver.formats.json_read import read_object, read_patch
from mockserver.formats.negotiation import body_format
from mockserver.profile.members import Member, MemberTree
from mockserver.service.request import Head, Policy, Request

# The reason code of a success without operations, by the reader of the body.
_WITHOUT_OPERATIONS = {"json": "patch-empty", "xml": "xml-without-operations", "form": "form-without-operations"}


def read_operations(request: Request, policy: Policy, tree: MemberTree) -> list[Any]:
    """Return the operations; raise UnsupportedMediaType, MalformedBody, BadRequest or RequestTooLarge."""
    if len(request.body) > policy.max_body:
        raise body_too_large(len(request.body), policy.max_body)
    try:
        operations = _read(request, policy, tree) if request.body else None
    except MalformedBody as refusal:
        if request.head.headers.get("content-encoding", "identity") != "identity":
            refusal.why = f"The body is encoded (Content-Encoding), which is not undone: {refusal.why}"
            refusal.hint = "Send the body as it is, without Content-Encoding."
        raise
    if operations is None:
        raise BadRequest("operations is null", rule="body-null")
    if len(operations) > policy.max_operations:
        raise too_many_operations(policy.max_operations)
    return operations


def _read(request: Request, policy: Policy, tree: MemberTree) -> list[Any] | None:
    how = body_format(request.head.headers.get("content-type"))
    if how.reader == "xml":
        # Imported with the first XML request: most servers never see one.
        from mockserver.formats.xml_read import read_xml_patch

        return read_xml_patch(request.body, charset=how.charset, tree=tree, dialect=policy.dialect)
    if how.reader == "form":
        return _read_form(request.body, policy)
    if policy.dialect.strict_rfc:
        from mockserver.formats.json_lenient import read_strict_patch

        return read_strict_patch(request.body, charset=how.charset)
    return read_patch(request.body, charset=how.charset, most=policy.max_operations)


def _read_form(body: bytes, policy: Policy) -> list[Any]:
    """Return no operations: a form binds none, but its field `operations` is an empty one (docs/dialect.md, row H9)."""
    for name, _ in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        if "[" in name.rpartition("]")[2]:
            raise MalformedBody(
                ["operations"],
                rule="body-not-json",
                why="The body was read as a form, and a bracket in a field's name is never closed.",
                hint="Send JSON as Content-Type: application/json.",
            )
        if name.lower().startswith("operations[0]") or name.removesuffix("[]").lower() == "operations":
            policy.dialect.crash(
                "operation-null", "The form's field 'operations' is read as an operation that is empty."
            )
    return []


def read_document(
    request: Request, policy: Policy, member: Member, namespace: str, parameter: str
) -> tuple[dict[str, Any] | None, bool]:
    """Return the document of a call around the PATCH as JSON data, None without one, and whether it was read strictly.

    Raises as `read_operations` does; `parameter` begins the key under which a malformed body is reported (assumed).
    """
    if len(request.body) > policy.max_body:
        raise body_too_large(len(request.body), policy.max_body)
    how = body_format(request.head.headers.get("content-type")) if request.body else None
    if how is None or how.reader == "form":
        return None, True
    try:
        if how.reader == "json":
            return read_object(request.body, charset=how.charset)
        from mockserver.formats.xml_read import read_xml_document

        return read_xml_document(request.body, charset=how.charset, member=member, namespace=namespace), True
    except MalformedBody as refusal:
        keys = [parameter + key.removeprefix("operations") for key in refusal.model_state or ()]
        raise MalformedBody(keys, rule=refusal.rule, why=refusal.why, hint=refusal.hint) from None


def body_too_large(size: int | None, limit: int) -> RequestTooLarge:
    """Return the refusal of a body over the bound; the bound is ours (assumed), the text the stack's convention."""
    return RequestTooLarge(
        "The request entity is too large.",
        rule="body-too-large",
        why=f"The body has {f'{size} bytes' if size else 'no stated size'}; {limit} bytes are allowed.",
        hint="Send several smaller patches, or start with a larger --max-body.",
    )


def is_xml(head: Head) -> bool:
    """Tell whether a body that could be read was XML."""
    return body_format(head.headers.get("content-type")).reader == "xml"


def reason_without_operations(head: Head) -> str:
    """Return the reason code of a request whose document held no operation."""
    return _WITHOUT_OPERATIONS[body_format(head.headers.get("content-type")).reader]
