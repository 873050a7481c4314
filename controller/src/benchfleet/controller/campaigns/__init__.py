"""Campaigns: the document, its plan, and the state machine of its runs."""
