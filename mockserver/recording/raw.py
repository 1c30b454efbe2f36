"""Where whole exchanges may be kept: not where git could take them up."""

from __future__ import annotations

import subprocess
from pathlib import Path

from mockserver.errors import SafetyRefusal


def require_ignored(directory: Path) -> None:
    """Raise SafetyRefusal for a directory of a git repository that git does not ignore."""
    place = directory.resolve()
    here = next(folder for folder in (place, *place.parents) if folder.is_dir())
    if not any((folder / ".git").exists() for folder in (here, *here.parents)):
        return
    # A path inside the directory, since a pattern such as "raw/" means directories alone.
    words = ["git", "-C", str(here), "check-ignore", "--quiet", "--", str(place / "exchange.http")]
    try:
        ignored = subprocess.run(words, capture_output=True, timeout=30, check=False).returncode == 0  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        ignored = False
    if not ignored:
        raise SafetyRefusal(
            "git does not ignore this directory, so that personal data could be committed",
            place=f"--keep-raw {directory}",
            hint=f"add /{directory.name}/ to .gitignore, or name a directory outside the repository",
        )
