"""A release as tables of the OMOP Common Data Model, version 5.4.

Source: https://ohdsi.github.io/CommonDataModel/cdm54.html; episodes as in its oncology extension.

Belongs here: which concepts stand for our codes, writing the tables, what was left out.
Does not belong here: what each table holds (``sql/exports/omop/``).
"""
