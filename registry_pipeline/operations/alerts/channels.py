"""Ways to an operator: a command, a mail server, a webhook on this machine.

Belongs here: handing a message over, within bounds of time. Does not belong here: what it says, trying again.
"""

from __future__ import annotations

import json
import smtplib
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from typing import Any

from registry_pipeline.operations.alerts.alerts_file import AlertSettings, Smtp
from registry_pipeline.operations.alerts.raised import Alert

PATIENCE_SECONDS = 30


class NotSent(Exception):
    """A message that a channel did not take; says which channel and why, in a line."""


def send(settings: AlertSettings, alerts: Sequence[Alert]) -> int:
    """Hand alerts to every channel; gives how many channels there are.

    Raises:
        NotSent: a channel did not take them; the others have.
    """
    ways: list[tuple[str, Callable[[], object]]] = []
    if settings.command:
        ways.append(("command", lambda: _by_command(settings.command, alerts)))
    if (smtp := settings.smtp) is not None:
        ways.append(("smtp", lambda: _by_mail(smtp, alerts)))
    if (webhook := settings.webhook) is not None:
        ways.append(("webhook", lambda: _by_webhook(webhook, alerts)))
    problems = []
    for name, hand_over in ways:
        try:
            hand_over()
        except (OSError, subprocess.SubprocessError, smtplib.SMTPException) as problem:
            problems.append(f"{name} ({_reason(problem)})")
    if problems:
        raise NotSent(f"alerts were not taken by {', '.join(problems)}; they are tried again")
    return len(ways)


def _reason(problem: Exception) -> str:
    """Why a channel did not take a message: without what a server or a command said, which may repeat the message."""
    match problem:
        case subprocess.TimeoutExpired() | TimeoutError():
            return f"no answer within {PATIENCE_SECONDS} s"
        case subprocess.CalledProcessError():
            return f"exit code {problem.returncode}"
        case urllib.error.HTTPError():
            return f"HTTP status {problem.code}"
        case urllib.error.URLError() if isinstance(problem.reason, OSError):
            return _reason(problem.reason)
        case smtplib.SMTPResponseException():
            return f"SMTP status {problem.smtp_code}"
        case smtplib.SMTPRecipientsRefused():
            return "recipients refused"
        case _:
            return getattr(problem, "strerror", None) or type(problem).__name__


def message_of(alerts: Sequence[Alert]) -> tuple[str, str]:
    """Subject and text of a message."""
    subject = f"Registry: {alerts[0].subject}" + (f" and {len(alerts) - 1} more" if len(alerts) > 1 else "")
    return subject, "\n\n".join(alert.text for alert in alerts) + "\n"


def _by_command(command: Sequence[str], alerts: Sequence[Alert]) -> None:
    subject, text = message_of(alerts)
    subprocess.run(
        list(command), input=f"{subject}\n\n{text}".encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        timeout=PATIENCE_SECONDS, check=True,
    )  # fmt: skip


def _by_mail(smtp: Smtp, alerts: Sequence[Alert]) -> None:
    message = EmailMessage()
    message["Subject"], text = message_of(alerts)
    message["From"], message["To"] = smtp.sender, ", ".join(smtp.recipients)
    message.set_content(text)
    with smtplib.SMTP(smtp.host, smtp.port, timeout=PATIENCE_SECONDS) as server:
        if smtp.starttls:
            server.starttls(context=ssl.create_default_context())
        server.send_message(message)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """A webhook on this machine does not send messages elsewhere."""


def _by_webhook(address: str, alerts: Sequence[Alert]) -> None:
    subject, _ = message_of(alerts)
    content = {
        "subject": subject,
        "alerts": [{"subject": alert.subject, "text": alert.text} for alert in alerts],
    }
    request = urllib.request.Request(
        address, json.dumps(content).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    with opener.open(request, timeout=PATIENCE_SECONDS):
        pass
