"""Telling each alert once.

Belongs here: what has been told, telling the rest. Does not belong here: what there is to tell, the channels.
"""

from __future__ import annotations

import json

from registry_pipeline.core.files import disk_errors_as_store_error, write_json
from registry_pipeline.core.home import Home
from registry_pipeline.operations.alerts.alerts_file import read_alert_settings
from registry_pipeline.operations.alerts.channels import send
from registry_pipeline.operations.alerts.raised import Alert, raised_alerts

TOLD = "alerts_told.json"


def tell_alerts(home: Home) -> list[Alert]:
    """Tell what has not been told yet; gives what was. Does nothing without alerts.toml or a channel in it.

    An alert whose cause has gone may be told again when it comes back.

    Raises:
        ConfigurationError: alerts.toml is wrong.
        NotSent: a channel did not take the alerts; they are tried again the next time.
        StoreError: the disk is full, or something of the home cannot be read.
    """
    settings = read_alert_settings(home)
    if settings is None:
        return []
    raised, already_told = raised_alerts(home, settings), _told(home)
    new = [alert for alert in raised if alert.key not in already_told]
    if new and not send(settings, new):
        return []
    with disk_errors_as_store_error(home.root / TOLD):
        write_json(sorted(alert.key for alert in raised), home.root / TOLD)
    return new


def _told(home: Home) -> set[str]:
    try:
        return set(json.loads((home.root / TOLD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return set()
