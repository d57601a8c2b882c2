"""The course of a disease as states that patients are in and move between."""
