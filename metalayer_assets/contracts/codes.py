"""Define closed code lists that rules and models share here; keep the rules out."""

ORDER_STATUSES = ("PENDING", "COMPLETED", "SHIPPED", "CANCELLED", "RETURNED")
REVENUE_STATUSES = ("COMPLETED", "SHIPPED")
REVERSAL_STATUSES = ("CANCELLED", "RETURNED")
ORDER_SIZES = ("SMALL", "MEDIUM", "LARGE")

# Currencies that stand before or after an amount, as signs and as codes of ISO 4217.
CURRENCY_SIGNS = ("$", "£", "€", "¥", "US$")
CURRENCIES = (
    *("AED", "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "INR", "JPY", "KRW"),
    *("MXN", "NOK", "NZD", "PLN", "SAR", "SEK", "SGD", "THB", "TRY", "USD", "ZAR"),
)
