# "2024-05-01T08:00:03Z INFO GET /orders 200 12ms" becomes one row of a table; other lines are left out.
BEGIN { OFS = "\t"; print "time", "level", "method", "path", "status", "ms" }
NF == 6 && $6 ~ /^[0-9]+ms$/ { sub(/ms$/, "", $6); print $1, $2, $3, $4, $5, $6; next }
{ print FILENAME ":" FNR ": left out: " $0 > "/dev/stderr" }
