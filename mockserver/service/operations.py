"""The operations of the vendor's API that the mock answers: the one table of router, Flask, contract, `Allow` and docs.

To add one: a row here, its operation in the contract, and a handler. `docs/write_calls.py` writes the docs page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from mockserver.story.provenance import Mark


class Operation(NamedTuple):
    """One operation: its `operationId` in the contract, where it is found, and how sure we are that it is there.

    `route` stands below a base path and has the values' names in braces; `permission` is what its user must have;
    `handler` names what answers it, the same for operations that differ in their route alone.
    """

    name: str
    method: str
    route: str
    permission: str
    handler: str
    mark: Mark
    source: str

    @property
    def matched_by(self) -> tuple[str, ...]:
        """What a fault can ask of its requests beside client and user."""
        named = ("alternate_id_type", "alternate_id") if "{alternateId}" in self.route else ()
        return (*named, *(("op", "path") if self.handler == "patch" else ()))


BASE_PATHS: Final = ("", "/Profiles")

_BY_ALTERNATE_ID = "/{clientId}/Profile/AlternateIdType/{alternateIdType}/AlternateId/{alternateId}"
_BY_PROFILE_ID = "/{clientId}/Profile/{profileId}"
_PAGE = "the vendor's page of the operation"
_NAMED = "named in a list of the vendor; URL and body are inferred"
_D, _A = Mark.DOCUMENTED, Mark.ASSUMED

PATCH: Final = Operation(
    "patchProfileByAlternateId", "PATCH", _BY_ALTERNATE_ID, "profile:update", "patch", _D, _PAGE
)  # fmt: skip

OPERATIONS: Final = (
    Operation("readProfileByAlternateId", "GET", _BY_ALTERNATE_ID, "profile:read", "read", _A, _NAMED),
    PATCH,
    Operation("readProfile", "GET", _BY_PROFILE_ID, "profile:read", "read", _A, _NAMED),
    Operation("patchProfile", "PATCH", _BY_PROFILE_ID, "profile:update", "patch", _A, _NAMED),
    Operation("deleteProfile", "DELETE", _BY_PROFILE_ID, "profile:delete", "delete", _D, _PAGE),
    Operation("deactivateProfile", "POST", f"{_BY_PROFILE_ID}/Deactivate", "profile:update", "deactivate", _D, _PAGE),
    Operation("activateProfile", "POST", f"{_BY_PROFILE_ID}/Activate", "profile:update", "activate", _D, _PAGE),
    Operation("createProfile", "POST", "/{clientId}/Profile", "profile:create", "create", _D, _PAGE),
    Operation("createConsents", "POST", "/{clientId}/Consents/{profileId}", "consent:create", "consents", _D, _PAGE),
    Operation("readTags", "GET", "/{clientId}/Tags", "profile:read", "tags", _D, _PAGE),
)

Routes = Mapping[str, Mapping[str, Operation]]


def _routes(operations: Iterable[Operation]) -> Routes:
    routes: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        routes.setdefault(operation.route, {})[operation.method] = operation
    return routes


def listed(routes: Routes) -> list[str]:
    """Return each route with its methods, for people."""
    return [f"{'|'.join(operations)} {route}" for route, operations in routes.items()]


ROUTES: Final[Mapping[str, Routes]] = {"all": _routes(OPERATIONS), "patch": _routes([PATCH])}
"""The operations of each route, by method, for each value of --operations."""
