"""Pages of docs/reference that are written from the code and from the scenarios: `make docs`."""
