"""Where the package keeps its files, and how to install what it can do without."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

_DATA = Path(__file__).parent / "_data"
_CHECKOUT = Path(__file__).parent.parent


def shipped(name: str) -> Path:
    """Return where the package keeps its contract or fixtures: in the wheel, or beside the package in a checkout."""
    packed = _DATA / name
    return packed if packed.exists() else _CHECKOUT / name


def shipped_contract() -> str:
    """Return what messages tell people to start from, wherever it is installed."""
    return str(shipped("contracts") / "openapi.yaml")


def from_checkout() -> bool:
    """Tell whether this runs in a checkout, where there is a Makefile, and not from a wheel."""
    return not _DATA.exists()


def state_folder() -> Path:
    """Return where what is kept across starts belongs, of this user alone."""
    kept = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".local" / "state"
    return Path(kept, "mypreferences-mockserver")


def pip_install(requirement: str) -> str:
    """Return the command that installs an optional package beside this one.

    It names the package itself: an extra of ours could only be had from an index that has us. The environments that uv
    makes have no pip.
    """
    from importlib.util import find_spec

    if find_spec("pip") is None:
        return f"uvx --with {shlex.quote(requirement)} …, or uv tool install --with {shlex.quote(requirement)} …"
    return f"{shlex.quote(sys.executable or 'python3')} -m pip install {shlex.quote(requirement)}"
