"""Brokers on this machine: the embedded one for a first look and for tests, Apache Kafka as the real thing."""
