"""Comparing the runs of a campaign: pure functions over records, and one table renderer."""
