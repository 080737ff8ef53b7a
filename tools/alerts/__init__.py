"""What people must know now, from what was alerted."""
