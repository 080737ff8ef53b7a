"""`onhand demo`: a month of trade, two shoppers racing, a worker killed in the middle, and a count that checks it all."""
