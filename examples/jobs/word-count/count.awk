# One word a line in, a table "word<TAB>times" out.
BEGIN { print "Word\ttimes" }   # sorts before every word, since they are in lower case
NF    { times[$1]++ }
END   { for (word in times) print word "\t" times[word] }
