"""Dead letters put back in: `plan` decides, purely, what becomes of each; `doing` does it. `leadstream dead-letters replay`
shows the one and runs the other.

Putting back is idempotent: touchpoints keep their event ids, so a second time they are duplicates in their leads; rows
keep their positions, so a second time they are the same rows. The letters themselves stay where they are.
"""
