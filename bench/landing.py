"""Write the big landing that the benchmark loads here: one clean and unquoted file per dataset and day."""

from datetime import date, timedelta
from pathlib import Path

FIRST_DAY = date(2024, 1, 1)
_LINES_PER_WRITE = 50_000
_STATUSES = ("COMPLETED", "PAID", "SHIPPED", "CANCELLED", "PENDING", "RETURNED")


def _order(number: int, day: date) -> str:
    status = _STATUSES[number % 6]
    quantity = -(number % 9) - 1 if number % 97 == 0 and status == "CANCELLED" else number % 9 + 1
    price = f"{number % 499 + 1}.{number % 100:02d}"
    # One row of fifty breaks a rule: the audit must have something to do.
    if number % 50 == 7:
        quantity, price = (0, price) if number % 100 == 7 else (quantity, "n/a")
    told = day - timedelta(days=number % 5 if number % 40 == 0 else 0)
    clock = f"{number % 24:02d}:{number % 60:02d}:00"
    return f"O{number:09d},C{number % 250_000:07d},P{number % 3_000:05d},{quantity},{price},{told} {clock},{status}\n"


def _customer(number: int, day: date) -> str:
    email = f"user{number}@example.org" if number % 50 else "not an address"
    return (
        f"C{number:07d},First{number % 5_000},Last{number % 20_000},{email},+1555{number % 10_000_000:07d},"
        f"{number % 900 + 1} Long Street Name,City{number % 700},CA,{number % 90_000 + 10_000},"
        f"{1950 + number % 50}-{number % 12 + 1:02d}-{number % 28 + 1:02d},{day}\n"
    )


_DATASETS = {
    ("erp", "orders"): ("order_id,customer_id,product_code,quantity,price_per_unit,order_date,status\n", _order),
    ("crm", "customers"): (
        "customer_id,first_name,last_name,email,phone,address,city,state,zip,dob,created_date\n",
        _customer,
    ),
}


def write_landing(root: Path, *, rows: int, days: int) -> dict[str, list[Path]]:
    """Write that many rows of each dataset, spread over days; the files by bronze table, in order of days."""
    files: dict[str, list[Path]] = {}
    per_day = rows // days
    for (system, dataset), (header, line) in _DATASETS.items():
        for index in range(days):
            day = FIRST_DAY + timedelta(days=index)
            folder = root / system / dataset / day.isoformat()
            folder.mkdir(parents=True)
            path = folder / f"{dataset}.csv"
            with path.open("w", encoding="utf-8") as stream:
                stream.write(header)
                for start in range(index * per_day, (index + 1) * per_day, _LINES_PER_WRITE):
                    stop = min(start + _LINES_PER_WRITE, (index + 1) * per_day)
                    stream.write("".join(line(number, day) for number in range(start, stop)))
            files.setdefault(f"bronze.{system}_{dataset}", []).append(path)
    return files
