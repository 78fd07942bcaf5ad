"""Random programs over dicts and lists, on what deco's worker gives for a document and on a plain copy of it.

Both must look alike after each step, raise alike, and the changes that were recorded must make of the document what the
program made of the copy. Then pairs of programs, as two calls that do not wait for each other: where what was recorded shows no
conflict, replaying both must give what running one after the other gives, and the second must have seen the same.

Run by tests/python_worker.rs; arguments: the folder of the worker's modules, how many programs, a seed.
"""

import copy
import importlib.util
import json
import pickle
import random
import sys


def load(folder):
    spec = importlib.util.spec_from_file_location(
        "deco_worker", folder + "/__init__.py", submodule_search_locations=[folder]
    )
    sys.modules["deco_worker"] = importlib.util.module_from_spec(spec)
    from deco_worker import c_code, documents, say

    return c_code, documents, say


def scalar(random):
    return random.choice([0, 1, 2, True, None, "x", "", 1.5, -3])


def value(random, deep=2):
    kind = random.randrange(6) if deep else 0
    if kind < 3:
        return scalar(random)
    if kind < 5:
        return {random.choice("abcd"): value(random, deep - 1) for _ in range(random.randrange(3))}
    return [value(random, deep - 1) for _ in range(random.randrange(3))]


def key(random):
    return random.choice("abcde")


def position(random):
    return random.randrange(-3, 4)


def span(random):
    return slice(*[random.choice([None, 0, 1, 2, -1]) for _ in range(2)])


# each takes the container, a source of random numbers and a value; what it returns must be the same for both
DICT = {
    "set": lambda d, r, v: d.__setitem__(key(r), v),
    "set a number": lambda d, r, v: d.__setitem__(str(r.randrange(3)), v),
    "get": lambda d, r, v: d[key(r)],
    "get()": lambda d, r, v: d.get(key(r), 7),
    "del": lambda d, r, v: d.__delitem__(key(r)),
    "in": lambda d, r, v: key(r) in d,
    "len": lambda d, r, v: len(d),
    "bool": lambda d, r, v: bool(d),
    "list": lambda d, r, v: list(d),
    "reversed": lambda d, r, v: list(reversed(d)),
    "items": lambda d, r, v: list(d.items()),
    "values": lambda d, r, v: list(d.values()),
    "keys": lambda d, r, v: sorted(d.keys()),
    "setdefault": lambda d, r, v: d.setdefault(key(r), v),
    "setdefault {}": lambda d, r, v: d.setdefault(key(r), {}),
    "setdefault []": lambda d, r, v: d.setdefault(key(r), []),
    "pop": lambda d, r, v: d.pop(key(r)),
    "pop with default": lambda d, r, v: d.pop(key(r), 5),
    "popitem": lambda d, r, v: d.popitem(),
    "update": lambda d, r, v: d.update({key(r): v, key(r): 1}, e=2),
    "update with pairs": lambda d, r, v: d.update([(key(r), v)]),
    "clear": lambda d, r, v: d.clear() if r.random() < 0.3 else None,
    "copy": lambda d, r, v: d.copy(),
    "copy.copy": lambda d, r, v: copy.copy(d),
    "deepcopy": lambda d, r, v: copy.deepcopy(d),
    "pickle": lambda d, r, v: pickle.loads(pickle.dumps(d)),
    "json": lambda d, r, v: json.dumps(d),
    "json indent": lambda d, r, v: json.dumps(d, indent=1),
    "repr": lambda d, r, v: repr(d),
    "==": lambda d, r, v: (d == {"a": 1}, {"a": 1} == d, d != {}, d == d),
    "dict()": lambda d, r, v: dict(d),
    "{**}": lambda d, r, v: {**d},
    "**": lambda d, r, v: (lambda **named: named)(**d),
    "+= at a key": lambda d, r, v: add(d, key(r), 1),
    "+= a list": lambda d, r, v: add(d, key(r), [v]),
    "isinstance": lambda d, r, v: isinstance(d, dict),
    "type()": lambda d, r, v: type(d)(a=1),
    "fromkeys": lambda d, r, v: d.fromkeys("ab"),
}

