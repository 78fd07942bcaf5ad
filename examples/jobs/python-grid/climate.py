"""A plain module: it knows nothing of deco, and runs as well by itself."""


def process(lat, lon, data):
    """The mean of the samples around one cell."""
    near = data[max(0, lat + lon - 1) : lat + lon + 2]
    samples = [sample for station in near for sample in station]
    return round(sum(samples) / len(samples), 2)


def summarize(results):
    cells = {(lat, lon): mean for lat, row in results.items() for lon, mean in row.items()}
    warmest = max(cells, key=cells.get)
    return {"cells": len(cells), "warmest": list(warmest), "mean": round(sum(cells.values()) / len(cells), 2)}


if __name__ == "__main__":
    import json

    data = json.load(open("samples.json"))
    results = {}
    for lat in range(5):
        for lon in range(5):
            results.setdefault(str(lat), {})[str(lon)] = process(lat, lon, data)
    print(json.dumps({"results": results, "summary": summarize(results)}, indent=2))
