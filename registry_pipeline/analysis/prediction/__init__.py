"""Absolute risk: survival that a Cox model predicts, and how well it does."""
