"""Data sets: what a file may hold (archive), what it declares (document), and every fault of one (validation)."""
