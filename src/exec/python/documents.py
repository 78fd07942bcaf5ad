"""What a function gets for a document, or a part of one: a dict or a list that records how it is used.

A `Dict` (dicts.py) is a dict and a `List` (lists.py) a list; each holds its own copy of the pointers of one container of the document
(`_raw`, which never changes), so that C code sees right values. Containers below are wrapped when they are first
reached, and put in the place of what they wrap. Nothing is recorded as it happens but what is needed to tell, at the end
of the call, what is written and what was read (`finish`), and to put everything back (`restore`): every call sees the
version as it was sent.

CPython looks for overridden methods wherever a dict or a list of another class is handed to it, since `__iter__` is
overridden there: `dict(d)`, `{**d}`, `f(**d)`, `list(x)`, `[*x]`, `",".join(x)`, `json`, `pickle`, `array`, unpacking. The
exceptions: json asks an empty dict for its size and `heapq` works on the list itself (see c_code.py), and a call by the base class (`list.__setitem__(x, 0, 1)`) goes past all that stands here, which `restore`
notices where the length differs, and in a short container that was reached by key or index in any case.

Knows nothing of the protocol.
"""

from .dicts import Dict, Leaves
from .lists import LeafList, List
from .record import PLAIN, Record, Unrecorded, spoken


class Document:
    """One version of a document, as a call sees it."""

    def __init__(self, name, raw, tracked):
        self.name = name
        self.tracked = tracked
        self.touched = []
        self.root = self.wrap(raw, None, None) if raw.__class__ in PLAIN else raw

    def wrap(self, raw, up, key):
        """What a call gets for a container, which stands in `up` under `key`."""
        if raw.__class__ is dict:
            made = dict.__new__(Dict if self.tracked or has_containers(raw.values()) else Leaves)
            dict.update(made, raw)
        else:
            made = list.__new__(List if self.tracked or has_containers(raw) else LeafList)
            list.extend(made, raw)
        made._document = self
        made._raw = raw
        made._up = up
        made._key = key
        made._fresh = None
        made._wrapped = False
        made._clear_record()
        return made

    def part(self, path):
        """What stands at a path."""
        value = self.root
        for step in path:
            value = value._reach(step)
        if isinstance(value, Record) and not value._begun:
            value._begin()
        return value

    def changes(self):
        """What the call changed, as (kind, path, value), those above first. Saying a value may be a read."""
        changes = []
        self.touched.sort(key=depth)
        for container in self.touched:
            if container._is_standing():
                container._changes(changes)
        return changes

    def reads(self):
        """The paths that the call read."""
        reads = []
        for container in self.touched:
            if container._acts():
                container._mark_active()
        for container in self.touched:
            if not container._is_told():
                container._reads(reads)
        return reads

    def has_empty(self):
        """Whether the call got hold of an empty dict."""
        reached = [self.root]
        for container in self.touched:
            reached.append(container)
            reached.extend(container._seen.values())
        return any(isinstance(value, Dict) and not dict.__len__(value) for value in reached)

    def restore(self):
        """Puts everything back. Raises if something had changed of which nothing is known."""
        touched, self.touched = self.touched, []
        lost = None
        for container in touched:
            if not container._restore():
                lost = container
        if lost is not None:
            place = spoken(self.name, lost._path())
            raise Unrecorded(
                "%s was changed in a way that cannot be recorded: use its own methods and operators" % place
            )


def depth(container):
    found = 0
    while container._up is not None:
        container = container._up
        found += 1
    return found


def has_containers(values):
    return any(value.__class__ in PLAIN for value in values)
