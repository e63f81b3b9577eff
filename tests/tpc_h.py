"""TPC-H under terms: the customer is the unit; regions, nations, parts and suppliers are public.

Bounds and domains are those of clause 4.2.3 of the specification, which is public whatever the data.
"""

from itertools import product

from tests.tpc_terms import Column, Suite, Table, day, hidden, label, link, money, number, unit_key, whole

MULTI_HOP = True
"""Whether a row may belong to the customer over another table: a line belongs to an order, an order to a customer.

While it may not, lines have no unit, and `lineitem` is in the catalog of nobody.
"""

BAND = 200_000
_CUSTOMER = {"kind": "customer", "size_band": BAND}
_DAYS = ("1992-01-01", "1998-12-31")
_NATIONS = (
    "ALGERIA ARGENTINA BRAZIL CANADA EGYPT ETHIOPIA FRANCE GERMANY INDIA INDONESIA IRAN IRAQ JAPAN JORDAN KENYA MOROCCO "
    "MOZAMBIQUE PERU CHINA ROMANIA:SAUDI ARABIA:VIETNAM:RUSSIA:UNITED KINGDOM:UNITED STATES"
)
_SIZES = "STANDARD SMALL MEDIUM LARGE ECONOMY PROMO"
_FINISHES = "ANODIZED BURNISHED PLATED POLISHED BRUSHED"
_METALS = "TIN NICKEL BRASS STEEL COPPER"


def _words(*lists: str) -> Column:
    return label(*(" ".join(words) for words in product(*(text.split() for text in lists))))


def _nations() -> Column:
    one_word, *others = _NATIONS.split(":")
    return label(*one_word.split(), *others)


def _customer() -> Table:
    columns = {
        "c_custkey": unit_key(),
        "c_name": hidden("text"),
        "c_address": hidden("text"),
        "c_nationkey": link(),
        "c_phone": hidden("text"),
        "c_acctbal": money("-1000", "10000"),
        "c_mktsegment": _words("AUTOMOBILE BUILDING FURNITURE MACHINERY HOUSEHOLD"),
        "c_comment": hidden("text", "free_text"),
    }
    return Table(columns, {**_CUSTOMER, "key": "c_custkey"})


def _orders() -> Table:
    columns = {
        "o_orderkey": unit_key(),
        "o_custkey": unit_key(),
        "o_orderstatus": label("F", "O", "P"),
        "o_totalprice": money("0", "600000"),
        "o_orderdate": day(*_DAYS),
        "o_orderpriority": label("1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"),
        "o_clerk": hidden("text"),
        "o_shippriority": number(0, 0, domain=True),
        "o_comment": hidden("text", "free_text"),
    }
    unit = {**_CUSTOMER, "key": "o_custkey", "references": "customer.c_custkey", "max_rows": 50}
    return Table(columns, unit, ("o_orderkey",), 2_000_000)


def _lineitem() -> Table:
    columns = {
        "l_orderkey": unit_key(),
        "l_partkey": link(shown=True),
        "l_suppkey": link(shown=True),
        "l_linenumber": number(1, 7, domain=True),
        "l_quantity": money("1", "50"),
        "l_extendedprice": money("0", "104950"),
        "l_discount": money("0", "0.1"),
        "l_tax": money("0", "0.08"),
        "l_returnflag": label("A", "N", "R"),
        "l_linestatus": label("F", "O"),
        "l_shipdate": day(*_DAYS),
        "l_commitdate": day(*_DAYS),
        "l_receiptdate": day(*_DAYS),
        "l_shipinstruct": label("DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"),
        "l_shipmode": label("REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"),
        "l_comment": hidden("text", "free_text"),
    }
    unit = {**_CUSTOMER, "key": "l_orderkey", "references": "orders.o_orderkey", "max_rows": 200}
    return Table(columns, unit, (), 10_000_000)


def _part() -> Table:
    columns = {
        "p_partkey": link(shown=True),
        "p_name": label(),
        "p_mfgr": label(*(f"Manufacturer#{maker}" for maker in range(1, 6))),
        "p_brand": label(*(f"Brand#{maker}{brand}" for maker in range(1, 6) for brand in range(1, 6))),
        "p_type": _words(_SIZES, _FINISHES, _METALS),
        "p_size": number(1, 50, domain=True),
        "p_container": _words("SM LG MED JUMBO WRAP", "CASE BOX BAG JAR PKG PACK CAN DRUM"),
        "p_retailprice": money("900", "2100"),
        "p_comment": hidden("text", "free_text"),
    }
    return Table(columns, unique=("p_partkey",))


def _supplier() -> Table:
    columns = {
        "s_suppkey": link(shown=True),
        "s_name": label(),
        "s_address": label(),
        "s_nationkey": link(),
        "s_phone": label(),
        "s_acctbal": money("-1000", "10000", "group"),
        "s_comment": hidden("text", "free_text"),
    }
    return Table(columns, unique=("s_suppkey",))


def _partsupp() -> Table:
    columns = {
        "ps_partkey": link(shown=True),
        "ps_suppkey": link(shown=True),
        "ps_availqty": whole(1, 9999),
        "ps_supplycost": money("1", "1000"),
        "ps_comment": hidden("text", "free_text"),
    }
    return Table(columns)


def _places() -> dict[str, Table]:
    nation = {"n_nationkey": link(), "n_name": _nations(), "n_regionkey": link(), "n_comment": hidden("text", "free_text")}
    names = label("AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST")
    region = {"r_regionkey": link(), "r_name": names, "r_comment": hidden("text", "free_text")}
    return {"nation": Table(nation, unique=("n_nationkey",)), "region": Table(region, unique=("r_regionkey",))}


JOINS = (
    ("orders.o_custkey", "customer.c_custkey"),
    ("lineitem.l_orderkey", "orders.o_orderkey"),
    ("lineitem.l_orderkey", "lineitem.l_orderkey"),
    ("lineitem.l_partkey", "part.p_partkey"),
    ("lineitem.l_suppkey", "supplier.s_suppkey"),
    ("lineitem.l_partkey", "partsupp.ps_partkey"),
    ("lineitem.l_suppkey", "partsupp.ps_suppkey"),
    ("partsupp.ps_partkey", "part.p_partkey"),
    ("partsupp.ps_suppkey", "supplier.s_suppkey"),
    ("customer.c_nationkey", "nation.n_nationkey"),
    ("supplier.s_nationkey", "nation.n_nationkey"),
    ("customer.c_nationkey", "supplier.s_nationkey"),
    ("nation.n_regionkey", "region.r_regionkey"),
)
"""Every equality of columns that one of the queries joins by."""


def suite() -> Suite:
    """Return the benchmark under its terms."""
    private = {"customer": _customer(), "orders": _orders(), "lineitem": _lineitem()}
    public = {"part": _part(), "supplier": _supplier(), "partsupp": _partsupp(), **_places()}
    return Suite("tpch", {**private, **public}, JOINS, frozenset() if MULTI_HOP else frozenset({"lineitem"}))
