"""How fast this machine hashes, by the length of what is hashed."""

from hashlib import sha256
from time import perf_counter


def measure(length, rounds):
    """Hashes `length` bytes, again and again, each beginning with the hash before."""
    begun = perf_counter()
    digest = b""
    for _ in range(rounds):
        digest = sha256(digest.ljust(length, b"\0")).digest()
    took = perf_counter() - begun
    print(f"{length} bytes: {rounds / took:.0f} hashes a second")
    return {"digest": digest.hex()[:16], "rate": round(rounds / took)}
