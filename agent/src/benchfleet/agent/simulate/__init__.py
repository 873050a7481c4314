"""A board that is not there: its heat, power, clocks and faults from one file, its outputs from a real model.

The real runtime computes on this host, and each call then lasts as long as it would on the board (runner/simulated.py).
How busy the runner is heats and feeds a model of the board (device.py); its sensors are files of a tree and answers of
commands (virtual.py) that the drivers for the real board read. Nothing of it is ever told without the word `simulated`.
"""
