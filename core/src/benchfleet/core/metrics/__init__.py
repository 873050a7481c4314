"""One file per family of metrics; each holds METRICS."""
