"""What Python programs do in a loop; plain functions. `python3 rows.py` is the serial program."""


def put(d, value):
    d["k"] = value


def put_inside(d, value):
    d["a"][value] = value


def append(items, value):
    items.append(value)


def risky(value):
    if value == 2:
        raise ValueError("two is not to be had")
    return value * 10


def follow(before, i):
    return before + i


def make():
    return "made"


def count(d):
    d["n"] += 1


if __name__ == "__main__":
    import json

    last, nested, items, tried, chain, made, counter = {}, {"a": {}}, [], {}, {"0": 0}, {}, {"n": 0}
    for v in [1, 2, 3]:
        put(last, v)
        put_inside(nested, v)
        append(items, v)
        try:
            tried[v] = risky(v)
        except ValueError:
            pass
        chain[str(v)] = follow(chain[str(v - 1)], v)
        count(counter)
    x = {"k": "b"}
    made["a"] = make()
    made[x["k"]] = make()
    documents = dict(last=last, nested=nested, items=items, chain=chain, counter=counter, tried=tried, made=made)
    print(json.dumps(documents, indent=2))
