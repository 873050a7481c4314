"""The measured process: a model, its runtime, and nothing else. Standard library only, Python 3.8 syntax."""
