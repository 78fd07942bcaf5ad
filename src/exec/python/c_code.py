"""C code that looks at a dict or changes a list of a document past its methods, taught to go by them: json and heapq."""

import sys

from .dicts import Dict
from .record import Record


def watch_json(documents):
    """json looks at an empty dict's size without asking it. `documents` are those of the call that runs."""
    import json.encoder

    make = json.encoder.c_make_encoder
    if make is None:
        return

    def made(*args):
        encode = make(*args)

        def noted(value, level):
            if any(document.has_empty() for document in documents):
                note_empties(value, set())
            return encode(value, level)

        return noted

    json.encoder.c_make_encoder = made


def note_empties(value, known):
    """All empty dicts of documents in a value are read."""
    if isinstance(value, Record):
        if isinstance(value, Dict) and not dict.__len__(value):
            value._note_all()
    elif isinstance(value, (dict, list, tuple)) and id(value) not in known:
        known.add(id(value))
        for item in value.values() if isinstance(value, dict) else value:
            note_empties(item, known)


def watch_heapq():
    """heapq in C changes the list itself. Its own Python functions, which it replaces, go by methods."""
    import heapq

    slow = type(heapq)("heapq")
    slow.__spec__ = heapq.__spec__
    held = sys.modules.get("_heapq")
    sys.modules["_heapq"] = None
    try:
        slow.__spec__.loader.exec_module(slow)
    finally:
        if held is None:
            del sys.modules["_heapq"]
        else:
            sys.modules["_heapq"] = held
    for name in ("heappush", "heappop", "heapreplace", "heappushpop", "heapify"):
        setattr(heapq, name, choosing(getattr(heapq, name), getattr(slow, name)))


def choosing(fast, slow):
    def chosen(heap, *args):
        return (slow if isinstance(heap, Record) else fast)(heap, *args)

    chosen.__name__ = fast.__name__
    chosen.__doc__ = fast.__doc__
    return chosen
