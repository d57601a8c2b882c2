"""Facilities staged and screened by Celery's workers: Dagster's executor for it, the job, the worker.

Belongs here: everything that speaks to a broker. Does not belong here: what workers go by and do
(``pipeline/cluster``). Its modules need the extra ``registry-pipeline[cluster]`` and are imported where it is asked for.
"""
