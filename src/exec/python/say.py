"""JSON of what functions return and put into documents: fast by json's encoder, and where it will not do, slowly and
with the place of what cannot be said.

Tuples are lists, numpy's arrays and scalars what they hold; keys are texts, numbers and booleans. Numbers that came from
the runner with unusual digits keep them. Knows nothing of documents or of the protocol.
"""

import sys

try:
    # what json is made of: the module itself takes longer to import than all else that a worker needs
    from _json import encode_basestring as quoted
    from _json import make_encoder as c_make_encoder
    from _json import make_scanner
except ImportError:
    from json.encoder import encode_basestring as quoted

    c_make_encoder = make_scanner = None


class Unsayable(Exception):
    """What cannot be said, and where it stands."""


class DigitFloat(float):
    """A number whose digits Python would write otherwise."""

    __slots__ = ("digits",)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce_ex__(self, protocol):
        return float, (float(self),)


class DigitInt(int):
    """The same, an integer: `-0` is the only one."""

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce_ex__(self, protocol):
        return int, (int(self),)


# whether a number with unusual digits has come in
exact = False


def parse_float(text):
    number = float(text)
    if float.__repr__(number) == text:
        return number
    kept = DigitFloat(number)
    kept.digits = text
    return kept


def parse_int(text):
    number = int(text)
    if text != "-0":
        return number
    kept = DigitInt(number)
    return kept


class Reading:
    """How JSON is read, as json's scanner asks for it."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_constant = float

    def __init__(self, parse_float, parse_int):
        self.parse_float = parse_float
        self.parse_int = parse_int


def scanner(parse_float, parse_int):
    if make_scanner is not None:
        return make_scanner(Reading(parse_float, parse_int))
    from json.decoder import JSONDecoder

    return JSONDecoder(parse_float=parse_float, parse_int=parse_int).scan_once


scan = scanner(float, int)
scan_exact = scanner(parse_float, parse_int)


def load(line):
    """A line of JSON as values."""
    return scan(line.decode("utf-8"), 0)[0]


def load_exact(line):
    """A line of JSON, begun by a space, as values that keep the digits of numbers."""
    global exact
    exact = True
    return scan_exact(line.decode("utf-8"), 1)[0]


def other(value):
    """What json's encoder does not know."""
    found = native(value)
    if found is value:
        raise TypeError
    return found


def native(value):
    """numpy's values as Python's; others as they are."""
    cls = type(value)
    if cls.__module__ == "numpy" and hasattr(cls, "tolist"):
        found = value.tolist()
        # some scalars have no value of Python's
        if type(found).__module__ != "numpy":
            return found
    return value


def make_encoder():
    # json's own, without what JSONEncoder.encode does each time; as it is watched, if it is (c_code.py)
    encoder = sys.modules.get("json.encoder")
    make = encoder.c_make_encoder if encoder else c_make_encoder
    return make and make({}, other, quoted, None, ":", ",", False, False, False)


encode = make_encoder()


# finds a key that may have been a number or a boolean, once a dict was said
converted = None


def has_converted_key(text):
    global converted
    if converted is None:
        import re

        converted = re.compile('"(?:-?[0-9]|true"|false")[^"]*"?:')
    return converted.search(text) is not None


def has_mixed_keys(value):
    """Whether keys of one dict are of several types, so that two may have one text."""
    if isinstance(value, dict):
        return len(set(map(type, value))) > 1 or any(map(has_mixed_keys, value.values()))
    return isinstance(value, (list, tuple)) and any(map(has_mixed_keys, value))


def say(value, place):
    """Compact JSON in UTF-8. `place` names the value in errors."""
    global encode
    cls = value.__class__
    if cls is int:
        return int.__repr__(value).encode()
    if value is None:
        return b"null"
    if cls is bool:
        return b"true" if value else b"false"
    if encode is not None and not exact:
        try:
            text = "".join(encode(value, 0))
            if '":' not in text:
                return text.encode()
            # None as a key would have become the text
            if '"null":' not in text and not (has_converted_key(text) and has_mixed_keys(value)):
                return text.encode()
        except (TypeError, ValueError, OverflowError, RecursionError):
            encode = make_encoder()
    parts = []
    Slow(parts).say(value, place, ())
    return "".join(parts).encode()


