"""What the replenisher knows and has said, read from Kafka; and records of the demand log, written by hand."""
