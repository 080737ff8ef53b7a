"""Floor 5: what speaks to the world outside of Kafka.

delivery/   commands to ad platforms, by webhook, and their answers back into the log
metrics/    figures for Prometheus
"""
