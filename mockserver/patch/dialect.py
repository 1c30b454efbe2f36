"""The three dialects, and the refusals that the page's own rules add to the library's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any, Never

from msgspec import Struct

from mockserver.errors import BadRequest, VendorCrash
from mockserver.profile.conformance import too_long
from mockserver.profile.members import Member


class Dialect(Struct, frozen=True):
    """A rule set by which operations are read and applied, on a server of that zone (which is assumed)."""

    name: str
    follows_page: bool
    strict_rfc: bool = False
    zone: tzinfo = UTC

    def crash(self, rule: str, problem: str) -> Never:
        """Refuse where the vendor's library throws: 500 there, 400 where the page's word on bad requests rules."""
        if self.follows_page:
            raise BadRequest(problem, rule=rule)
        raise VendorCrash(rule=rule, why=problem)


VENDOR = Dialect("vendor", follows_page=True)
LIBRARY = Dialect("library", follows_page=False)
RFC6902 = Dialect("rfc6902", follows_page=True, strict_rfc=True)
DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (VENDOR, LIBRARY, RFC6902)}

SUPPORTED_OPERATIONS = ("add", "replace", "remove", "test")


def unsupported_operation(name: str) -> BadRequest:
    """Return the refusal of move and copy: the status is documented, the text is assumed."""
    return BadRequest(f"The '{name}' operation is not supported.", rule="op-not-supported")


def read_only_refusal(segment: str, path: str) -> BadRequest:
    """Return the refusal of a write to a read-only member, in the library's own words for one (assumed to be used)."""
    return BadRequest(f"The property at path '{segment}' could not be updated.", rule="member-read-only", path=path)


def refuse_too_long(value: Any, member: Member, path: str) -> None:
    """Raise BadRequest if a text exceeds its documented length; the words are assumed (MaxLengthAttribute's)."""
    for offender, limit in too_long(value, member):
        raise BadRequest(
            f"The field {offender} must be a string or array type with a maximum length of '{limit}'.",
            rule="value-too-long",
            path=path,
        )
