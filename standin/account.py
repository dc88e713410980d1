"""The account that the test key belongs to, such as it is."""

from standin.api import Call, operation
from standin.errors import Object


@operation("GET", "/v1/account")
def _retrieve(call: Call) -> Object:
    return {
        "id": "acct_standin",
        "object": "account",
        "business_type": "company",
        "charges_enabled": True,
        "country": "US",
        "created": 1_577_836_800,
        "default_currency": "usd",
        "details_submitted": True,
        "email": "seller@example.com",
        "metadata": {},
        "payouts_enabled": True,
        "type": "standard",
    }
