"""The mock on its own server, every request through Flask: the door for the hot route is left out."""

from __future__ import annotations

import sys

from mockserver.server.server import Server
from mockserver.service.assembly import assemble
from mockserver.settings import Settings
from mockserver.web.app import create_app

if __name__ == "__main__":
    Server(create_app(assemble(Settings()), fast=False), port=int(sys.argv[1])).serve()
