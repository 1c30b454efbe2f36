"""`python -m tools.bench.peers`: send the same request to mock servers from npm, and write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import orjson

from mockserver.settings import Settings
from tools.bench import machine, page, signed_patch, throughput
from tools.bench.candidates import SERVE, Candidate
from tools.bench.server_process import Unavailable
from tools.bench.throughput import Throughput

PACKAGES: Final = ("wiremock@3", "mockserver-node@8", "@stoplight/prism-cli@5")
NPM: Final = Path(sys.prefix) / "npm"
PROFILE: Final = orjson.dumps(orjson.loads(signed_patch.PROFILE_FILE.read_bytes())).decode()


def _jar(pattern: str) -> str:
    found = sorted((NPM / "node_modules").glob(pattern))
    if not found:
        raise Unavailable(f"its npm package holds no {pattern.rpartition('/')[2]}; what is downloaded later isn't used")
    return str(found[-1])


def _wiremock(port: int, directory: Path) -> list[str]:
    answer = {"status": 200, "headers": {"Content-Type": "application/json"}, "body": PROFILE}
    stub = {"request": {"method": "PATCH", "urlPath": signed_patch.PATH}, "response": answer}
    (directory / "mappings").mkdir()
    (directory / "mappings" / "patch.json").write_text(json.dumps(stub), "utf-8")
    options = ["--port", str(port), "--bind-address", "127.0.0.1", "--root-dir", str(directory)]
    return ["java", "-jar", _jar("wiremock/build/wiremock-standalone-*.jar"), *options, "--disable-request-logging"]


def _mockserver(port: int, directory: Path) -> list[str]:
    answer = {"statusCode": 200, "headers": {"Content-Type": ["application/json"]}, "body": PROFILE}
    expectation = {"httpRequest": {"method": "PATCH", "path": signed_patch.PATH}, "httpResponse": answer}
    (directory / "init.json").write_text(json.dumps([expectation]), "utf-8")
    jar = _jar("mockserver-node/mockserver-netty-*.jar")
    options = ["--port", str(port), "--log-level", "WARN", "--init", str(directory / "init.json")]
    return ["java", "-Dmockserver.localBoundIP=127.0.0.1", "-jar", jar, "run", *options]


def _prism(port: int, _: Path) -> list[str]:
    program = NPM / "node_modules" / ".bin" / "prism"
    if not program.exists():
        raise Unavailable("its npm package holds no program prism")
    return [str(program), "mock", "--port", str(port), "--verboseLevel", "error", str(Settings().contract)]


PEERS: Final = (
    SERVE._replace(answers=("JSON",), does="patched and journalled profile"),
    Candidate("WireMock", _wiremock, programs=("java",), does="canned profile, request log off", patches=False),
    Candidate("MockServer", _mockserver, programs=("java",), does="canned profile, log level WARN", patches=False),
    Candidate("Prism", _prism, programs=("node",), does="example of the contract, log level error", patches=False),
)


def install() -> None:
    """Install the packages with npm; raise Unavailable if that can't be done."""
    if shutil.which("npm") is None:
        raise Unavailable("npm is needed to install them: install Node.js")
    NPM.mkdir(exist_ok=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel", "error", "--prefix", str(NPM), *PACKAGES]
    machine.say("installing " + ", ".join(PACKAGES))
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
        raise Unavailable("npm could not install " + ", ".join(PACKAGES))


def main() -> int:
    """Install, measure, print, and write the page unless it was only a quick look."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a look; writes nothing")
    quick = parser.parse_args().quick
    try:
        install()
    except Unavailable as reason:
        print(reason, file=sys.stderr)
        return 2
    text = measure(rounds=1 if quick else 3, seconds=1 if quick else 2, warm_up_s=1 if quick else 5)
    print(text)
    if not quick:
        page.put("peers", text)
    return 0


def measure(rounds: int, seconds: int, warm_up_s: int) -> str:
    """Return the page's generated part."""
    other_work = machine.OtherWork()
    seen = throughput.measure(PEERS, rounds=rounds, seconds=seconds, warm_up_s=warm_up_s)
    loads = page.throughput_table(seen, PEERS, {SERVE.name: f"× {SERVE.name}"})
    return (
        f"`make bench-peers`: {machine.describe(other_work)}\n\n{loads}\n{page.left_out(seen.skipped)}\n{_sizes(seen)}"
    )


def _sizes(seen: Throughput) -> str:
    head = ["server", "start to first 200", "memory after all this"]
    rows = [
        [name, f"{seconds * 1000:,.0f} ms", f"{seen.rss_bytes[name] / 1e6:,.0f} MB"]
        for name, seconds in seen.start_up_s.items()
    ]
    return page.table(head, rows)


if __name__ == "__main__":
    sys.exit(main())
