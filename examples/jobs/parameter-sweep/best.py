"""The pair with the smallest mean error: best.py < {level: {trend: {mean, worst}}}"""

import json
import sys

errors = json.load(sys.stdin)
pairs = [(level, trend) for level, row in errors.items() for trend in row]
level, trend = min(pairs, key=lambda pair: errors[pair[0]][pair[1]]["mean"])
json.dump({"level": level, "trend": trend, "tried": len(pairs), **errors[level][trend]}, sys.stdout)
