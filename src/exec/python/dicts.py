"""A dict of a document: each of its methods and operators, and what they read and write."""

from .record import MISSING, PLAIN, SHORT, Record, Unrecorded, checked_key, key_text, plain, slots, spoken


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
                dict.__setitem__(self, key, self._document.wrap(value, self, key))
        self._wrapped = True

    def _taken(self, key, value):
        """The value of a member that is handed out."""
        if value.__class__ in PLAIN:
            if value is not self._raw.get(key):
                return value
            value = self._document.wrap(value, self, key)
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
            made = self._document.wrap(default.__class__(), self, key)
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


class Leaves(Dict):
    """A dict without containers in it, of a document whose reads are of no interest: it is read as fast as any."""

    __slots__ = ()
    _base = dict


# what it shares with dict: whatever only reads
for _name in ("__getitem__", "get", "__contains__", "__len__", "__iter__", "__reversed__", "keys", "values", "items",
              "__eq__", "__ne__", "__repr__"):
    setattr(Leaves, _name, getattr(dict, _name))


# what messages call them
for _class in (Dict, Leaves):
    _class.__name__ = _class.__qualname__ = "dict"
