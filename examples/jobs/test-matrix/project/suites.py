"""The tests, in three suites. Each takes a way to sort and gives what came out and what was wanted."""


def itself(item):
    return item


def first(item):
    return item[0]


def empty(sort):
    return sort([], itself), []


def one(sort):
    return sort([7], itself), [7]


def words(sort):
    return sort("to be or not".split(), itself), ["be", "not", "or", "to"]


def pairs(sort):
    return sort(["b2", "a1", "b1", "a2"], first), ["a1", "a2", "b2", "b1"]


def all_equal(sort):
    return sort(["x3", "x1", "x2"], first), ["x3", "x1", "x2"]


def many(sort):
    return sort([i * 37 % 501 for i in range(501)], itself), list(range(501))


def backwards(sort):
    return sort(list(range(200, 0, -1)), itself), list(range(1, 201))


SUITES = {"small": [empty, one, words], "stable": [pairs, all_equal], "large": [many, backwards]}
