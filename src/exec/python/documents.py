"""What a function gets for a document, or a part of one: a dict or a list that records how it is used.

A `Dict` is a dict and a `List` a list; each holds its own copy of the pointers of one container of the document
(`_raw`, which never changes), so that C code sees right values. Containers below are wrapped when they are first
reached, and put in the place of what they wrap. Nothing is recorded as it happens but what is needed to tell, at the end
of the call, what is written and what was read (`finish`), and to put everything back (`restore`): every call sees the
version as it was sent.

CPython looks for overridden methods wherever a dict or a list of another class is handed to it, since `__iter__` is
overridden here: `dict(d)`, `{**d}`, `f(**d)`, `list(x)`, `[*x]`, `",".join(x)`, `json`, `pickle`, `array`, unpacking. The
exceptions: json asks an empty dict for its size (see `watch_json`), `heapq` works on the list itself (see
`watch_heapq`), and a call by the base class (`list.__setitem__(x, 0, 1)`) goes past all that stands here, which `restore`
notices where the length differs, and in a short container that was reached by key or index in any case.

Knows nothing of the protocol.
"""

import sys
from operator import index as as_index

from .say import Unsayable, native

MISSING = object()
PLAIN = (dict, list)

# containers up to this length are compared item by item after a call
SHORT = 256


class Unrecorded(Unsayable):
    """A change that could not be recorded."""


def key_text(key):
    """A key as the document has it: numbers and booleans are taken as their text."""
    if key is True:
        return "true"
    if key is False:
        return "false"
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, int):
        return int.__repr__(key)
    if isinstance(key, float) and key - key == 0:
        return float.__repr__(key)
    found = native(key)
    return key if found is key else key_text(found)


def checked_key(key):
    key = key_text(key)
    if key.__class__ is not str:
        raise TypeError("a key of a document is a text, a number or a boolean, not %s" % type(key).__name__)
    return key


def position(at):
    # raises as a list does
    return [].__getitem__(at) if not hasattr(at, "__index__") else as_index(at)


class Document:
    """One version of a document, as a call sees it."""

    def __init__(self, name, raw, tracked):
        self.name = name
        self.tracked = tracked
        self.touched = []
        self.root = wrap(raw, self, None, None) if raw.__class__ in PLAIN else raw

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


def spoken(name, path):
    """A place as Python writes it."""
    return name + "".join("[%s]" % (step if step.__class__ is int else '"%s"' % step) for step in path)


def wrap(raw, document, up, key):
    if raw.__class__ is dict:
        made = dict.__new__(Dict if document.tracked or has_containers(raw.values()) else Leaves)
        dict.update(made, raw)
    else:
        made = list.__new__(List if document.tracked or has_containers(raw) else LeafList)
        list.extend(made, raw)
    made._document = document
    made._raw = raw
    made._up = up
    made._key = key
    made._fresh = None
    made._wrapped = False
    made._clear_record()
    return made


def has_containers(values):
    return any(value.__class__ in PLAIN for value in values)


def plain(value, known=None):
    """A copy that shares nothing with a document and has nothing of ours in it."""
    known = {} if known is None else known
    if id(value) in known:
        return known[id(value)]
    if isinstance(value, dict) and value.__class__ in (Dict, Leaves, dict):
        made = known[id(value)] = {}
        for key, item in dict.items(value):
            made[key] = plain(item, known)
        return made
    if isinstance(value, list) and value.__class__ in (List, LeafList, list):
        made = known[id(value)] = []
        made.extend(plain(item, known) for item in list.__iter__(value))
        return made
    return value


