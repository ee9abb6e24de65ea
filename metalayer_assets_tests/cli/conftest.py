"""Give tests of the command line a warehouse that holds some days, and a way to run a command."""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from metalayer_assets.cli import main
from metalayer_assets.warehouse.plan import Scope
from metalayer_assets_tests.dagster_scenario import ORDERS, SALES, Site, day, open_site, orders, sales
from metalayer_assets_tests.scenario import customer

_SENTENCE = re.compile(r"metalayer: \S.*\n")


@dataclass(frozen=True)
class Told:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    def sentence(self) -> str:
        """The error, which must be one line in our own words."""
        assert self.code != 0
        assert _SENTENCE.fullmatch(self.err), self.err
        assert "Traceback" not in self.out
        return self.err.removeprefix("metalayer: ").strip()


Invoke = Callable[..., Told]


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    create_database: Callable[[str], str],
    drop_database: Callable[[str], None],
) -> Iterator[Site]:
    """Four days of orders, one with rows that are kept out, and a day of everything else."""
    with open_site(tmp_path_factory.mktemp("site"), create_database, drop_database) as site:
        for number in range(3):
            site.land(ORDERS, day(number), orders(day(number), 25))
        site.land(ORDERS, day(3), [*orders(day(3), 30), *orders(day(3), 1, prefix="q", quantity="some")])
        site.land(SALES, day(0), sales(day(0)))
        site.land("crm/customers", day(0), [customer("c0", email="nobody at nowhere")])
        assert site.runner().run(Scope()).problems == []
        yield site


@pytest.fixture
def invoke(site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Invoke:
    """Run a command of the entry point in this process, on the site; further variables stand above the site's."""

    def invoke(*arguments: str, **environment: str) -> Told:
        for name, value in {**site.environment, **environment}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["metalayer", *arguments])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        said = capsys.readouterr()
        return Told(code, said.out, said.err)

    return invoke
