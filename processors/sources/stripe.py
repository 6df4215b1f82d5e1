"""Stripe's events: what was paid, and by whom. A sale is told by several events, and counts once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from processors.attribution.channels import CRM
from processors.email import Email, read_email
from processors.profile.coding import code
from processors.sources import event_lists, families
from processors.sources.batches import adapt_one
from processors.sources.bounds import Texts, identifier, line
from processors.sources.instants import occurred_at
from processors.sources.json_bodies import decode_one, section
from processors.sources.signal import Ignored, Outcome, Signal, Unauthorised, Unusable
from processors.sources.timed_signatures import timed_refusal
from schemas.ids import derive
from schemas.touchpoint import Touchpoint

SOURCE: Final = "stripe"
PATHS: Final = ("/webhooks/stripe",)
family = families.crm
alone = event_lists.as_it_came
SIGNATURE: Final = "stripe-signature"

_CHECKOUT: Final = ("checkout.session.completed", "checkout.session.async_payment_succeeded")
_INVOICE: Final = ("invoice.paid", "invoice.payment_succeeded")
_ENDED: Final = "customer.subscription.deleted"
_TOLD: Final = frozenset({*_CHECKOUT, *_INVOICE, "customer.subscription.created", "customer.subscription.updated", _ENDED})
_RENEWALS: Final = ("subscription_cycle", "subscription_update", "subscription_threshold", "subscription")
"""Why an invoice was written, where its customer was one before."""
_WHOLE: Final = frozenset({
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
})  # fmt: skip
_THOUSANDTHS: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
_ITEMS_MAX: Final = 100
_AMOUNT_BEYOND: Final = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSettings:
    """The signing secrets of the endpoint, and the metadata fields that hold the CRM's id of a person.

    `client_reference_id`, a field of checkouts, may be among them.
    """

    secrets: tuple[str, ...]
    identity_key: bytes
    window_s: int = 300
    crm_id_fields: tuple[str, ...] = ("crm_id", "user_id")


class _Data(msgspec.Struct, gc=False):
    object: dict[str, Any] | None = None
    previous_attributes: Any = None


class _Event(msgspec.Struct, gc=False):
    id: str | None = None
    type: str | None = None
    created: Any = None
    livemode: Any = None
    data: _Data | None = None


class _Sale(NamedTuple):
    """What was done, the id that all events of this sale share, and the money in the currency's smallest unit."""

    kind: str
    key: object
    amount: int | None


_event = msgspec.json.Decoder(_Event)


def adapt(signal: Signal, settings: StripeSettings) -> Outcome:
    """Read one event, once its signature proves it."""
    refusal = timed_refusal(signal, SIGNATURE, secrets=settings.secrets, window_s=settings.window_s, setting="LEADSTREAM_STRIPE_SECRETS")
    if refusal is not None:
        return Unauthorised(detail=refusal)
    return adapt_one(lambda: _turn(decode_one(_event, signal.body), signal, settings), signal.body)


def _turn(event: _Event, signal: Signal, settings: StripeSettings) -> Touchpoint | Ignored:
    if not event.type:
        raise Unusable("type", "no_kind", "type: is missing; it says what happened, for example invoice.paid")
    if event.type not in _TOLD:
        return Ignored(index=0, reason="no_sale")
    if event.data is None or event.data.object is None:
        raise Unusable("data.object", "no_object", "data.object: is missing; it holds what was paid")
    paid = event.data.object
    sale = _sale(event.type, paid, section(event.data.previous_attributes))
    return Ignored(index=0, reason=sale) if isinstance(sale, str) else _touchpoint(event, paid, sale, signal=signal, settings=settings)


def _sale(said: str, paid: Mapping[str, Any], before: Mapping[str, Any]) -> _Sale | str:
    """The sale that an event tells of, or the reason why it tells of none."""
    if said in _CHECKOUT:
        if paid.get("payment_status") not in ("paid", "no_payment_required"):
            return "not_paid"  # a bank transfer, say: async_payment_succeeded follows
        return _won(_id(paid.get("invoice")) or _id(paid.get("payment_intent")) or paid.get("id"), paid.get("amount_total"))
    if said in _INVOICE:
        won = _won(paid.get("id"), paid.get("total") if paid.get("paid_out_of_band") is True else paid.get("amount_paid"))
        return won._replace(kind="invoice_paid") if isinstance(won, _Sale) and paid.get("billing_reason") in _RENEWALS else won
    return _of_subscription(said, paid, before.get("status"))


def _of_subscription(said: str, paid: Mapping[str, Any], status_before: object) -> _Sale | str:
    status, amount = paid.get("status"), _price(paid)
    if said == _ENDED:
        return _Sale("subscription_canceled", paid.get("id"), amount)
    if status == "trialing" and status_before in (None, "incomplete"):
        # An update that leaves the status alone comes here, too: the same trial, by its id.
        return _Sale("trial_started", paid.get("id"), amount)
    if status == "active" and status_before == "trialing":
        return _won(paid.get("id"), amount)  # its first invoice looks like any renewal
    return "told_by_invoice" if status == "active" else "no_sale"


def _won(key: object, amount: object) -> _Sale | str:
    paid = _amount(amount)
    return _Sale("deal_won", key, paid) if paid is not None and paid > 0 else "nothing_paid"


def _price(subscription: Mapping[str, Any]) -> int | None:
    """The price of all items of a subscription together, per period; None where they have none."""
    prices = [_item_price(each) for each in _items(subscription)]
    known = [price for price in prices if price is not None]
    return _amount(sum(known)) if known else None


