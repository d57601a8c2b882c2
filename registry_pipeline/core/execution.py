"""The section [execution] of registry.toml: where facilities are staged and screened.

Belongs here: its keys, what an address may be. Does not belong here: other sections (``core/settings.py``), reading the
file (``core/settings_file.py``).
"""

import re
from dataclasses import dataclass
from string import Template
from urllib.parse import urlsplit

from registry_pipeline.core.parameter import parameter


def is_broker(value: str) -> bool:
    """Whether a text is the address of a broker of messages, without its password; an empty text is none yet."""
    return not value or _is_address(value, {"amqp", "amqps", "pyamqp", "redis", "rediss"})


def is_backend(value: str) -> bool:
    """Whether a text is the address where results of tasks are kept, without its password; an empty text is none yet.

    Not ``rpc``: its results die with whoever asked for them, and two cannot ask for the same one.
    """
    return not value or _is_address(value, {"redis", "rediss", "db+postgresql+psycopg2"})


def _is_address(value: str, schemes: set[str]) -> bool:
    """A password may only be named: registry.toml is kept with every release."""
    try:
        parts = urlsplit(value)
        secret, _ = parts.password, parts.port
    except ValueError:
        return False
    is_named = secret is None or re.fullmatch(r"\$\{[A-Z_][A-Z0-9_]*\}", secret) is not None
    is_filled_in = Template(value).is_valid() and not re.search(r"\s", value)
    return parts.scheme in schemes and bool(parts.hostname) and is_named and is_filled_in


@dataclass(frozen=True)
class Execution:
    """Where facilities are staged and screened. It changes no result: it stands neither in a release nor in a hash."""

    engine: str = parameter(
        "embedded",
        "embedded: in one process. celery: by workers on any number of machines that share this home (docs/cluster.md).",
        choices=("embedded", "celery"),
    )
    broker: str = parameter(
        "",
        "Address of RabbitMQ or Redis; a password is the name of a variable of the environment.",
        form=(is_broker, 'such as "amqp://registry:${BROKER_PASSWORD}@broker.example.org:5672//"'),
    )
    backend: str = parameter(
        "",
        "Where results of tasks are kept: PostgreSQL or Redis.",
        form=(
            is_backend,
            'such as "db+postgresql+psycopg2://registry:${PG_PASSWORD}@db.example.org/dagster"; never rpc://',
        ),
    )
    workers: int = parameter(2, "Processes of all workers together; each gets about four batches.", minimum=1)
    batch_seconds: int = parameter(
        14_400, "Longest work on a batch of facilities; then it has failed.", minimum=1
    )
    lease_seconds: int = parameter(
        60, "Workers stop when a refresh was not heard of for this long.", minimum=5
    )
    patience_seconds: int = parameter(
        300, "A refresh fails when nobody worked for it for this long.", minimum=5
    )
