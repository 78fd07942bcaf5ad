"""Three ways to sort a list by a key."""


def merge(items, key):
    if len(items) < 2:
        return list(items)
    left, right = merge(items[: len(items) // 2], key), merge(items[len(items) // 2 :], key)
    done = []
    while left and right:
        done.append((right if key(right[0]) < key(left[0]) else left).pop(0))
    return done + left + right


def shell(items, key):
    done, gap = list(items), len(items) // 2
    while gap:
        for i in range(gap, len(done)):
            while i >= gap and key(done[i]) < key(done[i - gap]):
                done[i], done[i - gap] = done[i - gap], done[i]
                i -= gap
        gap //= 2
    return done


def quick(items, key):
    if len(items) < 2:
        return list(items)
    middle, rest = items[-1], items[:-1]
    smaller = [one for one in rest if key(one) < key(middle)]
    others = [one for one in rest if not key(one) < key(middle)]
    return quick(smaller, key) + [middle] + quick(others, key)


def builtin(items, key):
    return sorted(items, key=key)
