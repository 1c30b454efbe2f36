"""What a person has to send where no guarded patch restores a profile: the request, as curl reads it from a file."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from mockserver.verify.calls import Call
from mockserver.verify.target.targets import Target
from mockserver.verify.target.undo_file import NotedProfile, UndoFile

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)


def file_of(undo: UndoFile) -> Path:
    """Return where the request is kept: beside the undo file."""
    return undo.path.with_suffix(".curl")


def request(undo: UndoFile, row: NotedProfile, target: Target, places: Sequence[str]) -> str:
    """Write the request that sets these places back, for its owner alone; return the command that sends it.

    "" if nothing can be written. The file holds personal values, as the undo file does, and no secret.
    """
    members = {place.lower().split("/")[1] for place in places}
    kept = {name: value for name, value in row.before.items() if name.lower() in members}
    patch = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in kept.items()]
    call = Call("PATCH", (target.client, row.kind, row.identifier), (), json.dumps(patch).encode())
    text = _config(target, call)
    with contextlib.suppress(OSError):
        with os.fdopen(os.open(file_of(undo), _FLAGS, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        return f'curl --config {shlex.quote(str(file_of(undo)))} -H "Authorization: $AUTHORIZATION"'
    return ""


def _config(target: Target, call: Call) -> str:
    user = target.credential
    source = f" --secret-env {user.secret_env}" if user.secret_env else " --secret-file FILE"
    sign = f"mockserver sign --client {shlex.quote(target.client)} --user {shlex.quote(user.user)}{source}"
    options = {
        "request": call.method,
        "url": f"{target.base_url}{call.target}",
        "header": "Content-Type: application/json",
        "data-raw": call.body.decode(),
    }
    # JSON quotes ASCII as curl does.
    rows = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
    look = "# look at the profile first: somebody else may have changed it since"
    return "\n".join((look, f'# AUTHORIZATION="$({sign})"', *rows, ""))