class Record:
    """What `Dict` and `List` share. The record of a call:

    `_begun`: it stands in the document's list of touched containers. `_deep`: all of it was read. `_seen`: members that
    were read, with the container that was reached, or None. `_written`: members that were written, with what stood there.
    `_whole`: it was changed otherwise, and is written as one. `_active`: something below was read or written.
    """

    __slots__ = ()

    def _clear_record(self):
        self._begun = self._deep = self._whole = self._active = False
        self._seen = self._written = None

    def _begin(self):
        self._begun = True
        self._seen = {}
        self._written = {}
        self._document.touched.append(self)

    def _note(self, key, reached=None):
        if not self._begun:
            self._begin()
        if not self._whole and key not in self._written:
            self._seen[key] = reached
        if reached is not None and not reached._begun:
            reached._begin()

    def _note_all(self):
        """All of it is read; what stands below is about to be handed out."""
        if not self._begun:
            self._begin()
        if not self._whole:
            self._deep = True
        if not self._wrapped:
            self._wrap_all()

    def _rewrite(self):
        """It is about to be changed in a way that writes all of it."""
        if not self._begun:
            self._begin()
        if not self._wrapped:
            self._wrap_all()
        self._whole = True

    def _path(self):
        steps = []
        container = self
        while container._up is not None:
            steps.append(container._key)
            container = container._up
        steps.reverse()
        return steps

    def _is_standing(self):
        """Whether it still stands where it stood, and nothing above it is written as one."""
        container = self
        while container._up is not None:
            up = container._up
            if up._whole or (up._begun and container._key in up._written) or up._held(container._key) is not container:
                return False
            container = up
        return True

    def _put_back(self, key, before):
        if before.__class__ in PLAIN:
            self._wrapped = False
        self._base.__setitem__(self, key, before)

    def _is_told(self):
        """Whether all that stands above was read anyway."""
        container = self._up
        while container is not None and not container._deep:
            container = container._up
        return container is not None

    def _acts(self):
        return self._deep or self._whole or self._written or any(x is None for x in self._seen.values())

    def _mark_active(self):
        container = self
        while container is not None and not container._active:
            container._active = True
            container = container._up

    def _reads(self, reads):
        if self._deep:
            reads.append(self._path())
            return
        for key, reached in self._seen.items():
            # who went on below has been noted there
            if (reached is None or not reached._active) and key.__class__ in (str, int):
                reads.append(self._path() + [key])

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        self._note_all()
        return plain(self)

    def __ne__(self, other):
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    __hash__ = None


def slots(*more):
    return ("_document", "_raw", "_up", "_key", "_fresh", "_wrapped") + (
        "_begun", "_deep", "_seen", "_written", "_whole", "_active") + more


