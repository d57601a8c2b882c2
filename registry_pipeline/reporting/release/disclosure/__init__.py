"""The one gate for small counts: every frame that a page is made of comes through `gate.py`.

Belongs here: what of a release may be shown where small counts are hidden, and how it is found.
Does not belong here: sentences, tables and figures of a page. No section has a threshold of its own.
"""
