"""`python -m standin`: starts the stand-in for Stripe on loopback."""

import argparse
import os
import sys

from standin import API_VERSION, auth, webhook_endpoints
from standin.server import serve
from standin.state import State

_BANNER = """
  ***************************************************************************
  *  STAND-IN FOR STRIPE. This is not Stripe. No money moves, no card is     *
  *  charged. Test keys only, loopback only. Never use it in production.     *
  ***************************************************************************
  API        {url}   (shape of {version})
  Webhooks   {webhook}
  Secret     {secret}
  Control    {url}/_standin/events, see standin/README.md
"""


def main(arguments: list[str] | None = None) -> None:
    """Reads the command line, says what this is, and serves."""
    parser = argparse.ArgumentParser(prog="python -m standin", description=__doc__)
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument("--webhook", metavar="URL", help="send every event here")
    parser.add_argument("--secret", help="the endpoint's signing secret (whsec_...)")
    parser.add_argument("--webhook-version", metavar="VERSION", help="API version of the events")
    parser.add_argument("--seed", type=int, help="repeatable ids")
    parser.add_argument("--now", type=int, help="a clock that stands still at this UTC second")
    parser.add_argument(
        "--hold", action="store_true", help="keep events until POST /_standin/deliver"
    )
    options = parser.parse_args(arguments)
    try:
        auth.refuse_live_environment(os.environ)
    except auth.LiveKey as error:
        raise SystemExit(str(error)) from None
    state = State(seed=options.seed, now=options.now)
    state.delivery.hold = options.hold
    secret = "-"
    if options.webhook:
        endpoint = webhook_endpoints.create(
            state, options.webhook, ["*"], options.webhook_version, options.secret
        )
        secret = state.hidden(endpoint["id"])["secrets"][0]
    print(
        _BANNER.format(
            url=f"http://127.0.0.1:{options.port}",
            version=API_VERSION,
            webhook=options.webhook or "none (create an endpoint through the API)",
            secret=secret,
        ),
        file=sys.stderr,
        flush=True,
    )
    serve(state, options.port)


if __name__ == "__main__":
    main()
