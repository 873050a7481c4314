"""What operators do over the protocol: records for comparison and gates, pushes, watches."""
