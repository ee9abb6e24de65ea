"""Tell here what the days before a day let expect of a metric; keep verdicts on it out (`verdicts`).

A series is compared on a scale on which it varies evenly (logarithm, or arcsine of the root for shares). What is
expected of a day is the level of the last days plus what its weekday usually differs from its week by; all of it is
medians, so that a few odd days do not move it. The spread is that of how far the days before were from what was
expected of them in their turn. A forecast never sees the day that it is for, nor a later one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import asin, expm1, log1p, pi, sin, sqrt
from statistics import median

from metalayer_assets.warehouse.anomalies.metrics import Scale

# Makes the median distance of a normal distribution its standard deviation.
_MAD = 1.4826
_WEEK = timedelta(days=7)
# Beyond this no number of the scale has a value: a band may be as wide as it likes.
_FARTHEST = 700.0
# However even the days before were: a factor of 1.05 is noise, and so are a few rows in a hundred.
_LEAST_SPREAD = {Scale.SIZE: 0.05, Scale.SHARE: 0.04}


@dataclass(frozen=True)
class Tuning:
    """How much of the past counts; days are days that had data and were not flagged.

    Attributes:
        level_days: Latest days whose median is the level.
        weekday_weeks: Latest weeks that the weekdays' differences are taken from.
        spread_days: Latest days whose distances make the spread.
        least_days: Days that must have been forecast before a verdict is given.
        shift_days: Flagged days in a row, all on one side, after which they are the new level.
    """

    level_days: int = 15
    weekday_weeks: int = 8
    spread_days: int = 60
    least_days: int = 20
    shift_days: int = 5

    @property
    def warm_up(self) -> int:
        """Days before the first verdict."""
        return self.level_days + self.least_days


def on_scale(value: float, scale: Scale) -> float:
    """A value on the scale that it is compared on."""
    if scale is Scale.SHARE:
        return asin(sqrt(min(max(value, 0.0), 1.0)))
    return log1p(value) if value >= 0 else -log1p(-value)


def off_scale(value: float, scale: Scale) -> float:
    """The value that stands at a place of the scale."""
    if scale is Scale.SHARE:
        return sin(min(max(value, 0.0), pi / 2)) ** 2
    return expm1(min(value, _FARTHEST)) if value >= 0 else -expm1(min(-value, _FARTHEST))


@dataclass(frozen=True)
class Forecast:
    """What is expected of a day, on the scale of comparison.

    Attributes:
        scale: That scale.
        centre: Where the day is expected.
        below: Spread of days that lie lower than expected.
        above: Spread of those that lie higher.
    """

    scale: Scale
    centre: float
    below: float
    above: float

    def score(self, value: float) -> float:
        """Distance of a value from what is expected, in spreads; negative where it is lower."""
        distance = on_scale(value, self.scale) - self.centre
        return distance / (self.above if distance >= 0 else self.below)

    def expected(self) -> float:
        """The value expected."""
        return off_scale(self.centre, self.scale)

    def at(self, score: float) -> float:
        """The value that would have this score."""
        return off_scale(self.centre + score * (self.above if score >= 0 else self.below), self.scale)


@dataclass
class _Past:
    day: date
    place: float
    in_week: float  # less the median of the week that it ends


@dataclass
class Forecaster:
    """Forecasts of one metric, day by day: ask for the forecast of a day, then tell what the day was."""

    scale: Scale
    tuning: Tuning = field(default_factory=Tuning)

    def __post_init__(self) -> None:
        """Begin without a past."""
        self._past: list[_Past] = []
        self._missed: list[float] = []  # how far the days were from what was expected of them
        self._flagged: list[tuple[_Past, float]] = []
        self._level_from: date | None = None
        self._centred: tuple[date, float | None] | None = None

    @property
    def days_known(self) -> int:
        """Days that count so far."""
        return len(self._past)

    def forecast(self, day: date, size: int) -> Forecast | None:
        """What is expected of a day whose value rests on so many rows; None while too little is known."""
        centre = self._centre(day)
        if centre is None:
            return None
        missed = self._missed[-self.tuning.spread_days :]
        if len(missed) < self.tuning.least_days:
            return None
        both = _MAD * median(abs(distance) for distance in missed)
        # Of so many rows, as many differ by chance alone.
        by_chance = 0.5 / sqrt(max(size, 1)) if self.scale is Scale.SHARE else 0.0
        least = max(by_chance, _LEAST_SPREAD[self.scale])
        below = max(least, _on_one_side([-distance for distance in missed], both))
        above = max(least, _on_one_side(missed, both))
        return Forecast(self.scale, centre, below, above)

    def tell(self, day: date, value: float, *, score: float | None = None, flagged: bool = False) -> None:
        """Take in what a day was; a flagged one counts only once enough of them in a row lie on one side."""
        place = on_scale(value, self.scale)
        centre = self._centre(day)
        self._centred = None
        week = [past.place for past in self._past[-7:] if day - past.day < _WEEK]
        past = _Past(day, place, place - median([*week, place]))
        if not flagged:
            self._flagged.clear()
            self._past.append(past)
            if centre is not None:
                self._missed.append(place - centre)
            return
        side = 1.0 if (score or 0.0) >= 0 else -1.0
        if self._flagged and self._flagged[-1][1] != side:
            self._flagged.clear()
        self._flagged.append((past, side))
        if len(self._flagged) >= self.tuning.shift_days:
            self._level_from = self._flagged[0][0].day
            # How far they were from the old level says nothing of the spread around the new one.
            self._past += [each for each, _ in self._flagged]
            self._flagged.clear()

    def _centre(self, day: date) -> float | None:
        if self._centred is None or self._centred[0] != day:
            self._centred = (day, self._find_centre(day))
        return self._centred[1]

    def _find_centre(self, day: date) -> float | None:
        if len(self._past) < self.tuning.level_days:
            return None
        horizon = day - self.tuning.weekday_weeks * _WEEK
        usual: list[list[float]] = [[] for _ in range(7)]
        for past in reversed(self._past):
            if past.day < horizon:
                break
            usual[past.day.weekday()].append(past.in_week)
        # With few days of its kind a weekday is held to differ less than they say.
        weekday = [median(seen) * len(seen) / (len(seen) + 1) if seen else 0.0 for seen in usual]
        latest = self._past[-self.tuning.level_days :]
        if self._level_from is not None:
            latest = [past for past in latest if past.day >= self._level_from]
        level = median(past.place - weekday[past.day.weekday()] for past in latest)
        return level + weekday[day.weekday()]


def _on_one_side(distances: Sequence[float], both: float) -> float:
    """Spread of the distances above 0, drawn half-way to that of all: few days tell of each side alone."""
    beyond = [distance for distance in distances if distance > 0]
    own = _MAD * median(beyond) if beyond else both
    return sqrt((both**2 + own**2) / 2)