class Slow:
    def __init__(self, parts):
        self.parts = parts
        self.add = parts.append
        self.inside = set()

    def say(self, value, place, steps):
        if value is None:
            self.add("null")
        elif value is True:
            self.add("true")
        elif value is False:
            self.add("false")
        elif isinstance(value, str):
            self.add(self.text(value, place, steps))
        elif isinstance(value, DigitFloat):
            self.add(value.digits)
        elif isinstance(value, DigitInt):
            self.add("-0")
        elif isinstance(value, int):
            self.add(int.__repr__(value))
        elif isinstance(value, float):
            if value - value != 0:
                raise refusal("is %s" % float.__repr__(value), place, steps)
            self.add(float.__repr__(value))
        elif isinstance(value, dict):
            self.members(value, place, steps)
        elif isinstance(value, (list, tuple)):
            self.items(value, place, steps)
        else:
            found = native(value)
            if found is value:
                raise unawaited(value, place, steps) or refusal("is %s" % described(value), place, steps)
            self.say(found, place, steps)

    def text(self, value, place, steps):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise refusal("holds half of a surrogate pair", place, steps) from None
        return quoted(str.__str__(value))

    def enter(self, value, place, steps):
        if id(value) in self.inside:
            raise refusal("holds itself", place, steps)
        # deeper than deco takes, and not yet as deep as Python goes
        if len(steps) > 200:
            raise refusal("is nested too deeply", place, steps[:3])
        self.inside.add(id(value))

    def members(self, value, place, steps):
        self.enter(value, place, steps)
        self.add("{")
        known = set()
        for key, member in value.items():
            said = self.key(key, place, steps)
            if said in known:
                raise refusal("has two keys that are %s" % said, place, steps)
            if known:
                self.add(",")
            known.add(said)
            self.add(said)
            self.add(":")
            self.say(member, place, steps + (key,))
        self.add("}")
        self.inside.remove(id(value))

    def key(self, key, place, steps):
        if isinstance(key, str):
            return self.text(key, place, steps)
        if key is True or key is False:
            return '"true"' if key else '"false"'
        if isinstance(key, DigitFloat):
            return '"%s"' % key.digits
        if isinstance(key, int):
            return '"%s"' % int.__repr__(key)
        if isinstance(key, float) and key - key == 0:
            return '"%s"' % float.__repr__(key)
        found = native(key)
        if found is not key:
            return self.key(found, place, steps)
        raise refusal("has a key that is %s" % described(key), place, steps)

    def items(self, value, place, steps):
        self.enter(value, place, steps)
        self.add("[")
        for at, item in enumerate(value):
            if at:
                self.add(",")
            self.say(item, place, steps + (at,))
        self.add("]")
        self.inside.remove(id(value))


def described(value):
    if value is None:
        return "None"
    cls = type(value)
    name = cls.__qualname__ if cls.__module__ == "builtins" else "%s.%s" % (cls.__module__, cls.__qualname__)
    return "%s %s" % ("an" if name[:1].lower() in "aeiou" else "a", name)


def refusal(words, place, steps):
    return Unsayable("%s %s, which JSON cannot say" % (placed(place, steps), words))


def unawaited(value, place, steps):
    """Why a coroutine is none of the values, if it is one."""
    if type(value).__name__ != "coroutine":
        return None
    # it is not told of a second time, as one that nobody awaited
    value.close()
    words = "%s is a coroutine, which must be awaited: return `asyncio.run(...)` of it from a function without `async`"
    return Unsayable(words % placed(place, steps))


def placed(place, steps):
    for step in steps:
        place += "[%s]" % (quoted(step) if isinstance(step, str) else repr(step))
    return place
