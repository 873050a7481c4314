"""Strict YAML documents: what is wrong is said with its line and, for an unknown key, what was meant."""

from benchfleet.controller.documents.files import read_document
from benchfleet.controller.documents.load import load_document

__all__ = ["load_document", "read_document"]
