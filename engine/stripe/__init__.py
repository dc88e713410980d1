"""What Stripe sends, and what it means: pure functions, no rows, no network.

`signature` says who sent a body, `event` what it is, `routing` which flow it starts; `payment`,
`checkout`, `refund`, `dispute`, `subscription` and `invoice` read it, whatever API version wrote
it, into facts that `facts` merges; `amounts` knows money.
"""
