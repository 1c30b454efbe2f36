"""The operations of the vendor's API that the mock answers: the one table of router, Flask, `Allow` and hints.

To add one: a row here, its operation in the contract, and what the service does for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from mockserver.story.provenance import Mark


class Operation(NamedTuple):
    """One operation: its `operationId` in the contract, where it is found, and how sure we are that it is there.

    `route` stands below a base path and has the values' names in braces; `permission` is what its user must have.
    """

    name: str
    method: str
    route: str
    permission: str
    mark: Mark
    source: str


BASE_PATHS: Final = ("", "/Profiles")

_BY_ALTERNATE_ID = "/{clientId}/Profile/AlternateIdType/{alternateIdType}/AlternateId/{alternateId}"
_PAGE = "the vendor's page of the operation"

OPERATIONS: Final = (
    Operation("patchProfileByAlternateId", "PATCH", _BY_ALTERNATE_ID, "profile:update", Mark.DOCUMENTED, _PAGE),
)

ROUTES: Final[Mapping[str, Mapping[str, Operation]]] = {
    route: {operation.method: operation for operation in OPERATIONS if operation.route == route}
    for route in dict.fromkeys(operation.route for operation in OPERATIONS)
}
"""The operations of each route, by method."""
