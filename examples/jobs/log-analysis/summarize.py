"""One host over all its days: summarize.py < {day: [{time, level, method, path, status, ms}, …]}"""

import json
import sys

days = json.load(sys.stdin)
rows = [row for entries in days.values() for row in entries]
times = sorted(int(row["ms"]) for row in rows)
slowest = max(rows, key=lambda row: int(row["ms"]))

json.dump(
    {
        "requests": len(rows),
        "errors": sum(row["level"] == "ERROR" for row in rows),
        "median_ms": times[len(times) // 2],
        "slowest": {"time": slowest["time"], "path": slowest["path"], "ms": int(slowest["ms"])},
        "by_day": {day: len(entries) for day, entries in days.items()},
    },
    sys.stdout,
)