class Dict(Record, dict):
    __slots__ = slots("_gone")
    _base = dict

    def __new__(cls, *args, **kwargs):
        return dict(*args, **kwargs)

    def __init__(self, *args, **kwargs):
        self.update(*args, **kwargs)

    def _clear_record(self):
        Record._clear_record(self)
        self._gone = None

    def _held(self, key):
        return dict.get(self, key)

    def _wrap_all(self):
        raw = self._raw
        for key, value in dict.items(self):
            if value.__class__ in PLAIN and value is raw.get(key):
                dict.__setitem__(self, key, wrap(value, self._document, self, key))
        self._wrapped = True

    def _taken(self, key, value):
        """The value of a member that is handed out."""
        if value.__class__ in PLAIN:
            if value is not self._raw.get(key):
                return value
            value = wrap(value, self._document, self, key)
            dict.__setitem__(self, key, value)
        reached = value if isinstance(value, Record) else None
        if reached is not None and self._fresh and key in self._fresh:
            # setdefault made it in this call: whether something stood here was seen before, or not at all
            if not reached._begun:
                reached._begin()
            return value
        self._note(key, reached)
        return value

    def _reach(self, step):
        return self[step]

    def _put(self, key, value):
        if not self._begun:
            self._begin()
        written = self._written
        if key not in written:
            written[key] = dict.get(self, key, MISSING)
        elif not dict.__contains__(self, key):
            # it comes to stand at the end
            written[key] = written.pop(key)
        dict.__setitem__(self, key, value)

    def _take_away(self, key):
        if not self._begun:
            self._begin()
        if key not in self._written:
            self._written[key] = dict.get(self, key, MISSING)
        if self._gone is None:
            self._gone = set()
        self._gone.add(key)
        dict.__delitem__(self, key)

    def _changes(self, changes):
        path = self._path()
        if self._whole:
            changes.append(("set", path, dict(dict.items(self))))
            return
        for key in self._gone or ():
            if key in self._raw:
                changes.append(("delete", path + [key], None))
        for key in self._touched_keys():
            if key in self._written:
                changes.append(("set", path + [key], dict.__getitem__(self, key)))
            else:
                changes.append(("ensure", path + [key], self._made(key)))

    def _touched_keys(self):
        """The members that were written or made, in the order in which new ones came."""
        fresh, written = self._fresh or {}, self._written
        if fresh and written:
            return [key for key in dict.keys(self) if key in written or key in fresh]
        return [key for key in fresh or written if dict.__contains__(self, key)]

    def _made(self, key):
        """The kind of a container that setdefault made here."""
        made, given = self._fresh[key]
        if given:
            place = spoken(self._document.name, self._path() + [key])
            raise Unrecorded("%s: change what setdefault returns, not what it was given" % place)
        return "object" if isinstance(made, dict) else "array"

    def _reads(self, reads):
        Record._reads(self, reads)
        # where setdefault found nothing, unless what it made is told
        for key in self._fresh or ():
            if self._whole or key in self._written or not self._is_standing():
                reads.append(self._path() + [key])
        # what came and went is of no effect, unless somebody else puts something there
        for key in () if self._whole or self._deep else self._written:
            if not dict.__contains__(self, key) and key not in self._raw:
                reads.append(self._path() + [key])

    def _restore(self):
        raw = self._raw
        recorded = True
        again = self._whole or (self._gone and not self._gone.isdisjoint(raw))
        if not again:
            for key, before in self._written.items():
                if before is MISSING:
                    dict.pop(self, key, None)
                else:
                    self._put_back(key, before)
            for key in self._fresh or ():
                dict.pop(self, key, None)
            recorded = len(raw) == dict.__len__(self) and (len(raw) > SHORT or self._is_raw(raw))
        if again or not recorded:
            dict.clear(self)
            dict.update(self, raw)
            self._wrapped = False
        self._fresh = None
        self._clear_record()
        return recorded

    def _is_raw(self, raw):
        for key, value in dict.items(self):
            held = raw.get(key, MISSING)
            if held is not value and getattr(value, "_raw", None) is not held:
                return False
        return True

    # reading

    def __getitem__(self, key):
        name = key if key.__class__ is str else key_text(key)
        try:
            value = dict.__getitem__(self, name)
        except KeyError:
            self._note(name)
            raise KeyError(key) from None
        return self._taken(name, value)

    def get(self, key, default=None):
        if key.__class__ is not str:
            key = key_text(key)
        value = dict.get(self, key, MISSING)
        if value is MISSING:
            self._note(key)
            return default
        return self._taken(key, value)

    def __contains__(self, key):
        if key.__class__ is not str:
            key = key_text(key)
        self._note(key)
        return dict.__contains__(self, key)

    def __len__(self):
        self._note_all()
        return dict.__len__(self)

    def __iter__(self):
        self._note_all()
        return dict.__iter__(self)

    def __reversed__(self):
        self._note_all()
        return dict.__reversed__(self)

    def keys(self):
        self._note_all()
        return dict.keys(self)

    def values(self):
        self._note_all()
        return dict.values(self)

    def items(self):
        self._note_all()
        return dict.items(self)

    def copy(self):
        self._note_all()
        return dict(dict.items(self))

    def __eq__(self, other):
        self._note_all()
        if isinstance(other, Record):
            other._note_all()
        return dict.__eq__(self, other)

    def __repr__(self):
        self._note_all()
        return dict.__repr__(self)

    def __reduce_ex__(self, protocol):
        self._note_all()
        return dict, (plain(self),)

    if hasattr(dict, "__or__"):

        def __or__(self, other):
            if not isinstance(other, dict):
                return NotImplemented
            return self.copy() | (other.copy() if isinstance(other, Record) else other)

        def __ror__(self, other):
            if not isinstance(other, dict):
                return NotImplemented
            return (other.copy() if isinstance(other, Record) else other) | self.copy()

        def __ior__(self, other):
            self.update(other)
            return self

    @classmethod
    def fromkeys(cls, *args):
        return dict.fromkeys(*args)

    # changing

    def __setitem__(self, key, value):
        key = checked_key(key)
        # `d["l"] += x` puts back what it has changed already
        if isinstance(value, Record) and dict.get(self, key) is value:
            return
        self._put(key, value)

    def __delitem__(self, key):
        name = key_text(key)
        self._note(name)
        if not dict.__contains__(self, name):
            raise KeyError(key)
        self._take_away(name)

    def setdefault(self, key, default=None):
        key = checked_key(key)
        value = dict.get(self, key, MISSING)
        if value is not MISSING:
            return self._taken(key, value)
        if default.__class__ in PLAIN and not default and not self._whole and not (self._begun and key in self._written):
            if not self._begun:
                self._begin()
            made = wrap(default.__class__(), self._document, self, key)
            if self._fresh is None:
                self._fresh = {}
            self._fresh[key] = (made, default)
            dict.__setitem__(self, key, made)
            return made
        self._note(key)
        self._put(key, default)
        return default

    def pop(self, key, *default):
        name = key_text(key)
        if len(default) > 1:
            raise TypeError("pop expected at most 2 arguments, got %d" % (1 + len(default)))
        if not dict.__contains__(self, name):
            self._note(name)
            if default:
                return default[0]
            raise KeyError(key)
        value = self._taken(name, dict.__getitem__(self, name))
        self._note(name)
        self._take_away(name)
        return value

    def popitem(self):
        self._note_all()
        if not dict.__len__(self):
            raise KeyError("popitem(): dictionary is empty")
        key = next(dict.__reversed__(self))
        value = dict.__getitem__(self, key)
        self._take_away(key)
        return key, value

    def update(self, *args, **kwargs):
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def clear(self):
        self._rewrite()
        dict.clear(self)


