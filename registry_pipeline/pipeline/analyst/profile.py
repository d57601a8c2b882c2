"""By what records are de-identified: the key of a profile, and the expressions that it gives.

Belongs here: pseudonyms and offsets as SQL. Does not belong here: which column gets which (``treatment.py``).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from registry_pipeline.core.settings import Analyst
from registry_pipeline.pipeline.context import RefreshContext
from schemas.constraints import literal

if TYPE_CHECKING:
    import duckdb

KEY = "profile_key"
"""Variable of a connection that holds the key: no statement, and so no message of an error, quotes it."""
DAYS_PER_WEEK = 7


@dataclass(frozen=True)
class Profile:
    """How a release is de-identified.

    Attributes:
        settings: the section [analyst] of registry.toml.
        key: of this profile, made of the home's key and the profile's name.
        extract_date: end of observation. A date on it would give a patient's offset away, for its day is known.
    """

    settings: Analyst
    key: str
    extract_date: date

    def apply_key(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let the expressions of this profile be computed on a connection."""
        connection.execute(f"SET VARIABLE {KEY} = {literal(self.key)}")

    def key_digest(self) -> str:
        """What tells one key from another and says nothing of it."""
        return hashlib.sha256(self.key.encode()).hexdigest()

    @staticmethod
    def digest(kind: str, expression: str) -> str:
        """SQL of a keyed hash of a text, 64 hexadecimal digits; kinds of things have hashes of their own.

        The key is of one length and the hash is used in part only, so the plain prefix is a sound keyed hash.
        """
        return f"sha256(getvariable('{KEY}') || {literal(kind + ' ')} || {expression})"

    def pseudonym(self, kind: str, expression: str, prefix: str, n_digits: int = 16) -> str:
        """SQL of a text that stands for another one in this profile; NULL stays NULL."""
        return f"{literal(prefix)} || left({self.digest(kind, expression)}, {n_digits})"

    def study_id(self, patient_id: str) -> str:
        """SQL of the random study id of a patient."""
        return self.pseudonym("patient", patient_id, "S")

    def record(self, key: str, expression: str) -> str:
        """SQL of the pseudonym of a record, by the name of its key."""
        return self.pseudonym(key, expression, key[0].upper())

    def facility(self, expression: str) -> str:
        """SQL of the pseudonym of a facility."""
        return self.pseudonym("facility", expression, "F", 8)

    def offset_days(self, patient_id: str) -> str:
        """SQL of the days by which a patient's dates are moved: whole weeks, never none."""
        most = self.settings.shift_weeks
        draw = f"CAST('0x' || left({self.digest('offset', patient_id)}, 8) AS BIGINT) % {2 * most}"
        return (
            f"{DAYS_PER_WEEK} * (CASE WHEN {draw} < {most} THEN {draw} - {most} ELSE {draw} - {most} + 1 END)"
        )


def profile_of(context: RefreshContext) -> Profile:
    """The profile that registry.toml names, with its key.

    Raises:
        ConfigurationError: the key of the home is missing.
    """
    settings = context.settings.analyst
    name = f"registry-pipeline: analyst profile {settings.profile}".encode()
    key = hmac.new(context.home.key(), name, hashlib.sha256).hexdigest()
    return Profile(settings, key, context.extract_date())
