"""Campaigns: a fold of its own. It pauses advertising for goods that are not there, and moves the money to those that are."""
