"""The package `deco`: package.py FUNCTION COUNT. The result is keyed as deco's."""
import json
import sys

from deco import concurrent, synchronized

import work

at_once = concurrent(processes=2)(work.at_once)
about_a_millisecond = concurrent(processes=2)(work.about_a_millisecond)
item = concurrent(processes=2)(work.item)
mixed = concurrent(processes=2)(work.mixed)


@synchronized
def all_at_once(results, count):
    for n in range(count):
        results[n] = at_once(n)


@synchronized
def all_about_a_millisecond(results, count):
    for n in range(count):
        results[n] = about_a_millisecond(n)


@synchronized
def all_item(results, count):
    samples = work.samples()
    for n in range(count):
        results[n] = item(samples, n)


@synchronized
def all_mixed(results, count):
    for n in range(count):
        results[n] = mixed(n)


if __name__ == "__main__":
    results = {}
    globals()[f"all_{sys.argv[1]}"](results, int(sys.argv[2]))
    print(json.dumps({"results": results}))
