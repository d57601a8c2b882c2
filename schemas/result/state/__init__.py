"""The course of the disease as states."""
