"""What every container of a document does: a record of what a call reads and writes there, from which changes and reads
are told at the end of the call. Knows neither how a dict is used nor how a list is.
"""

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


def spoken(name, path):
    """A place as Python writes it."""
    return name + "".join("[%s]" % (step if step.__class__ is int else '"%s"' % step) for step in path)


def kind_of(value):
    """dict or list, for what is just that, or one of ours; a class that a function made of them is another thing."""
    cls = value.__class__
    if cls in PLAIN:
        return cls
    return cls.__dict__.get("_base") if isinstance(value, Record) else None


def plain(value, known=None):
    """A copy that shares nothing with a document and has nothing of ours in it."""
    known = {} if known is None else known
    if id(value) in known:
        return known[id(value)]
    kind = kind_of(value)
    if kind is dict:
        made = known[id(value)] = {}
        for key, item in dict.items(value):
            made[key] = plain(item, known)
        return made
    if kind is list:
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
