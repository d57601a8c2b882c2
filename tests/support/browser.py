"""Debian's Chromium, driven by Playwright; modules that need it skip by name where either is absent.

Belongs here: the flags, a browser for a module. Does not belong here: what pages must show.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def whole_module_needs_browser(name: str) -> None:
    """Skip a module of which every test drives a browser, once and by its name."""
    missing = [
        *(["Playwright"] if find_spec("playwright") is None else []),
        *([] if CHROMIUM else ["Chromium"]),
    ]
    if missing:
        pytest.skip(f"{name}: not installed: {', '.join(missing)}", allow_module_level=True)


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium, closed at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
