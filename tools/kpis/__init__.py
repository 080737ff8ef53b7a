"""KPIs for people: read from their topic, and shown in units that can be read."""
