"""What browsers are given: the snippet, readable in `leadstream.js`, built from it in `leadstream.min.js`, served by `snippet`."""
