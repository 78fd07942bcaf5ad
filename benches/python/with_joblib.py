"""joblib: with_joblib.py FUNCTION COUNT. The result is keyed as deco's."""
import functools
import json
import sys

import joblib

import work

if __name__ == "__main__":
    function, count = getattr(work, sys.argv[1]), int(sys.argv[2])
    if function is work.item:
        function = functools.partial(function, work.samples())
    results = joblib.Parallel(n_jobs=2)(joblib.delayed(function)(n) for n in range(count))
    print(json.dumps({"results": dict(enumerate(results))}))
