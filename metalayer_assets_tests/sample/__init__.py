"""Tests of the sample landing and of the independent readers."""
