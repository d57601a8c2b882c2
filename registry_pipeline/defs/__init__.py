"""All of Dagster: assets, checks, partitions, schedule, sensor, resources; nothing else.

Belongs here: thin shells around ``registry_pipeline/steps``, one file per concept.
Does not belong here: any work on records. No value of a record enters an event: metadata are counts,
rule ids and names of tables.
"""

import warnings

import dagster as dg

# BackfillPolicy is marked beta; the version of Dagster is pinned exactly, so nothing can change under us.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
