import sys


def module(name):
    """A module of the worker's own, kept compiled also where those of the functions are not to be: half of a start is spent
    on compiling otherwise."""
    kept = sys.dont_write_bytecode, sys.pycache_prefix
    sys.dont_write_bytecode, sys.pycache_prefix = False, None
    try:
        return getattr(__import__("deco_worker." + name), name)
    finally:
        sys.dont_write_bytecode, sys.pycache_prefix = kept
