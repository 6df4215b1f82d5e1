"""The command line. `main` finds the command asked for in `commands` and imports its module, that one only.

A command is a module with two functions: `declare(parser)` says what it takes, with a description that teaches and
examples, and imports nothing heavy, for `--help` must be quick; `run(asked)` does it and returns an exit code. What
goes wrong is raised as an error of `streams.errors`, whose message is the one sentence that a person reads on stderr.
"""
