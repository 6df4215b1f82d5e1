"""The parts of the collector: which door it was, the body, the answer, and the way into Kafka. `streams.collect` runs them."""