def _items(subscription: Mapping[str, Any]) -> list[object]:
    items = section(subscription, "items").get("data")
    return items[:_ITEMS_MAX] if isinstance(items, list) and items else [subscription]


def _item_price(item: object) -> int | None:
    each = _amount(section(item, "price").get("unit_amount", section(item, "plan").get("amount")))
    quantity = _amount(section(item).get("quantity", 1))
    return None if each is None or quantity is None else each * quantity


def _amount(said: object) -> int | None:
    return said if isinstance(said, int) and not isinstance(said, bool) and abs(said) < _AMOUNT_BEYOND else None


def _touchpoint(event: _Event, paid: Mapping[str, Any], sale: _Sale, *, signal: Signal, settings: StripeSettings) -> Touchpoint:
    key, customer = identifier(_text(sale.key), "data.object.id"), identifier(_text(_id(paid.get("customer"))), "data.object.customer")
    if key is None:
        raise Unusable("data.object.id", "no_id", "data.object.id: is missing; it tells a re-send from a new sale")
    email, crm_id = _email(paid, settings.identity_key), _crm_id(paid, settings)
    if customer is None and email is None and crm_id is None:
        raise Unusable("data.object.customer", "no_identity", "data.object.customer: is missing, and so is an email address")
    visitor_id = None if customer is None else f"{SOURCE}.{customer}"[:128]
    at, readable = occurred_at(event.created, signal, field="created")
    return Touchpoint(
        # By whom, too: the first event of a sale to come may know less of the person, and must not hide the others.
        event_id=derive(SOURCE, sale.kind, key, visitor_id or "", crm_id or "", "" if email is None else email.hash),
        source=SOURCE,
        kind=sale.kind,
        channel=CRM,
        occurred_at=at,
        received_at=signal.received(at),
        visitor_id=visitor_id,
        crm_id=crm_id,
        email_hash=None if email is None else email.hash,
        email_domain=None if email is None else email.domain,
        properties=_properties(event, paid, sale, readable=readable),
        profile=code({"country": _country(paid)}, at=at),
        contact=_contact(paid, email),
        import_id=signal.import_id,
    )


def _id(said: object) -> object:
    """An id, also of an object that stands in its place."""
    return said.get("id") if isinstance(said, Mapping) else said


def _text(said: object) -> str | None:
    return said if isinstance(said, str) else None


def _email(paid: Mapping[str, Any], key: bytes) -> Email | None:
    customer = section(paid, "customer")
    places = (section(paid, "customer_details").get("email"), paid.get("customer_email"), customer.get("email"), paid.get("receipt_email"))
    return next((email for said in places if isinstance(said, str) and (email := read_email(said, key)) is not None), None)


def _crm_id(paid: Mapping[str, Any], settings: StripeSettings) -> str | None:
    parent = section(paid, "parent", "subscription_details", "metadata") or section(paid, "subscription_details", "metadata")
    places = {"client_reference_id": paid.get("client_reference_id")} | dict(parent) | dict(section(paid, "metadata"))
    said = (places.get(name) for name in settings.crm_id_fields)
    return next((found for each in said if isinstance(each, str) and (found := identifier(each, "crm_id")) is not None), None)


def _country(paid: Mapping[str, Any]) -> object:
    return section(paid, "customer_details", "address").get("country") or section(paid, "customer_address").get("country")


def _currency(paid: Mapping[str, Any]) -> object:
    """Subscriptions of older versions of the API have none of their own."""
    first = _items(paid)[0]
    return paid.get("currency") or section(first, "price").get("currency") or section(first, "plan").get("currency")


def _contact(paid: Mapping[str, Any], email: Email | None) -> dict[str, str]:
    details, customer = section(paid, "customer_details"), section(paid, "customer")
    said = {
        "name": details.get("name") or paid.get("customer_name") or customer.get("name"),
        "phone": details.get("phone") or paid.get("customer_phone") or customer.get("phone"),
        "company": details.get("business_name"),
    }
    contact = {name: text for name, value in said.items() if (text := line(value, f"data.object.{name}")) is not None}
    return contact if email is None else contact | {"email": email.address}


def _properties(event: _Event, paid: Mapping[str, Any], sale: _Sale, *, readable: bool) -> dict[str, str]:
    texts = Texts("data.object.metadata")
    currency = (line(_currency(paid), "data.object.currency", 3) or "").upper()
    if sale.amount is not None and currency:
        texts.put("amount", _money(sale.amount, currency))
        texts.put("currency", currency)
    texts.put("sale", sale.key)
    texts.put("stripe_event", event.type)
    for name in ("mode", "billing_reason", "status", "number"):
        texts.put(name, line(paid.get(name), f"data.object.{name}"))
    texts.put("subscription", _text(_id(paid.get("subscription") or section(paid, "parent", "subscription_details").get("subscription"))))
    if event.livemode is False:
        texts.put("test", value=True)
    texts.take(section(paid, "metadata"))
    if not readable:
        texts.entries["created_unreadable"] = "created"
    return texts.result()


def _money(amount: int, currency: str) -> str:
    """Write *amount*, in the currency's smallest unit as Stripe counts it, in whole units."""
    digits = 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2
    if not digits:
        return str(amount)
    whole, rest = divmod(abs(amount), 10**digits)
    return f"{'-' if amount < 0 else ''}{whole}.{rest:0{digits}}"
