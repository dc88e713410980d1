"""Actionflow: Stripe payment flows a builder writes as YAML, run exactly once per event."""

__version__ = "0.1.0"
