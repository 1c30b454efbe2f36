"""Build the wheel, install it into an environment of its own, and let it serve and verify the demo. Run as a script."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM

from tests.ci.jobs import GITHUB, GITLAB, run_job, set_target

Command = tuple[str | Path, ...]
ROOT = Path(__file__).parent.parent
UV = Path(sys.executable).parent / "uv"
UVX = (UV, "tool", "run")
# Those that the package says it is for, and the next.
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
LONGEST_START_S = 60


def run(*words: str | Path, **options: object) -> str:
    done = subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    return str(done.stdout)


def build(folder: Path) -> Path:
    """Build the sdist, and the wheel from it, so that what is tested can be built by others too."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path) -> Path:
    run(UV, "venv", "--python", sys.executable, folder)
    install = (UV, "pip", "install", "--python", folder / "bin" / "python", "--no-deps")
    run(*install, "--require-hashes", "-r", ROOT / "requirements.lock")
    run(*install, wheel)
    return folder / "bin" / "mockserver"


def wait_for(path: Path, process: subprocess.Popen[str]) -> dict[str, str]:
    """Return what the ready file says, once the server has printed its first line, which comes after it."""
    assert process.stdout is not None
    giving_up = threading.Timer(LONGEST_START_S, process.kill)
    giving_up.start()
    started = process.stdout.readline()
    giving_up.cancel()
    if not started:
        raise SystemExit(f"the installed server did not start:\n{process.communicate()[1]}")
    ready: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return ready


def patch(url: str, header: str | None, ca: str | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(
        f"{url}/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417",
        data=b'[{"op": "replace", "path": "/CustomerType", "value": "Prospect"}]',
        method="PATCH",
        headers={"Content-Type": "application/json-patch+json", **({"Authorization": header} if header else {})},
    )
    try:
        trust = ssl.create_default_context(cafile=ca) if ca else None
        with urllib.request.urlopen(request, timeout=10, context=trust) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read()


@contextmanager
def serving(command: Command, folder: Path, *flags: str) -> Iterator[dict[str, str]]:
    """Serve from a folder that holds nothing of ours, and hand over what the ready file says."""
    ready_file = folder / "ready.json"
    process = subprocess.Popen(
        [*map(str, command), "serve", "--port", "0", "--ready-file", str(ready_file), *flags],
        cwd=folder, env=clean(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        ready = wait_for(ready_file, process)
        assert ready_file.stat().st_mode & 0o777 == 0o600
        yield ready
    finally:
        os.kill(json.loads(ready_file.read_text("utf-8"))["pid"] if ready_file.exists() else process.pid, SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0, errors
    assert not ready_file.exists()


def clean(folder: Path) -> dict[str, str]:
    """Return an environment that knows nothing of this checkout, nor of this user's CA."""
    ours = ("PYTHONPATH", "COVERAGE_PROCESS_START", "VIRTUAL_ENV")
    return {key: value for key, value in os.environ.items() if key not in ours} | {"XDG_STATE_HOME": str(folder)}


def check(command: Command, folder: Path, *flags: str) -> None:
    """The first request is answered as README says, and one without a signature is refused."""
    with serving(command, folder, *flags) as ready:
        url, ca = ready["url"], ready.get("ca")
        assert patch(url, None, ca) == (401, b'{"Message":"Missing Authorization Header"}')
        header = run(*command, "sign", cwd=folder, env=clean(folder)).strip()
        status, body = patch(url, header, ca)
        assert (status, json.loads(body)["CustomerType"]) == (200, "Prospect")


def check_what_is_packed(command: Path, folder: Path) -> None:
    """The workbench, the demo and the rules are in the wheel."""
    page = ROOT / "mockserver" / "web" / "workbench" / "app.js"
    with serving((command,), folder) as ready, urllib.request.urlopen(f"{ready['url']}/__admin/ui/app.js") as answer:
        assert answer.read() == page.read_bytes()
    run(command, "check", cwd=folder, env=clean(folder))
    run(command, "verify", "--only", "empty-patch", "--html", "page.html", cwd=folder, env=clean(folder))
    assert "<h1>Verification of mock</h1>" in (folder / "page.html").read_text(encoding="utf-8")


def check_without_installing(wheel: Path, folder: Path) -> None:
    """From the wheel alone to the first signed answer: by uvx with each Python here, by pipx; http and https."""
    tools: dict[str, Command] = {"pipx": (*UVX, "--python", sys.executable, "pipx", "run", "--spec")}
    for version in VERSIONS:
        found = subprocess.run([UV, "python", "find", version], capture_output=True, text=True, check=False)
        if found.returncode == 0:
            tools[f"uvx with Python {version}"] = (*UVX, "--python", found.stdout.strip(), "--from")
        else:
            print(f"Python {version} is not here, so nothing was tried with it")
    for name, tool in tools.items():
        told = run(*tool, wheel, "mockserver", "--version", cwd=folder, env=clean(folder))
        assert told.split()[1] == wheel.name.split("-")[1]
        for extra, flags in {"": (), "[tls]": ("--tls",)}.items():
            start = time.monotonic()
            check((*tool, f"{wheel}{extra}", "mockserver"), folder, *flags)
            print(f"{name}{extra}: the first signed answer after {time.monotonic() - start:.0f} s")


def check_ci(wheel: Path, folder: Path) -> None:
    """The jobs for GitHub and GitLab run as they stand in a folder of `init` with the wheel beside it."""
    command = (*UVX, "--python", sys.executable, "--from", wheel, "mockserver")
    run(*command, "init", folder)
    shutil.copy(wheel, folder)
    venv.create(folder / "environment", with_pip=True)
    path = f"{folder}/environment/bin{os.pathsep}{os.environ['PATH']}"
    variables = {**clean(folder), "PATH": path, "TARGET": "sandbox", "SANDBOX_SECRET": "for-tests-only"}
    with serving(command, folder, "--fixtures", "fixtures") as ready:
        set_target(folder, ready["url"])
        for host, jobs in (("GitHub", GITHUB), ("GitLab", GITLAB)):
            for name, job in jobs.items():
                start = time.monotonic()
                code, told = run_job(job, folder, **variables)
                assert code == 0, told
                print(f"{host}, job {name}: green after {time.monotonic() - start:.0f} s")


def main() -> None:
    """With a folder, leave sdist and wheel there, and do what asks the package index too: uvx, pipx, the jobs of CI."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = Path(sys.argv[1]).absolute() if sys.argv[1:] else None
        wheel = build(kept or folder / "dist")
        print(f"built {wheel.name}, from the sdist")
        (folder / "empty").mkdir()
        command = install(wheel, folder / "environment")
        check((command,), folder / "empty")
        check_what_is_packed(command, folder / "empty")
        print("the installed wheel serves the demo")
        if kept is not None:
            run(*UVX, "twine", "check", "--strict", *kept.iterdir())
            check_without_installing(wheel, folder / "empty")
            check_ci(wheel, folder / "ci")


if __name__ == "__main__":
    main()
