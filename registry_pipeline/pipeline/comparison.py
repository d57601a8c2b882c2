"""The earlier release that a refresh compares its own numbers with, and why it is that one.

Belongs here: choosing it. Does not belong here: what is compared (``quality.py``), comparing any two releases
(``study/compare/``).
"""

from __future__ import annotations

from dataclasses import dataclass

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.working_files import seen_digest
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.step import input_hash
from registry_pipeline.pipeline.step_keys import outdated_facilities
from registry_pipeline.store.integrity import damaged_files
from registry_pipeline.store.releases import DATABASE, current_release, open_release, release_ids


@dataclass(frozen=True)
class Comparison:
    """Which release is compared with.

    Attributes:
        release_id: None where there is none.
        damaged: newer releases that were passed over, because they are damaged, the newest first.
    """

    release_id: str | None
    damaged: tuple[str, ...] = ()

    @property
    def note(self) -> str | None:
        """Why it is not the release that it would be, in a sentence; None where it is."""
        if not self.damaged:
            return None
        chosen = f"release {self.release_id}" if self.release_id else "no release"
        are = "is" if len(self.damaged) == 1 else "are"
        return f"compared with {chosen}, for {', '.join(self.damaged)} {are} damaged"


def choose_comparison(context: RefreshContext) -> Comparison:
    """The newest whole release, from the served one back, that was made of other input.

    What is made of the same input again (forced, or by new code or settings) is compared with the same release as the
    first time: against itself it would show no change, and what was found between the deliveries would seem settled.

    Raises:
        StoreError: the system withholds one, which may be whole.
    """
    home, current = context.home, current_release(context.home)
    own = input_hash(context, outdated_facilities(context))
    damaged: list[str] = []
    for release_id in reversed(release_ids(home)):
        if current is None or release_id > current:
            continue
        if damaged_files(home, release_id, DATABASE, seen_digest):  # one that is withheld is not passed over
            damaged.append(release_id)
            continue
        try:
            with open_release(home, release_id) as connection:
                row = connection.execute("SELECT input_hash FROM meta.release").fetchone()
        except StoreError:
            damaged.append(release_id)
            continue
        if row != (own,):
            return Comparison(release_id, tuple(damaged))
    return Comparison(None, tuple(damaged))
