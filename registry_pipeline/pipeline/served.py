"""Whether the served release is made of just what there is now.

Belongs here: the comparison that lets a refresh end at once. Imports next to nothing, so that a refresh
with nothing new costs next to nothing. Does not belong here: making a release (``publication.py``).
"""

from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.step import code_version, input_hash
from registry_pipeline.store.releases import current_release, open_release


def is_up_to_date(home: Home) -> bool:
    """Whether the served release was made from just this input, these settings and this code."""
    if current_release(home) is None:
        return False
    with open_release(home) as connection:
        row = connection.execute(
            "SELECT code_version, parameter_hash, input_hash FROM meta.release"
        ).fetchone()
    return row == (code_version(), home.settings().digest(), input_hash(home, home.facility_ids()))
