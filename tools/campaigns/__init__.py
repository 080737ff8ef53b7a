"""What people see of campaigns: how they stand, their stories, and registrations written by hand."""