LIST = {
    "set": lambda l, r, v: l.__setitem__(position(r), v),
    "get": lambda l, r, v: l[position(r)],
    "slice": lambda l, r, v: l[span(r)],
    "set slice": lambda l, r, v: l.__setitem__(span(r), [v, 1]),
    "del": lambda l, r, v: l.__delitem__(position(r)),
    "del slice": lambda l, r, v: l.__delitem__(span(r)),
    "append": lambda l, r, v: l.append(v),
    "extend": lambda l, r, v: l.extend([v, 2]),
    "extend by itself": lambda l, r, v: l.extend(l) if len(l) < 20 else None,
    "+=": lambda l, r, v: iadd(l, (v, 3)),
    "*=": lambda l, r, v: imul(l, r.randrange(3)) if len(l) < 20 else None,
    "insert": lambda l, r, v: l.insert(position(r), v),
    "pop": lambda l, r, v: l.pop(),
    "pop at": lambda l, r, v: l.pop(position(r)),
    "remove": lambda l, r, v: l.remove(scalar(r)),
    "clear": lambda l, r, v: l.clear() if r.random() < 0.3 else None,
    "reverse": lambda l, r, v: l.reverse(),
    "sort": lambda l, r, v: l.sort(key=repr, reverse=r.random() < 0.5),
    "index": lambda l, r, v: l.index(scalar(r)),
    "count": lambda l, r, v: l.count(scalar(r)),
    "in": lambda l, r, v: scalar(r) in l,
    "len": lambda l, r, v: len(l),
    "iter": lambda l, r, v: [x for x in l],
    "reversed": lambda l, r, v: list(reversed(l)),
    "+": lambda l, r, v: (l + [1], [1] + l),
    "*": lambda l, r, v: (l * 2, 2 * l),
    "copy": lambda l, r, v: l.copy(),
    "copy.copy": lambda l, r, v: copy.copy(l),
    "deepcopy": lambda l, r, v: copy.deepcopy(l),
    "pickle": lambda l, r, v: pickle.loads(pickle.dumps(l)),
    "json": lambda l, r, v: json.dumps(l),
    "repr": lambda l, r, v: repr(l),
    "==": lambda l, r, v: (l == [1], [1] == l, l != [], l == l),
    "<": lambda l, r, v: [l < l[:1], l <= l, l > [], [] >= l],
    "sorted": lambda l, r, v: sorted(l, key=repr),
    "*unpack": lambda l, r, v: [*l],
    "isinstance": lambda l, r, v: isinstance(l, list),
    "type()": lambda l, r, v: type(l)("ab"),
}

if hasattr(dict, "__or__"):
    DICT["|"] = lambda d, r, v: (d | {"a": 9}, {"z": 1} | d)
    DICT["|="] = lambda d, r, v: ior(d, {key(r): v})


def add(d, k, v):
    d[k] += v


def iadd(l, v):
    l += v


def imul(l, n):
    l *= n


def ior(d, v):
    d |= v


def attempt(operation, *args):
    try:
        return operation(*args)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        return "%s: %s" % (type(error).__name__, error)


def containers(root):
    """Ways to reach a container from the document."""
    found = [()]

    def walk(value, way):
        items = dict.items(value) if isinstance(value, dict) else enumerate(list.__iter__(value))
        for step, item in items:
            if isinstance(item, (dict, list)) and len(way) < 6:
                found.append(way + (step,))
                walk(item, way + (step,))

    walk(root, ())
    return found


def go(root, way):
    for step in way:
        root = root[str(step) if isinstance(root, dict) else step]
    return root


def plain(value):
    """As json would have it, without any use of our methods."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in dict.items(value)}
    if isinstance(value, list):
        return [plain(v) for v in list.__iter__(value)]
    if isinstance(value, tuple):
        return [plain(v) for v in value]
    return value


def replay(document, changes, say):
    """What the recorded changes make of a document."""
    document = copy.deepcopy(document)
    for kind, path, value in changes:
        if not path:
            document = json.loads(say.say(value, "")) if kind == "set" else document
            if kind == "append":
                document.append(json.loads(say.say(value, "")))
            continue
        up = go(document, path[:-1])
        last = path[-1]
        if kind == "set":
            up[last] = json.loads(say.say(value, ""))
        elif kind == "append":
            up[last].append(json.loads(say.say(value, "")))
        elif kind == "delete":
            del up[last]
        elif last not in up:
            up[last] = {} if value == "object" else []
    return document


def steps(source, roots, check):
    """Runs a program of random steps on each of the roots; what the steps gave. `check` sees what they gave so far."""
    held = [roots]
    told = []
    for step in range(source.randrange(1, 12)):
        # through the root, or through something that was held on to
        if source.random() < 0.6:
            way = source.choice(containers(roots[0]) if len(roots) > 1 else WAYS)
            at = [attempt(go, root, way) for root in roots]
        else:
            at = source.choice(held)
        name = source.choice(sorted(DICT if isinstance(at[0], dict) else LIST))
        seeded = source.random()
        if not isinstance(at[0], (dict, list)):
            told.append(repr(at))
            continue
        operation = (DICT if isinstance(at[0], dict) else LIST)[name]
        # one is given to each, since a container that is put in is shared with who put it
        put = [value(random.Random(seeded)) for _ in at]
        got = [attempt(operation, x, random.Random(seeded), v) for x, v in zip(at, put)]
        told.append((name, seen(name, got[-1])))
        if all(isinstance(x, (dict, list)) for x in got):
            held.append(got)
        if isinstance(put[0], (dict, list)) and name in ("set", "append", "insert"):
            held.append(put)
        check(told, got)
    return told


def seen(name, got):
    """What is known by what an operation gave: a container that was handed out was not looked into."""
    handed = name.split()[0] in ("get", "get()", "setdefault", "pop")
    return type(got).__name__ if handed and isinstance(got, (dict, list)) else repr(plain(got))


# where the programs of a pair go, which must be told without looking
WAYS = [(), ("a",), ("b",), ("a", "a"), ("a", 0), ("b", "c"), ("c", 1), ("c",)]


def program(modules, seed, given, document):
    """Runs one program; `document` is an earlier call's, which must have been put back."""
    documents, say = modules
    mine, theirs = copy.deepcopy(given), document.root

    def check(told, got):
        assert repr(plain(got[0])) == repr(plain(got[1])), (seed, told, got)
        assert repr(plain(mine)) == repr(plain(theirs)), (seed, told, mine, plain(theirs))

    told = steps(random.Random(seed), [mine, theirs], check)
    changes = document.changes()
    end = replay(given, changes, say)
    assert repr(end) == repr(plain(mine)), (seed, told, changes, end, mine)
    document.reads()
    document.restore()
    assert repr(plain(theirs)) == repr(given), (seed, told, theirs)


