"""Scenarios through a broker and a worker: `onhand play --live`."""
