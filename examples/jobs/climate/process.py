"""Mean temperature of one cell: process.py LAT LON < samples.json

The samples are tenths of a degree at the equator; it gets colder by 6 degrees for each step of
latitude, and the coast (lon 0 and 4) is milder by a quarter of the distance to 15 degrees.
"""

import json
import sys

lat, lon = int(sys.argv[1]), int(sys.argv[2])
samples = [tenths - 60 * lat for tenths in json.load(sys.stdin)]
if lon in (0, 4):
    samples = [tenths + (150 - tenths) // 4 for tenths in samples]

json.dump(
    {
        "mean": round(sum(samples) / len(samples) / 10, 2),
        "min": min(samples) / 10,
        "max": max(samples) / 10,
    },
    sys.stdout,
)
