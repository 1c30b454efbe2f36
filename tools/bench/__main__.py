"""`python -m tools.bench`: measure the mock beside others and write docs/benchmarks.md, section by section."""

from __future__ import annotations

import argparse
import shutil
import sys

from tools.bench import machine, page
from tools.bench.sections import PLANS, SECTIONS, measured
from tools.bench.server_process import Unavailable


def main() -> int:
    """Measure, print, and write each section as soon as it is there, unless it was only a quick look."""
    options = _arguments()
    if shutil.which("wrk") is None:
        print("wrk is needed to make load: install it, e.g. apt-get install wrk or brew install wrk", file=sys.stderr)
        return 2
    for name in options.only or SECTIONS:
        try:
            found = measured(name, PLANS[options.plan])
        except Unavailable as reason:
            machine.say(f"left out, the page keeps what it has: {name}: {reason}")
            continue
        print(f"{found.text}\n", flush=True)
        if options.plan != "quick":
            page.put(name, found.text, found.pictures)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=SECTIONS, help="this section alone (repeatable)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_const", const="quick", dest="plan", help="a look; writes nothing")
    length.add_argument("--long", action="store_const", const="long", dest="plan", help="1,000,000 requests and more")
    parser.set_defaults(plan="short")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
