"""Registries of known truth: do intervals cover it, do tests err as often as they say?"""
