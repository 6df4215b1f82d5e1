"""What leadstream runs on: the container file, and servers for one machine.

`local` starts Apache Kafka and ClickHouse without Docker, root, Java or Maven. Nothing here imports the product.
"""
