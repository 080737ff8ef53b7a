"""The Avro schemas of all topics, as package data: `<name>.avsc` now, `history/<name>/<n>.avsc` every version ever published."""
