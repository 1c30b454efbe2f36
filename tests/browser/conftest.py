"""A real browser for the workbench: Chromium, driven by Playwright, started for the tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from mockserver.server.server import Server
from tests.browser.workbench import Workbench
from tools import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser


# No longer than the tests of this folder: while it is there, Playwright keeps an event loop running in this thread.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Where there is no Chromium the tests are skipped, on CI they fail."""
    path = chromium.installed()
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(chromium.MISSING)
    with chromium.started(path) as running:
        yield running


@pytest.fixture
def workbench(browser: Browser, serve_mock: Callable[..., Server]) -> Iterator[Callable[..., Workbench]]:
    """Serve a mock and return its workbench in a tab of its own; settings as keywords, options of the tab as `tab`."""
    with ExitStack() as stack:

        def start(tab: dict[str, Any] | None = None, **settings: Any) -> Workbench:
            server = serve_mock(auth="strict", **settings)
            context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **(tab or {})})
            context.set_default_timeout(15_000)
            stack.callback(context.close)
            bench = Workbench(context.new_page(), server)
            stack.callback(bench.must_be_quiet)
            return bench

        yield start
