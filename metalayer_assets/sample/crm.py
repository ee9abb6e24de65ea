"""Invent the customers and accounts of a sample landing here; keep orders and writing out.

A customer is a function of the seed, its number and how often each part of it has changed, so that a million of
them take a few bytes each and any of them can be told again in full on any day.
"""

import unicodedata
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from metalayer_assets.sample.draw import Draw, scatter
from metalayer_assets.sample.options import SampleOptions
from metalayer_assets.sample.rows import CUSTOMERS, Row, clock_text
from metalayer_assets.sample.sheets import lacks
from metalayer_assets.sample.words import FIRST_NAMES, LAST_NAMES, MAIL_DOMAINS, PLACES, REGIONS, STREETS

_BLOCK = 2_000
_AREAS = ("212", "310", "415", "617", "206", "305", "512", "312")
_PHONES = ("({}) 555-01{}", "+1 {} 555 01{}", "{}-555-01{}", "{}55501{}", "+1{}55501{}")
_PARTS = ("address", "email", "phone", "name", "region", "gone")
_CHANGES = ("address",) * 40 + ("email",) * 24 + ("phone",) * 22 + ("name",) * 11 + ("gone",) * 3


def _slug(name: str) -> str:
    letters = unicodedata.normalize("NFD", name.replace("Ł", "L").replace("ł", "l").replace("ø", "o"))
    return "".join(c for c in letters if c.isascii() and c.isalnum()).lower() or "wang"


_FIRST_SLUGS = tuple(map(_slug, FIRST_NAMES))
_LAST_SLUGS = tuple(map(_slug, LAST_NAMES))


