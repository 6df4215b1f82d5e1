"""Sending files: rows of any shape, mapped to events, through the collector's door for signed events.

Rows are read one by one (`rows`), mapped by a map file (`map_file`, `mapping`, `values`, `dates`), sent in signed batches
with patience (`door`, `send`, `history`), what became of them is added up (`report`), and a note of how far it came lets an
interrupted sending go on (`resume`).
"""
