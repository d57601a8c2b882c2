"""What this study asks, as objects: endpoints, origins of time, groupings and covariates, its numbers.

Belongs here: every name that a mart, an estimate or a page knows an endpoint, an origin or a variable by, with its
label, levels and role; all of them are to be had from here. A new one is entered here and in the SQL of its mart.
Does not belong here: tables (``mart/``), estimates, any sentence of a page.
"""

from schemas.study.endpoints import *  # noqa: F403 (every name is to be had from here)
from schemas.study.measures import *  # noqa: F403
from schemas.study.variables import *  # noqa: F403
