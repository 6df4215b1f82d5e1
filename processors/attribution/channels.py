"""The roads that sources here know to tell apart. A table of channels, and senders of signed events, may name their own."""

from typing import Final

PAID_SEARCH: Final = "paid_search"
PAID_SOCIAL: Final = "paid_social"
DISPLAY: Final = "display"
EMAIL: Final = "email"
ORGANIC_SEARCH: Final = "organic_search"
SOCIAL: Final = "social"
AI_ASSISTANT: Final = "ai_assistant"
AFFILIATE: Final = "affiliate"
VIDEO: Final = "video"
AUDIO: Final = "audio"
SMS: Final = "sms"
PUSH: Final = "push"
EVENT: Final = "event"
OFFLINE: Final = "offline"
REFERRAL: Final = "referral"
DIRECT: Final = "direct"
CRM: Final = "crm"
OTHER: Final = "other"

KNOWN: Final = (
    PAID_SEARCH, PAID_SOCIAL, DISPLAY, EMAIL, ORGANIC_SEARCH, SOCIAL, AI_ASSISTANT, AFFILIATE, VIDEO, AUDIO, SMS, PUSH, EVENT,
    OFFLINE, REFERRAL, DIRECT, CRM, OTHER,
)  # fmt: skip
