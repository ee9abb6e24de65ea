"""Judge the days of each metric here, from readings alone; keep the database out (`store`)."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum

from metalayer_assets.warehouse.anomalies.expectation import Forecast, Forecaster, Tuning
from metalayer_assets.warehouse.anomalies.metrics import METRICS, DayKind, Metric, Reading, Scale

_ONE_DAY = timedelta(days=1)
# A weekday is asked for when nearly all of its last occurrences had data.
_WEEKDAYS_SEEN, _WEEKDAYS_LEAST, _WEEKDAYS_USUAL = 8, 4, 0.75


class Severity(Enum):
    """How odd a day is; `UNJUDGED` where nothing can be said."""

    UNJUDGED = "unjudged"
    NONE = "none"
    INFO = "info"
    WARN = "warn"
    SEVERE = "severe"

    @property
    def is_finding(self) -> bool:
        """Whether somebody should look."""
        return self in (Severity.WARN, Severity.SEVERE)


@dataclass(frozen=True)
class Thresholds:
    """Scores from which on a day is of each severity."""

    info: float = 3.0
    warn: float = 3.5
    severe: float = 6.0

    def severity(self, score: float) -> Severity:
        """The severity of a score, whatever its sign."""
        distance = abs(score)
        if distance >= self.severe:
            return Severity.SEVERE
        if distance >= self.warn:
            return Severity.WARN
        return Severity.INFO if distance >= self.info else Severity.NONE


@dataclass(frozen=True)
class Verdict:
    """What is said of one metric on one day; the fields are the columns of `meta.anomalies`."""

    metric: str
    day: date
    value: Decimal | None
    expected: Decimal | None
    low: Decimal | None
    high: Decimal | None
    score: Decimal | None
    severity: str
    explanation: str

    @property
    def is_finding(self) -> bool:
        """Whether somebody should look."""
        return Severity(self.severity).is_finding


@dataclass(frozen=True)
class Known:
    """What is known of days beside their readings.

    Attributes:
        complete: Last day of each kind to which nothing is expected to be added.
        begun: Last day of each kind that may have data at all.
        holidays: Days on which nothing need happen.
    """

    complete: Mapping[DayKind, date]
    begun: Mapping[DayKind, date]
    holidays: frozenset[date] = frozenset()


def judge(
    readings: Mapping[str, Sequence[Reading]],
    known: Known,
    *,
    thresholds: Thresholds | None = None,
    tuning: Tuning | None = None,
    metrics: Iterable[Metric] = METRICS,
) -> list[Verdict]:
    """Verdicts on every day of every metric, in their order.

    A verdict on a day depends on that day and the ones before it.
    """
    return [
        verdict
        for metric in metrics
        for verdict in _judge_metric(
            metric, readings.get(metric.name, ()), known, thresholds or Thresholds(), tuning or Tuning()
        )
    ]


def _judge_metric(
    metric: Metric, readings: Sequence[Reading], known: Known, thresholds: Thresholds, tuning: Tuning
) -> Iterator[Verdict]:
    with_data = {reading.day: reading for reading in readings if reading.size > 0}
    if not with_data or metric.day_kind not in known.begun:
        return
    complete = known.complete.get(metric.day_kind, date.min)
    forecaster = Forecaster(metric.scale, tuning)
    days = sorted(with_data)
    day = days[0]
    while day <= max(known.begun[metric.day_kind], days[-1]):
        reading = with_data.get(day)
        if reading is None:
            found = verdict_on_nothing(metric, day, days) if metric.present and day <= complete else None
            if found is not None and day not in known.holidays:
                yield found
        elif day > complete:
            yield _unjudged(metric, reading, "its day is not complete: more may come with the next extracts")
        else:
            forecast = forecaster.forecast(day, reading.size)
            verdict, score = verdict_on(metric, reading, forecast, thresholds), None
            if forecast is None:
                verdict = _unjudged(
                    metric,
                    reading,
                    f"too little history: {forecaster.days_known} of the {tuning.warm_up} days that are needed",
                )
            else:
                score = forecast.score(float(reading.value))
            yield verdict
            forecaster.tell(day, float(reading.value), score=score, flagged=verdict.is_finding)
        day += _ONE_DAY


def verdict_on(metric: Metric, reading: Reading, forecast: Forecast | None, thresholds: Thresholds) -> Verdict:
    """The verdict on one reading."""
    if forecast is None:
        return _unjudged(metric, reading, "too little history")
    score = forecast.score(float(reading.value))
    severity = thresholds.severity(score)
    expected, low, high = (
        _rounded(value) for value in (forecast.expected(), forecast.at(-thresholds.warn), forecast.at(thresholds.warn))
    )
    side = "above" if score >= 0 else "below"
    return Verdict(
        metric=metric.name,
        day=reading.day,
        value=reading.value,
        expected=expected,
        low=low,
        high=high,
        score=Decimal(str(round(score, 2))),
        severity=severity.value,
        explanation=f"{metric.counted} on {_named(reading.day)}: {_told(reading.value, metric)}, expected "
        f"{_told(expected, metric)} ({_told(low, metric)} to {_told(high, metric)}); "
        f"{abs(score):.1f} spreads {side}.",
    )


def _unjudged(metric: Metric, reading: Reading, why: str) -> Verdict:
    told = f"{metric.counted} on {_named(reading.day)}: {_told(reading.value, metric)}, not judged: {why}."
    return Verdict(metric.name, reading.day, reading.value, None, None, None, None, Severity.UNJUDGED.value, told)


def verdict_on_nothing(metric: Metric, day: date, days: Sequence[date]) -> Verdict | None:
    """The verdict on a day without data, where its weekday usually has some; `days` are those with data, in order."""
    weeks = range(1, _WEEKDAYS_SEEN + 1)
    same = [day - timedelta(weeks=back) for back in weeks if day - timedelta(weeks=back) >= days[0]]
    had = sum(1 for past in same if _holds(days, past))
    if len(same) < _WEEKDAYS_LEAST or had < _WEEKDAYS_USUAL * len(same):
        return None
    severity = Severity.SEVERE if had == len(same) == _WEEKDAYS_SEEN else Severity.WARN
    told = f"no {metric.counted} on {_named(day)}, though {had} of the last {len(same)} {day:%A}s had some."
    return Verdict(metric.name, day, None, None, None, None, None, severity.value, told)


def _holds(days: Sequence[date], day: date) -> bool:
    place = bisect_left(days, day)
    return place < len(days) and days[place] == day


def _named(day: date) -> str:
    return f"{day:%A} {day}"


def _rounded(value: float) -> Decimal:
    return Decimal(str(round(value, 4)))


def _told(value: Decimal, metric: Metric) -> str:
    if metric.scale is Scale.SHARE:
        return f"{value:.1%}"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"
