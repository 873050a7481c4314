"""One servicer a file: benchfleet.v1 services over the domain."""
