"""What a model file says about itself: parsed in a child process with limits, since a model is hostile input."""

from benchfleet.controller.inspection.child import inspect_model
from benchfleet.controller.inspection.facts import Count, ModelFacts, Shapes, TensorFacts
from benchfleet.controller.inspection.sizes import parse_shapes

__all__ = ["Count", "ModelFacts", "Shapes", "TensorFacts", "inspect_model", "parse_shapes"]
