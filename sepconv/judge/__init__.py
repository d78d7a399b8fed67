"""Deciding: estimates with their intervals, and what they mean. Data in, data out."""
