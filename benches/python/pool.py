"""`multiprocessing.Pool`: pool.py FUNCTION COUNT [CHUNK]. The result is keyed as deco's."""
import functools
import json
import multiprocessing
import sys

import work

if __name__ == "__main__":
    function, count = getattr(work, sys.argv[1]), int(sys.argv[2])
    chunk = int(sys.argv[3]) if len(sys.argv) > 3 else None
    if function is work.item:
        function = functools.partial(function, work.samples())
    with multiprocessing.Pool(2) as pool:
        results = pool.map(function, range(count), chunk)
    print(json.dumps({"results": dict(enumerate(results))}))
