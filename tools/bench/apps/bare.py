"""The smallest Flask application that answers the PATCH, on Werkzeug's server: what starting Flask costs at least."""

from __future__ import annotations

import sys

from flask import Flask

app = Flask(__name__)


@app.patch("/<path:anything>")
def patch(anything: str) -> dict[str, str]:
    """Answer `{}`."""
    return {}


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]))
