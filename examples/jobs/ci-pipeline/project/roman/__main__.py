import sys

from . import from_roman, to_roman

for word in sys.argv[1:]:
    print(to_roman(int(word)) if word.isdecimal() else from_roman(word))
