"""The scripts and the style of the page, by their hashes.

Belongs here: which files are served and how a browser recognises them. Does not belong here: routes.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
STATIC = {"htmx.min.js": "text/javascript", "desk.js": "text/javascript", "desk.css": "text/css"}
"""File -> its kind."""


@cache
def integrity(name: str) -> str:
    """The hash of a file, as ``integrity`` attributes and a Content-Security-Policy write it."""
    digest = hashlib.sha256((FOLDER / name).read_bytes()).digest()
    return "sha256-" + base64.b64encode(digest).decode()


@cache
def address(name: str) -> str:
    """Where a file is served; another content has another address."""
    return f"/static/{name}?v={hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:8]}"


@cache
def content_security_policy() -> str:
    """Only our scripts and styles, by origin and hash; nothing inline, no other host, no frame."""
    scripts = " ".join(f"'{integrity(name)}'" for name, kind in STATIC.items() if kind == "text/javascript")
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' '{integrity('desk.css')}'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
