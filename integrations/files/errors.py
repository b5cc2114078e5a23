"""What is wrong with a file that somebody gave, said so that it can be mended."""


class BadFile(ValueError):
    """A file can't be understood; the message says where, what was found there and what would do. Nothing was stored."""
