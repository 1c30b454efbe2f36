"""The clients, users and paths that a mock knows when a fault is written."""

from __future__ import annotations

from mockserver.faults.text import Known

NOTHING_KNOWN = Known()
KNOWN = Known(
    clients={"ACME01", "GLOBEX"},
    users={"ACME01": ["importer", "admin"], "GLOBEX": ["reader"]},
    paths={"/CustomerType", "/CustomerName/FirstName", "/Emails", "/Emails/*", "/Emails/*/EmailAddress", "/IsActive"},
    operations={"patchProfile": ["op", "path"], "readTags": []},
)
