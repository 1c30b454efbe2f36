"""`--github`: what a run tells GitHub Actions, which is asked for by itself where it runs there."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from mockserver.verify.reports.github import GithubOutput


def add_github_flag(parser: argparse.ArgumentParser) -> None:
    """Add `--github`."""
    parser.add_argument(
        "--github",
        action=argparse.BooleanOptionalAction,
        help="write annotations and a step summary for GitHub Actions (default: if it runs there)",
    )


def github_output(options: argparse.Namespace) -> GithubOutput | None:
    """Return where GitHub reads, or None if nobody asked for it."""
    wanted = os.environ.get("GITHUB_ACTIONS") == "true" if options.github is None else options.github
    if not wanted:
        return None
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    workspace = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    # Where the output is one document, the runner reads the other stream just as well.
    return GithubOutput(sys.stderr if options.json else sys.stdout, Path(summary) if summary else None, workspace)
