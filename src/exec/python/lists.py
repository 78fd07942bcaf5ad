"""A list of a document: each of its methods and operators, and what they read and write."""

from .record import PLAIN, SHORT, Record, plain, position, slots


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
                list.__setitem__(self, at, self._document.wrap(raw, self, at))
        self._wrapped = True

    def _reach(self, step):
        return self[int(step)]

    def _taken(self, at, value):
        """The value of an element that stood here in the version, and is handed out."""
        if value.__class__ in PLAIN:
            if value is not self._raw[at]:
                return value
            value = self._document.wrap(value, self, at)
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


class LeafList(List):
    """A list without containers in it, of a document whose reads are of no interest: it is read as fast as any."""

    __slots__ = ()
    _base = list


# what it shares with list: whatever only reads
for _name in ("__getitem__", "__contains__", "__len__", "__iter__", "__reversed__", "index", "count", "__eq__", "__ne__",
              "__lt__", "__le__", "__gt__", "__ge__", "__repr__"):
    setattr(LeafList, _name, getattr(list, _name))


# what messages call them
for _class in (List, LeafList):
    _class.__name__ = _class.__qualname__ = "list"