class List(Record, list):
    __slots__ = slots()
    _base = list

    def __new__(cls, *args):
        return list(*args)

    def __init__(self, *args):
        self[:] = list(*args)

    def _held(self, key):
        return list.__getitem__(self, key) if key < list.__len__(self) else None

    def _wrap_all(self):
        for at, raw in enumerate(self._raw):
            if raw.__class__ in PLAIN and list.__getitem__(self, at) is raw:
                list.__setitem__(self, at, wrap(raw, self._document, self, at))
        self._wrapped = True

    def _reach(self, step):
        return self[int(step)]

    def _taken(self, at, value):
        """The value of an element that stood here in the version, and is handed out."""
        if value.__class__ in PLAIN:
            if value is not self._raw[at]:
                return value
            value = wrap(value, self._document, self, at)
            list.__setitem__(self, at, value)
        self._note(at, value if isinstance(value, Record) else None)
        return value

    def _changes(self, changes):
        path = self._path()
        if self._whole:
            changes.append(("set", path, list.__getitem__(self, slice(None))))
            return
        for at in self._written:
            changes.append(("set", path + [at], list.__getitem__(self, at)))
        for item in list.__getitem__(self, slice(len(self._raw), None)):
            changes.append(("append", path, item))

    def _acts(self):
        return Record._acts(self) or list.__len__(self) > len(self._raw)

    def _restore(self):
        raw = self._raw
        recorded = True
        if not self._whole:
            for at, before in self._written.items():
                self._put_back(at, before)
            list.__delitem__(self, slice(len(raw), None))
            recorded = len(raw) == list.__len__(self) and (len(raw) > SHORT or self._is_raw(raw))
        if self._whole or not recorded:
            list.__setitem__(self, slice(None), raw)
            self._wrapped = False
        self._clear_record()
        return recorded

    def _is_raw(self, raw):
        for held, value in zip(raw, list.__iter__(self)):
            if held is not value and getattr(value, "_raw", None) is not held:
                return False
        return True

    # reading

    def __getitem__(self, at):
        if at.__class__ is slice:
            self._note_all()
            return list.__getitem__(self, at)
        if at.__class__ is not int:
            at = position(at)
        if 0 <= at < len(self._raw) and not self._whole:
            return self._taken(at, list.__getitem__(self, at))
        # which element it is depends on how many there are
        self._note_all()
        return list.__getitem__(self, at)

    def __contains__(self, value):
        self._note_all()
        return list.__contains__(self, value)

    def __len__(self):
        self._note_all()
        return list.__len__(self)

    def __iter__(self):
        self._note_all()
        return list.__iter__(self)

    def __reversed__(self):
        self._note_all()
        return list.__reversed__(self)

    def index(self, *args):
        self._note_all()
        return list.index(self, *args)

    def count(self, value):
        self._note_all()
        return list.count(self, value)

    def copy(self):
        self._note_all()
        return list.__getitem__(self, slice(None))

    def __add__(self, other):
        if not isinstance(other, list):
            return NotImplemented
        return self.copy() + (other.copy() if isinstance(other, Record) else other)

    def __radd__(self, other):
        if not isinstance(other, list):
            return NotImplemented
        return (other.copy() if isinstance(other, Record) else other) + self.copy()

    def __mul__(self, times):
        return self.copy() * times

    __rmul__ = __mul__

    def __repr__(self):
        self._note_all()
        return list.__repr__(self)

    def __reduce_ex__(self, protocol):
        self._note_all()
        return list, (plain(self),)

    # changing

    def append(self, value):
        if not self._begun:
            self._begin()
        list.append(self, value)

    def extend(self, values):
        if not self._begun:
            self._begin()
        if values.__class__ is not list:
            values = list(values)
        list.extend(self, values)

    def __iadd__(self, values):
        self.extend(values)
        return self

    def __setitem__(self, at, value):
        if at.__class__ is slice:
            value = list(value)
            if at != slice(None):
                self._note_all()
            self._rewrite()
            return list.__setitem__(self, at, value)
        if at.__class__ is not int:
            at = position(at)
        if at < 0:
            self._note_all()
            at += list.__len__(self)
        if not 0 <= at < list.__len__(self):
            self._note_all()
            raise IndexError("list assignment index out of range")
        held = list.__getitem__(self, at)
        if isinstance(value, Record) and held is value:
            return
        if at >= len(self._raw) and not self._whole:
            # one of those that it appended, named by a position that depends on how many there were
            self._note_all()
            self._rewrite()
        if not self._begun:
            self._begin()
        if not self._whole:
            self._written.setdefault(at, held)
        list.__setitem__(self, at, value)

    def clear(self):
        self._rewrite()
        list.clear(self)


