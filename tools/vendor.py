"""Write the workbench's vendored files anew from the npm registry, each checked against its hash. Run as a script."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "mockserver" / "web" / "workbench" / "vendor"
MANIFEST = FOLDER / "vendor.toml"


def manifest() -> list[dict[str, Any]]:
    """Return the rows of the manifest, one a file."""
    rows: list[dict[str, Any]] = tomllib.loads(MANIFEST.read_text(encoding="utf-8"))["file"]
    return rows


def from_npm(package: str, path: str) -> bytes:
    """Return one file of a published package."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True
        )
        with tarfile.open(Path(folder) / done.stdout.strip()) as archive:
            member = archive.extractfile(f"package/{path}")
            assert member is not None, f"{package} has no {path}"
            return member.read()


def main() -> None:
    """Write every file of the manifest, or stop at the first that is not the one meant."""
    for row in manifest():
        content = from_npm(row["package"], row["path"])
        if (found := hashlib.sha256(content).hexdigest()) != row["sha256"]:
            raise SystemExit(f"{row['path']} of {row['package']} is {found}, not {row['sha256']}: nothing was written")
        (FOLDER / row["name"]).write_bytes(content)
        print(f"{row['name']}: {row['path']} of {row['package']}")


if __name__ == "__main__":
    main()