# the documents of the call that runs
GOT = []


def step_source(seed):
    """Another for each program of a pair, the same for each time that it is run."""
    return random.Random(seed)


def recorded(modules, seed, given):
    """A call: what its steps gave, what it changed and read."""
    documents, say = modules
    document = documents.Document("d", copy.deepcopy(given), True)
    GOT[:] = [document]
    told = steps(step_source(seed), [document.root], lambda *_: None)
    changes = [(kind, path, json.loads(say.say(value, ""))) for kind, path, value in document.changes()]
    return told, changes, document.reads()


def overlap(a, b):
    return all(x == y for x, y in zip(a, b))


def conflict(first, second):
    """The contract's two rules; a container that is made counts where somebody saw that there was none."""
    for kind, path, put in first[1]:
        for other_kind, other, other_put in second[1]:
            if not overlap(path, other):
                continue
            if other_kind == "ensure":
                # it took nothing to stand there, or a container of its kind
                if len(path) <= len(other) and (kind, put) != (other_kind, other_put) and kind != "append":
                    return True
                continue
            if kind == "ensure":
                continue
            appended = [path] * (kind == "append") + [other] * (other_kind == "append")
            if len(appended) == 2 and path == other:
                continue
            # an append is no change of an element that stood there
            if any(len(place) < max(len(path), len(other)) for place in appended):
                continue
            blind = not any(overlap(read, path) for read in first[2] + second[2])
            same = (kind, path, repr(put)) == (other_kind, other, repr(other_put))
            if not (same and blind):
                return True
        for read in second[2]:
            if overlap(path, read) and not (kind in ("append", "ensure") and len(read) > len(path)):
                return True
    return False


def pair(modules, seed, given):
    """Two calls that do not wait for each other; whether they are in conflict."""
    first, second = recorded(modules, 2 * seed, given), recorded(modules, 2 * seed + 1, given)
    if conflict(first, second):
        return True
    serial = copy.deepcopy(given)
    steps(step_source(2 * seed), [serial], lambda *_: None)
    # what a call leaves is JSON: nothing in it is shared
    serial = plain(serial)
    told = steps(step_source(2 * seed + 1), [serial], lambda *_: None)
    end = replay(replay(given, first[1], modules[1]), second[1], modules[1])
    assert repr(plain(serial)) == repr(end), (seed, given, first, second, end, serial)
    assert told == second[0], (seed, given, first, second, told)
    return False


def main():
    folder, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    c_code, *modules = load(folder)
    documents, say = modules
    c_code.watch_json(GOT)
    c_code.watch_heapq()
    for number in range(count // 4):
        source = random.Random(seed * 1_000_003 + number)
        given = {k: value(source, 3) for k in "abc"}
        document = documents.Document("d", copy.deepcopy(given), source.random() < 0.8)
        for call in range(4):
            program(modules, seed * 1_000_003 + 4 * number + call, given, document)
    conflicts = 0
    for number in range(count):
        source = random.Random(seed * 7_000_003 + number)
        given = {k: value(source, 3) for k in "abc"}
        conflicts += pair(modules, seed * 7_000_003 + number, given)
    assert count // 20 < conflicts < count - count // 20, "%d of %d pairs are in conflict" % (conflicts, count)
    print("%d programs and pairs agree, %d of the pairs in conflict" % (count, conflicts))


main()
