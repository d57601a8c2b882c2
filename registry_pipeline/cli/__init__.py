"""The ``registry`` command: options, output and exit codes.

Belongs here: click commands, thin.
Does not belong here: what a command does; that is a function of another room.
"""
