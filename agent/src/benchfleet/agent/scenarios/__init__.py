"""How load arrives: one file per scenario, each with NAME-like file name, `refuse(batch)` and `drive(...)`."""
