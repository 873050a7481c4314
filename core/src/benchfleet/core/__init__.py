"""The pure domain of benchfleet: no grpc, no I/O of its own, standard library only (wire.py knows protobuf)."""
