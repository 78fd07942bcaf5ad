"""Reads {station: [temperature, …]}, prints the number of stations, the mean and the warmest station."""

import json
import sys

stations = json.load(sys.stdin)
readings = [reading for one in stations.values() for reading in one]
summary = {
    "stations": len(stations),
    "mean": round(sum(readings) / len(readings), 2),
    "warmest": max(stations, key=lambda station: max(stations[station])),
}
print(json.dumps(summary))
