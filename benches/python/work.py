"""The functions that are called: by deco, and by the peers beside this file. They know of none of them."""


def at_once(n):
    return n


def about_a_millisecond(n):
    return spent(n, 10_000)


def item(samples, n):
    return samples[n * 37]


def mixed(n):
    """One call in fifty is 100 times longer."""
    return spent(n, 200_000 if n % 50 == 25 else 2_000)


def spent(n, rounds):
    """A fixed amount of work, not of time: who takes processor time from a call makes it longer."""
    found = n
    for _ in range(rounds):
        found = (found * 1103515245 + 12345) & 0x7FFFFFFF
    return found


def samples():
    return [k * 0.37 for k in range(20_000)]
