"""Build the wheel, install it into an environment of its own, and let it serve and verify the demo. Run as a script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
LONGEST_START_S = 30


def run(*words: str | Path, **options: object) -> str:
    done = subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    return str(done.stdout)


def build(folder: Path) -> Path:
    """Build the sdist, and the wheel from it, so that what is tested can be built by others too."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path) -> Path:
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "--no-deps", "-r", ROOT / "requirements.lock")
    run(*pip, "--no-deps", wheel)
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


def patch(url: str, header: str | None) -> tuple[int, bytes]:
    request = urllib.request.Request(
        f"{url}/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417",
        data=b'[{"op": "replace", "path": "/CustomerType", "value": "Prospect"}]',
        method="PATCH",
        headers={"Content-Type": "application/json-patch+json", **({"Authorization": header} if header else {})},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read()


def check(command: Path, folder: Path) -> None:
    """The installed server serves the demo, from a folder that holds nothing of ours."""
    environment = {
        key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "COVERAGE_PROCESS_START")
    }
    ready_file = folder / "ready.json"
    process = subprocess.Popen(
        [str(command), "serve", "--port", "0", "--ready-file", str(ready_file)],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        url = wait_for(ready_file, process)["url"]
        assert ready_file.stat().st_mode & 0o777 == 0o600
        assert patch(url, None) == (401, b'{"Message":"Missing Authorization Header"}')
        header = run(command, "sign", cwd=folder, env=environment).strip()
        status, body = patch(url, header)
        assert (status, json.loads(body)["CustomerType"]) == (200, "Prospect")
        with urllib.request.urlopen(f"{url}/__admin/ui/app.js", timeout=10) as answer:
            assert answer.read() == (ROOT / "mockserver" / "web" / "workbench" / "app.js").read_bytes()
        run(command, "check", cwd=folder, env=environment)
        run(command, "verify", "--only", "empty-patch", "--html", "page.html", cwd=folder, env=environment)
        assert "<h1>Verification of mock</h1>" in (folder / "page.html").read_text(encoding="utf-8")
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0, errors
    assert not ready_file.exists()


def check_without_installing(wheel: Path, folder: Path) -> None:
    """The wheel alone, as uvx runs it, says its one version, makes a CA and tries https with it."""
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    uvx = (Path(sys.executable).parent / "uv", "tool", "run", "--python", sys.executable, "--from")
    told = run(*uvx, wheel, "mockserver", "--version", cwd=folder, env=environment)
    assert told.split()[1] == wheel.name.split("-")[1]
    told = run(*uvx, f"{wheel}[tls]", "mockserver", "doctor", "--tls", "--port", "0", cwd=folder, env=environment)
    assert "a handshake succeeds" in told


def main() -> None:
    """With a folder, leave sdist and wheel there, and run the wheel by uvx too, which asks the package index."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = Path(sys.argv[1]).absolute() if sys.argv[1:] else None
        wheel = build(kept or folder / "dist")
        print(f"built {wheel.name}, from the sdist")
        if kept is not None:
            check_without_installing(wheel, folder)
            print("uvx runs it, over https too")
        command = install(wheel, folder / "environment")
        (folder / "empty").mkdir()
        check(command, folder / "empty")
        print("the installed wheel serves the demo")


if __name__ == "__main__":
    main()
