"""The key of the pseudonyms: whoever has it can try names until one fits, so it is in no output."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from mockserver.errors import SafetyRefusal, UsageError

LEAST_LENGTH = 12


def key_from(name: str | None, state_dir: Path) -> bytes:
    """Return the key from a variable of the environment, else from the state directory, where it is made once."""
    if name is None:
        return _kept(state_dir / "record.key")
    value = os.environ.get(name, "")
    if len(value) < LEAST_LENGTH:
        problem = f"the environment's variable {name} holds no {LEAST_LENGTH} characters"
        raise UsageError(problem, place="--secret-env", hint="put a long random text into it")
    return value.encode("utf-8", "surrogateescape")


def _kept(path: Path) -> bytes:
    try:
        _make(path)
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
            found = os.fstat(file.fileno())
            key = file.read(4096).strip()
    except OSError as problem:
        raise UsageError(f"the key can't be kept: {problem.strerror}", place=str(path)) from problem
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise SafetyRefusal("others can read the key", place=str(path), hint=f"chmod 600 {path}, or delete it")
    if len(key) < LEAST_LENGTH:
        raise UsageError("this is no key", place=str(path), hint="delete it; the next recording makes a new one")
    return key


def _make(path: Path) -> None:
    """Write a new key unless there is one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError), os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
