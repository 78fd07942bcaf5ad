"""Hosts where more than one request in ten failed, a line each: alerts.py < {host: summary}"""

import json
import sys

for host, summary in json.load(sys.stdin).items():
    if summary["errors"] * 10 > summary["requests"]:
        print(f"{host}: {summary['errors']} of {summary['requests']} requests failed")
