"""Mutation of rules: does some test fail when a comparison in a rule is turned round?

``python -m tests.mutation`` prints the score and every mutant that survived.
"""
