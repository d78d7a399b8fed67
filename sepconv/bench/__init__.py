"""Measuring: clocks, processes and the plan; knows no store and draws no conclusion."""
