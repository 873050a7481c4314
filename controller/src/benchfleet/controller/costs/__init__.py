"""What runs cost: prices that an operator writes down, applied to what was measured."""
