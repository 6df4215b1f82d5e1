"""The scoring model: its values (`scoring_model`), and the YAML file that marketing edits, read and checked (`file`).

A file is read section by section, so a mistake in one hides none in another; every problem is told at once, by line.
"""
