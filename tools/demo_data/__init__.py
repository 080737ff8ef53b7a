"""A real month of trade, bundled (README.md says where it comes from), and the traffic that the demo makes of it."""
