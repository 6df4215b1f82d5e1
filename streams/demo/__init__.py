"""The demo: a quarter of an invented B2B company's traffic, played through the real doors.

The traffic is a pure function of a seed (`chance`, `company`, `people`, `visits`, `mailings`, `sales`, `quarter`); `play`
and `feed` send it, `tally` counts what became of it, `screen` shows it, `show` runs it all.
"""
