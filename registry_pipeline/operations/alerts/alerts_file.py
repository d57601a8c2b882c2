"""alerts.toml: what is told, and to whom.

Belongs here: reading and refusing the file. It is apart from registry.toml, whose every setting makes another release.

    [when]
    refused = true             # a refresh that was refused or failed
    new_errors = 10            # more errors than this that the release before did not show
    silent = true              # a facility silent for longer than silent_after_days of its mapping
    [headline]                 # largest change of a headline number, in its unit (result.bounds.headline)
    os_36_overall = 5
    [send]
    command = ["/usr/local/bin/notify"]           # the message is its input
    webhook = "http://127.0.0.1:8080/alerts"      # on this machine only
      [send.smtp]
      host = "localhost"
      port = 25
      sender = "registry@example.org"
      recipients = ["operator@example.org"]
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from registry_pipeline.core.home import Home
from registry_pipeline.core.toml_section import Section
from registry_pipeline.core.toml_source import read_toml

FILE = "alerts.toml"


@dataclass(frozen=True)
class Smtp:
    """A mail server that takes messages from this machine without a login."""

    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    starttls: bool = False


@dataclass(frozen=True)
class AlertSettings:
    """What is told, and to whom.

    Attributes:
        refused, silent: whether these are told.
        new_errors: more new errors than this are told; None: never.
        headlines: headline number -> largest change that is not told.
        command: program and arguments; the message is its input.
        webhook: address on this machine that takes JSON.
    """

    refused: bool = True
    silent: bool = True
    new_errors: int | None = None
    headlines: Mapping[str, float] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    webhook: str | None = None
    smtp: Smtp | None = None


def read_alert_settings(home: Home) -> AlertSettings | None:
    """alerts.toml of a home; None where there is none.

    Raises:
        ConfigurationError: naming the line and what to write instead.
    """
    path = home.root / FILE
    if not path.is_file():
        return None
    toml = read_toml(path)
    section = Section(toml, (), toml.data, FILE)
    section.refuse_unknown(("when", "headline", "send"))
    when, send = section.section("when"), section.section("send")
    when.refuse_unknown(("refused", "new_errors", "silent"))
    send.refuse_unknown(("command", "webhook", "smtp"))
    return AlertSettings(
        refused=when.flag("refused") is not False,
        silent=when.flag("silent") is not False,
        new_errors=when.count("new_errors") if when.has("new_errors") else None,
        headlines=_limits(section.section("headline")),
        command=send.texts("command"),
        webhook=_webhook(send),
        smtp=_smtp(send.section("smtp", "[send.smtp]")) if send.has("smtp") else None,
    )


def _limits(section: Section) -> dict[str, float]:
    for name, value in section.data.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise section.error(f"'{name}' must be the largest change that is not told, such as 5", name)
    return {name: float(value) for name, value in section.data.items()}


def _webhook(section: Section) -> str | None:
    address = section.optional_text("webhook")
    if address is not None and not _is_loopback(address):
        raise section.error(
            "a webhook is on this machine: write http://127.0.0.1:PORT/…; for others use command", "webhook"
        )
    return address


def _is_loopback(address: str) -> bool:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        return parts.scheme in ("http", "https") and (
            host == "localhost" or ipaddress.ip_address(host).is_loopback
        )
    except ValueError:
        return False


def _smtp(section: Section) -> Smtp:
    section.refuse_unknown(("host", "port", "sender", "recipients", "starttls"))
    recipients = section.texts("recipients")
    addresses = (*recipients, section.text("sender"))
    if not recipients or any(
        "@" not in address or any(mark in address for mark in "\r\n") for address in addresses
    ):
        raise section.error('sender and recipients are mail addresses: recipients = ["operator@example.org"]')
    port = section.count("port", 25)
    return Smtp(
        section.text("host", "localhost"), port, addresses[-1], recipients, section.flag("starttls") is True
    )
