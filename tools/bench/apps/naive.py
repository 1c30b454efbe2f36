"""What one would write in ten minutes: Flask, `jsonpatch`, `jsonify`; no signature, contract, world or journal."""

from __future__ import annotations

from typing import Any

import jsonpatch
import orjson
from flask import Flask, Response, jsonify, request

from tools.bench.signed_patch import PROFILE_FILE

ROUTE = "/<client>/Profile/AlternateIdType/<alternate_id_type>/AlternateId/<alternate_id>"

app = Flask(__name__)
profiles: dict[tuple[str, str, str], Any] = {("ACME01", "CRM", "C-000417"): orjson.loads(PROFILE_FILE.read_bytes())}


@app.patch(ROUTE)
def patch_profile(client: str, alternate_id_type: str, alternate_id: str) -> Response:
    """Apply the patch to a copy, keep it, return it."""
    key = client, alternate_id_type, alternate_id
    profiles[key] = jsonpatch.apply_patch(profiles[key], request.get_json(force=True))
    return jsonify(profiles[key])
