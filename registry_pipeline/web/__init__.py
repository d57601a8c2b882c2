"""The data manager's page: routes and templates, nothing else.

Belongs here: which address shows what, forms, templates, the script and the style of the page.
Does not belong here: what is shown and done (``stewardship/``), who may talk to the page (``core/web_security.py``).
"""
