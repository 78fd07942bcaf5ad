"""Plain functions that deco calls. They know nothing of it: `python3 -c 'import work; print(work.count_primes(0, 100))'`
works too. What they print goes to the log of their call, and an exception is the call's failure."""


def count_primes(start, stop):
    return sum(is_prime(number) for number in range(start, stop))


def is_prime(number):
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def summarize(primes):
    most = max(primes, key=primes.get)
    return {"total": sum(primes.values()), "most": {"from": most, "primes": primes[most]}}
