"""What the collector takes, and what the topics hold, for machines: OpenAPI and AsyncAPI, made of the code that does it."""
