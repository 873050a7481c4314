"""Policies: what a model must keep to before it may ship, as a document, and its evaluation over a campaign."""