class Crm:
    """The customers, how often each part of them has changed, and what a day tells of them."""

    def __init__(self, options: SampleOptions) -> None:
        self._options = options
        self._draw = Draw(options.seed, "crm")
        self.count = options.customers
        self._times = {part: bytearray(self.count) for part in _PARTS}
        self._joined: list[date] = []

    def identify(self, number: int) -> str:
        """The customer id of a number: text with leading zeros."""
        return f"{number + 1:07d}"

    def first_customers(self) -> Iterator[list[Row]]:
        """Every customer of the first extract, in blocks that share no key."""
        for start in range(0, self._options.customers, _BLOCK):
            numbers = range(start, min(start + _BLOCK, self._options.customers))
            yield [self._customer(number, None) for number in numbers]

    def first_accounts(self) -> Iterator[list[Row]]:
        """Every account of the first extract, in blocks that share no key."""
        for start in range(0, self._options.customers, _BLOCK):
            yield [self._account(n) for n in range(start, min(start + _BLOCK, self._options.customers))]

    def changes(self, index: int) -> tuple[list[Row], list[Row]]:
        """The customers and the accounts that a day tells of: new, changed and deleted ones."""
        options, draw = self._options, self._draw
        is_tail = options.is_tail(index)
        wanted = options.tail_changes if is_tail else options.changes
        joining = wanted // 50 if is_tail else wanted // 5
        first_new = self.count
        self._join(joining, options.day(index))
        numbers = [draw.below(first_new) for _ in range(wanted - joining if is_tail else wanted)]
        customers, renamed = self._changed(index, numbers)
        newcomers = range(first_new, self.count)
        customers += [self._customer(number, None) for number in newcomers]
        accounts = [self._account(number) for number in [*newcomers, *renamed]]
        movers = wanted - len(accounts) if is_tail else -(-wanted // 4)
        for _ in range(movers):
            number = draw.below(first_new)
            self._bump("region", number)
            accounts.append(self._account(number))
        return customers, accounts

    def _changed(self, index: int, numbers: list[int]) -> tuple[list[Row], list[int]]:
        options, draw = self._options, self._draw
        may_delete = not (options.variety and lacks(CUSTOMERS, index) == "is_deleted")
        day = options.day(index)
        rows: list[Row] = []
        renamed = []
        for number, second in zip(numbers, sorted(draw.below(82_800) for _ in numbers), strict=True):
            if self._times["gone"][number]:
                continue
            part = draw.pick(_CHANGES)
            if part == "gone" and not may_delete:
                part = "address"
            if part == "name":
                renamed.append(number)
            self._bump(part, number)
            # Now and then a change is told days after it happened, behind others that are known already.
            told = day - timedelta(days=draw.between(1, 5)) if draw.chance(0.05) else day
            rows.append(self._customer(number, f"{told} {clock_text(second)}"))
            if part != "gone" and draw.chance(0.07):
                self._bump("email", number)
                rows.append(self._customer(number, f"{day} {clock_text(second + draw.between(60, 3_599))}"))
        return rows, renamed

    def _join(self, joining: int, day: date) -> None:
        for times in self._times.values():
            times.extend(bytes(joining))
        self._joined.extend([day] * joining)
        self.count += joining

    def _bump(self, part: str, number: int) -> None:
        times = self._times[part]
        times[number] = (times[number] + 1) % 256

    def _customer(self, number: int, updated_at: str | None) -> Row:
        times = self._times
        bits = scatter(self._options.seed, number)
        first = bits % len(FIRST_NAMES)
        last = ((bits >> 8) + 7 * times["name"][number]) % len(LAST_NAMES)
        home = scatter(self._options.seed + 1, number * 256 + times["address"][number])
        city, state, code, _ = PLACES[home % len(PLACES)]
        created = self._created(number, bits)
        if updated_at is None:
            updated_at = f"{created} {clock_text((bits >> 20) % 86_400)}"
        moves = times["phone"][number]
        texts = [
            self.identify(number),
            FIRST_NAMES[first],
            LAST_NAMES[last],
            self._email(number, bits, first, last),
            _PHONES[(bits >> 40) % 5].format(_AREAS[((bits >> 44) + moves) % 8], f"{(bits >> 48) % 100:02d}")
            if (bits >> 36) % 20
            else "",
            f"{(home >> 8) % 990 + 1} {STREETS[(home >> 20) % len(STREETS)]}",
            city,
            state,
            code.replace("##", f"{(home >> 28) % 100:02d}").replace("#", f"{(home >> 28) % 10}"),
            f"{1940 + (bits >> 16) % 65}-{(bits >> 23) % 12 + 1:02d}-{(bits >> 27) % 28 + 1:02d}",
            str(created),
            updated_at,
            "true" if times["gone"][number] else "false",
        ]
        return Row(texts, texts[0], datetime.fromisoformat(updated_at))

    def _account(self, number: int) -> Row:
        bits = scatter(self._options.seed, number)
        first = bits % len(FIRST_NAMES)
        last = ((bits >> 8) + 7 * self._times["name"][number]) % len(LAST_NAMES)
        moves = self._times["region"][number]
        home = scatter(self._options.seed + 1, number * 256)
        region = PLACES[home % len(PLACES)][3]
        if moves:
            region = REGIONS[(REGIONS.index(region) + moves) % len(REGIONS)]
        texts = [
            self.identify(number),
            f"{FIRST_NAMES[first]} {LAST_NAMES[last]}",
            self._email(number, bits, first, last),
            region,
        ]
        return Row(texts, texts[0])

    def _email(self, number: int, bits: int, first: int, last: int) -> str:
        times = self._times["email"][number]
        if (bits >> 56) % 25 == 0 and not times:
            return ""
        domain = MAIL_DOMAINS[((bits >> 52) + times) % len(MAIL_DOMAINS)]
        return f"{_FIRST_SLUGS[first]}.{_LAST_SLUGS[last]}{number % 1000}@{domain}"

    def _created(self, number: int, bits: int) -> date:
        place = number - self._options.customers
        if place >= 0:
            return self._joined[place]
        return self._options.first_day - timedelta(days=1 + (bits >> 30) % 2_000)
