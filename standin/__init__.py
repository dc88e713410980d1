"""A stateful stand-in for Stripe's REST API, for development and tests without an account.

It answers on loopback only, holds no real money and refuses live keys. Objects have the shape of
API version 2026-05-27.dahlia; amounts are integers in minor units, times are UTC seconds. See
README.md beside this file.
"""

__all__ = ["API_VERSION"]

API_VERSION = "2026-05-27.dahlia"
