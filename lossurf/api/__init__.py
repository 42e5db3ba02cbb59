"""The questions: one file a command, under the command's name, that the shell and Python call alike.

A question is one function of `Data`, or X and Y, and of a `Checkpoint`, or weights, where it is about one. Its result
is a frozen dataclass that holds every field of the document that `--format json` writes.
"""
