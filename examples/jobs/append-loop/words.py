"""Functions that append to what they are given, as Python functions do."""


def scan(line, found, longest):
    """Appends the long words of a line to `found`, and its longest to the list of its length."""
    words = [word.strip(".,;") for word in line.split()]
    for word in words:
        if len(word) > 6:
            found.append(word)
    best = max(words, key=len)
    longest.setdefault(str(len(best)), []).append(best)


if __name__ == "__main__":
    import json

    found, longest = [], {}
    for line in open("poem.txt"):
        scan(line, found, longest)
    print(json.dumps({"found": found, "longest": longest}, indent=2))
