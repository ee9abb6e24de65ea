import pytest

from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets.warehouse.statements import bind, ident, listed, literal


@pytest.mark.parametrize(
    ("statement", "bound"),
    [
        ("select :day", "select %(day)s"),
        ("select :day::date, :n-:m, (:a,:b)", "select %(day)s::date, %(n)s-%(m)s, (%(a)s,%(b)s)"),
        ("where x = any(:days) and y=:y", "where x = any(%(days)s) and y=%(y)s"),
        ("array[:a, :b]", "array[%(a)s, %(b)s]"),
        # Nothing inside a literal, a quoted name or a comment is a bind.
        ("select ':day', 'it''s :day', :day", "select ':day', 'it''s :day', %(day)s"),
        (r"select E'it\'s :day', e'\\', :day", r"select E'it\'s :day', e'\\', %(day)s"),
        ('select "a:b", :c', 'select "a:b", %(c)s'),
        ("-- at :day\nselect :day", "-- at :day\nselect %(day)s"),
        ("select /* at :day,\n it's */ :day", "select /* at :day,\n it's */ %(day)s"),
        ("as $$ select :day $$ || $a$ :b $$ :c $a$ || :d", "as $$ select :day $$ || $a$ :b $$ :c $a$ || %(d)s"),
        # A cast, and the bounds of an array slice.
        ("x::text :: date", "x::text :: date"),
        ("told[1:n], told[lo:hi], (told)[f(x):y]", "told[1:n], told[lo:hi], (told)[f(x):y]"),
        ("'10:30'::time, 12:30", "'10:30'::time, 12:30"),
        # A literal percent sign is doubled for the driver.
        ("a % 2, 'x%', :b", "a %% 2, 'x%%', %(b)s"),
        ("like '%:a%'", "like '%%:a%%'"),
        (":_under, :a1", "%(_under)s, %(a1)s"),
    ],
)
def test_what_is_left_beside_literals_comments_and_casts_is_bound(statement: str, bound: str):
    assert bind(statement) == bound


def test_a_bound_statement_runs_as_it_is_written(database: Database):
    statement = """
    select :n % 7, 'a:b%', (array[10, 20, 30])[1:2], $$:n%$$, /* :missing */ '1'::integer -- :missing
    """
    with database.transaction() as cursor:
        cursor.execute(bind(statement), {"n": 9})
        assert cursor.fetchone() == (2, "a:b%", [10, 20], ":n%", 1)


@pytest.mark.parametrize("text", ["it's", "''", "a\\'b", "%s", ":x", "é\n"])
def test_a_text_is_quoted_so_that_it_comes_back(database: Database, text: str):
    with database.transaction() as cursor:
        cursor.execute(bind(f"select {literal(text)}"), {})
        assert cursor.fetchone() == (text,)


def test_names_are_quoted_part_by_part():
    assert ident("gold.fact_orders") == '"gold"."fact_orders"'
    assert listed(("a", "_b2")) == '"a", "_b2"'
    assert listed(("a", "b"), "told") == 'told."a", told."b"'


@pytest.mark.parametrize(
    "name", ["", "Orders", "a b", 'a"; drop table x; --', "1a", "a.", ".a", "a..b", "é", "a" * 64, "a\n"]
)
def test_a_name_that_needs_quoting_is_no_name(name: str):
    with pytest.raises(ContractError, match="cannot be a name in PostgreSQL here"):
        ident(name)


def test_the_longest_name_is_63_characters():
    assert ident("a" * 63) == f'"{"a" * 63}"'
