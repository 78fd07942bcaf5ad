"""Reads {"test": {sort: {suite: {"passed": [name, …]}}}, "calls": [call, …]}, prints a report of all shards."""

import json
import sys

read = json.load(sys.stdin)
bad = [call for call in read["calls"] if call["outcome"] not in ("succeeded", "skipped")]
report = {
    "shards": len(read["calls"]),
    "passed": sum(len(one["passed"]) for suites in read["test"].values() for one in suites.values()),
    "failed": {call["address"]: call["stderr"].splitlines() for call in bad},
}
print(json.dumps(report))
