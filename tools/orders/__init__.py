"""What people see of orders: reading what is published and kept of them, their stories, and records written by hand."""
