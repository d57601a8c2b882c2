"""Frames in, estimates out: survival, Cox, competing risks, cutpoints and growth, for notebooks as for the assets.

Belongs here: the public names, listed in `__init__.pyi`, each loaded when it is first used.
Does not belong here: computation, Dagster, DuckDB, files.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
