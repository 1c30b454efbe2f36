"""Make the client of docs/typed-clients.md from a running mock, compile the page's program, and run it. Needs npm."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from mockserver.commands.running import make_server
from mockserver.service.assembly import assemble
from mockserver.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "typed-clients.md"
URL = "http://127.0.0.1:8080"
OPTIONS = {"target": "es2022", "module": "nodenext", "strict": True, "types": []}
# Each is a mistake that types are there to find.
MISTAKES = (
    'await mock.GET("/__admin/request");',
    'await mock.POST("/__admin/faults", { body: { text: 503 } });',
    'await mock.PUT("/__admin/clock", { body: { advance: "60" } });',
    'console.log((await mock.GET("/__admin/health")).data?.uptime);',
)
_LONGEST_S = 600


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command there, whatever comes of it."""
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=_LONGEST_S, check=False)


def needed(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a command printed; leave with its words if it failed."""
    if done.returncode:
        sys.exit(f"{' '.join(done.args)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def prepare(folder: Path, url: str) -> None:
    """Install what is pinned, and make the client from the document that the mock serves."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(Path(__file__).parent / name, folder)
    needed(run(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"))
    with urllib.request.urlopen(f"{url}/__admin/openapi.json", timeout=10) as answer:
        (folder / "openapi.json").write_bytes(answer.read())
    needed(run(folder, "npx", "openapi-typescript", "openapi.json", "--output", "control-surface.d.ts"))


def compiled(folder: Path, name: str, program: str) -> subprocess.CompletedProcess[str]:
    """Compile a program to JavaScript beside it."""
    (folder / f"{name}.ts").write_text(program, encoding="utf-8")
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS, "files": [f"{name}.ts"]}), "utf-8")
    return run(folder, "npx", "tsc", "--project", "tsconfig.json")


def main() -> None:
    """Leave with the first thing that is not as the page says."""
    program, expected = re.findall(r"```ts\n(.*?)```\n```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)[0]
    with tempfile.TemporaryDirectory() as name, make_server(assemble(Settings(log="off", port=0))) as server:
        folder = Path(name)
        prepare(folder, server.url)
        needed(compiled(folder, "use", program.replace(URL, server.url)))
        if (told := needed(run(folder, "node", "use.js"))) != expected:
            sys.exit(f"the program of {PAGE.name} printed\n{told}and not\n{expected}")
        for mistake in MISTAKES:
            if compiled(folder, "mistake", f"{program}\n{mistake}\n").returncode == 0:
                sys.exit(f"this compiles, and should not: {mistake}")
    print("a TypeScript client of the control surface is made, compiled and used; wrong calls don't compile")


if __name__ == "__main__":
    main()
