"""Adapters to inference engines, one file each; see runner/contract.py for the whole contract."""
