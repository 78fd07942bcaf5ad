"""Runs one suite for one way to sort: `shard.py SORT SUITE`. Prints what passed; exit code 1 if something did not."""

import json
import sys

sys.path.insert(0, "project")
import sorts
import suites

way, suite = sys.argv[1:]
passed, failed = [], []
for test in suites.SUITES[suite]:
    got, wanted = test(getattr(sorts, way))
    (passed if got == wanted else failed).append(test.__name__)
    if got != wanted:
        print(f"{test.__name__}: {got} is not {wanted}", file=sys.stderr)

print(json.dumps({"passed": passed}))
sys.exit(1 if failed else 0)