def comparison(name):
    base = getattr(list, name)

    def compare(self, other):
        self._note_all()
        if isinstance(other, Record):
            other._note_all()
        return base(self, other)

    return compare


def rewriting(name):
    base = getattr(list, name)

    def rewrite(self, *args, **kwargs):
        self._note_all()
        self._rewrite()
        result = base(self, *args, **kwargs)
        return self if name == "__imul__" else result

    return rewrite


for _name in ("__eq__", "__lt__", "__le__", "__gt__", "__ge__"):
    setattr(List, _name, comparison(_name))
for _name in ("__delitem__", "__imul__", "insert", "pop", "remove", "reverse", "sort"):
    setattr(List, _name, rewriting(_name))


class Leaves(Dict):
    """A dict without containers in it, of a document whose reads are of no interest: it is read as fast as any."""

    __slots__ = ()


class LeafList(List):
    """The same, a list."""

    __slots__ = ()


# what these two share with dict and list: whatever only reads
for _name in ("__getitem__", "get", "__contains__", "__len__", "__iter__", "__reversed__", "keys", "values", "items",
              "__eq__", "__ne__", "__repr__"):
    setattr(Leaves, _name, getattr(dict, _name))
for _name in ("__getitem__", "__contains__", "__len__", "__iter__", "__reversed__", "index", "count", "__eq__", "__ne__",
              "__lt__", "__le__", "__gt__", "__ge__", "__repr__"):
    setattr(LeafList, _name, getattr(list, _name))


# what messages call them
for _class in (Dict, Leaves):
    _class.__name__ = _class.__qualname__ = "dict"
for _class in (List, LeafList):
    _class.__name__ = _class.__qualname__ = "list"


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
