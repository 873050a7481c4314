"""What a model file says about itself: parsed in a child process with limits, since a model is hostile input."""

from benchfleet.controller.inspection.child import inspect_model
from benchfleet.controller.inspection.facts import Count, ModelFacts, TensorFacts

__all__ = ["Count", "ModelFacts", "TensorFacts", "inspect_model"]
