"""A real browser for the workbench: Chromium, driven by Playwright, started for the tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest

from mockserver.server.server import Server
from tests.browser.workbench import Workbench
from tools import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

PATIENCE_MS = 30_000
WIDE: ViewportSize = {"width": 1440, "height": 900}


# No longer than the tests of this folder: while it is there, Playwright keeps an event loop running in this thread.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Where there is no Chromium the tests are skipped, on CI they fail."""
    path = chromium.installed()
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(chromium.MISSING)
    with chromium.started(path) as running:
        yield running


@pytest.fixture(scope="package")
def shared_tab(browser: Browser) -> Iterator[Page]:
    """One tab for most tests of this folder: a new one takes as long as many a test."""
    with closing(browser.new_context()) as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context.new_page()


@pytest.fixture
def clean_tab(shared_tab: Page) -> Iterator[Page]:
    """The tab, as good as new: what a server's page keeps, it keeps for that server's port alone."""
    shared_tab.set_viewport_size(WIDE)
    shared_tab.emulate_media(color_scheme="light")
    yield shared_tab
    shared_tab.goto("about:blank")


@pytest.fixture
def workbench(
    browser: Browser, clean_tab: Page, serve_mock: Callable[..., Server]
) -> Iterator[Callable[..., Workbench]]:
    """Serve a mock and return its workbench; settings as keywords, options of a tab of its own as `own`."""
    with ExitStack() as stack:

        def start(own: dict[str, Any] | None = None, **settings: Any) -> Workbench:
            server = serve_mock(auth="strict", **settings)
            page = clean_tab
            if own is not None:
                context = browser.new_context(viewport=WIDE, **own)
                context.set_default_timeout(PATIENCE_MS)
                stack.callback(context.close)
                page = context.new_page()
            return stack.enter_context(Workbench(page, server).watched())

        yield start
