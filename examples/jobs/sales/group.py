"""The orders of one month: group.py REGION MONTH < orders.json, the orders of that region

Money is never a binary float here: it is printed with its two decimals, and deco keeps every digit.
"""

import json
import sys
from decimal import Decimal

region, month = sys.argv[1:]
orders = [order for order in json.load(sys.stdin) if order["date"].startswith(month)]
worth = {order["order"]: Decimal(order["price"]) * int(order["quantity"]) for order in orders}
first = max(orders, key=lambda order: worth[order["order"]])
largest = {"region": region, "month": month, "order": first["order"], "customer": first["customer"]}

print(
    '{"revenue": %s, "units": %d, "largest": %s}'
    % (
        sum(worth.values()),
        sum(int(order["quantity"]) for order in orders),
        json.dumps(largest, ensure_ascii=False),
    )
)
