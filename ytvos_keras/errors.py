"""The one exception class that callers may want to catch."""


class InputError(ValueError):
    """Something that the user gave cannot be used.

    The message is one line: what is wrong, where, and what to do. Commands print it and exit 1.
    """
