"""The grid as a whole: summary.py < results.json, with results[lat][lon] = {mean, min, max}"""

import json
import sys

results = json.load(sys.stdin)
cells = {f"{lat},{lon}": cell for lat, row in results.items() for lon, cell in row.items()}
means = [cell["mean"] for cell in cells.values()]

json.dump(
    {
        "cells": len(cells),
        "mean": round(sum(means) / len(means), 2),
        "warmest": max(cells, key=lambda name: cells[name]["max"]),
        "coldest": min(cells, key=lambda name: cells[name]["min"]),
        "by_latitude": [
            round(sum(cell["mean"] for cell in row.values()) / len(row), 2) for row in results.values()
        ],
    },
    sys.stdout,
)
