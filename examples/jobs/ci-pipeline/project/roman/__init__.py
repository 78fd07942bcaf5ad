"""Roman numerals: to and from integers."""

from .convert import from_roman, to_roman

__version__ = "1.1.0"
__all__ = ["from_roman", "to_roman"]
