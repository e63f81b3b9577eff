"""TPC-DS under terms: the customer is the unit; sales and returns belong to a customer, everything else is public.

Three tables say something about people and are public all the same. `customer_demographics` and `household_demographics`
hold every combination of their columns once, whoever lives: which one is a customer's stands in the private tables.
`customer_address` could not be private, since several customers share an address and its row would have several units; it
is taken as a register of places, of which town, county, state and postal code are granted and street and number are not.

A sale belongs to the customer who pays, a return to the one who returns: `cs_ship_customer_sk` and its like are keys of
somebody else, whom this unit does not protect, and a join by them alone gives a row two units.
"""

from collections.abc import Iterator, Mapping

from tests.tpc_terms import Column, Document, Suite, Table, day, hidden, label, link, money, number, unit_key, whole

BAND = 1_000_000
_CUSTOMER = {"kind": "customer", "size_band": BAND}
_OWN = {**_CUSTOMER, "references": "customer.c_customer_sk"}

UNITS: Mapping[str, Document] = {
    "customer": {**_CUSTOMER, "key": "c_customer_sk"},
    "store_sales": {**_OWN, "key": "ss_customer_sk", "max_rows": 100},
    "catalog_sales": {**_OWN, "key": "cs_bill_customer_sk", "max_rows": 100},
    "web_sales": {**_OWN, "key": "ws_bill_customer_sk", "max_rows": 100},
    "store_returns": {**_OWN, "key": "sr_customer_sk", "max_rows": 20},
    "catalog_returns": {**_OWN, "key": "cr_returning_customer_sk", "max_rows": 20},
    "web_returns": {**_OWN, "key": "wr_returning_customer_sk", "max_rows": 20},
}

PRIMARY: Mapping[str, str] = {
    "call_center": "cc_call_center_sk",
    "catalog_page": "cp_catalog_page_sk",
    "customer_address": "ca_address_sk",
    "customer_demographics": "cd_demo_sk",
    "date_dim": "d_date_sk",
    "household_demographics": "hd_demo_sk",
    "income_band": "ib_income_band_sk",
    "item": "i_item_sk",
    "promotion": "p_promo_sk",
    "reason": "r_reason_sk",
    "ship_mode": "sm_ship_mode_sk",
    "store": "s_store_sk",
    "time_dim": "t_time_sk",
    "warehouse": "w_warehouse_sk",
    "web_page": "wp_web_page_sk",
    "web_site": "web_site_sk",
}
"""The unique column of each public table; `inventory` has none, its key is of three columns."""

_LEADS: Mapping[str, str] = {
    **{f"_{column.split('_', 1)[1]}": f"{table}.{column}" for table, column in PRIMARY.items() if table != "web_site"},
    "_addr_sk": "customer_address.ca_address_sk",
    "_cdemo_sk": "customer_demographics.cd_demo_sk",
    "_hdemo_sk": "household_demographics.hd_demo_sk",
    "_web_site_sk": "web_site.web_site_sk",
    "_customer_sk": "customer.c_customer_sk",
}
"""Where a column that ends so leads to."""

_UNSEEN = ("_date_sk", "_time_sk", "_cdemo_sk", "_hdemo_sk", "_addr_sk")
"""Keys in private rows by which no group is made: their tables offer something coarser."""

_NOT_GRANTED = frozenset(
    {
        "c_customer_id",
        "c_first_name",
        "c_last_name",
        "c_birth_day",
        "c_login",
        "c_email_address",
        "c_last_review_date",
        "wp_customer_sk",
        "ca_address_id",
        "ca_street_number",
        "ca_street_name",
        "ca_street_type",
        "ca_suite_number",
    }
)

_AMOUNTS = (
    ("_net_profit", "-20000", "20000"),
    ("_fee", "0", "100"),
    ("_net_loss", "0", "20000"),
    ("_net_paid", "0", "40000"),
    ("_ext_", "0", "30000"),
    ("_sales_price", "0", "300"),
    ("_list_price", "0", "300"),
    ("_wholesale_cost", "0", "100"),
    ("", "0", "40000"),
)
"""Bounds of an amount by a part of its name; the first that fits counts."""

_CATEGORIES = ("Women", "Men", "Children", "Shoes", "Music", "Jewelry", "Home", "Sports", "Books", "Electronics")
_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SCHOOL = ("Primary", "Secondary", "College", "2 yr Degree", "4 yr Degree", "Advanced Degree", "Unknown")
_POTENTIAL = (">10000", "5001-10000", "1001-5000", "501-1000", "0-500", "Unknown")

NAMED: Mapping[str, Column] = {
    "c_birth_year": whole(1924, 1992, "group"),
    "c_birth_month": number(1, 12, domain=True, category="quasi_identifier"),
    "c_birth_country": label(category="quasi_identifier"),
    "c_salutation": label("Mr.", "Mrs.", "Ms.", "Miss", "Sir", "Dr."),
    "cd_gender": label("M", "F"),
    "cd_marital_status": label("M", "S", "D", "W", "U"),
    "cd_education_status": label(*_SCHOOL),
    "cd_credit_rating": label("Low Risk", "Good", "High Risk", "Unknown"),
    "cd_dep_count": whole(0, 6, "group"),
    "cd_dep_employed_count": whole(0, 6, "group"),
    "cd_dep_college_count": whole(0, 6, "group"),
    "hd_buy_potential": label(*_POTENTIAL),
    "hd_dep_count": number(0, 9, domain=True),
    "hd_vehicle_count": number(-1, 4, domain=True),
    "d_year": number(1900, 2100, domain=True),
    "d_qoy": number(1, 4, domain=True),
    "d_moy": number(1, 12, domain=True),
    "d_dom": number(1, 31, domain=True),
    "d_dow": number(0, 6, domain=True),
    "d_day_name": label(*_WEEK),
    "t_hour": number(0, 23, domain=True),
    "t_minute": number(0, 59, domain=True),
    "t_meal_time": label("breakfast", "lunch", "dinner"),
    "i_category": label(*_CATEGORIES),
    "inv_quantity_on_hand": whole(0, 1000),
    "p_cost": money("0", "2000", kind="decimal(15,2)"),
    "w_warehouse_sq_ft": whole(0, 1_000_000, "group"),
    "s_number_employees": whole(0, 1000),
    "wp_char_count": whole(0, 10_000),
}
"""Columns about which more is known than their type."""


def _column(table: str, name: str, kind: str) -> Column:
    if name in _NOT_GRANTED:
        return hidden("text" if kind == "string" else "integer")
    if name in NAMED:
        return NAMED[name]
    if name.endswith(("_flag", "_active", "_holiday", "_weekend")) or "_channel_" in name:
        return label("Y", "N")
    if kind == "bigint":
        return _whole_number(table, name)
    if kind == "double":
        return _amount(table, name)
    return day("1900-01-01", "2100-12-31") if name.endswith("_date") else label()


def _whole_number(table: str, name: str) -> Column:
    if name.endswith(("_customer_sk", "_ticket_number", "_order_number")):
        return unit_key()
    if name.endswith("_sk"):
        return link(shown=table not in UNITS or not name.endswith(_UNSEEN))
    return whole(0, 100) if name.endswith("_quantity") else number(0, (1 << 31) - 1)


def _amount(table: str, name: str) -> Column:
    if table in UNITS:
        low, high = next((low, high) for part, low, high in _AMOUNTS if part in name)
        return money(low, high, kind="decimal(7,2)")
    return money("-100", "10000", "group", kind="decimal(7,2)")


def _foreign_keys(schema: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    for table, columns in schema.items():
        for name in columns.keys() - _NOT_GRANTED - {PRIMARY.get(table), "c_customer_sk"}:
            target = next((target for ending, target in _LEADS.items() if name.endswith(ending)), None)
            if target is not None:
                yield f"{table}.{name}", target


BESIDE_KEYS = (
    ("store_sales.ss_ticket_number", "store_returns.sr_ticket_number"),
    ("store_sales.ss_item_sk", "store_returns.sr_item_sk"),
    ("store_sales.ss_customer_sk", "store_returns.sr_customer_sk"),
    ("catalog_sales.cs_order_number", "catalog_returns.cr_order_number"),
    ("catalog_sales.cs_item_sk", "catalog_returns.cr_item_sk"),
    ("web_sales.ws_order_number", "web_returns.wr_order_number"),
    ("web_sales.ws_item_sk", "web_returns.wr_item_sk"),
    ("store_returns.sr_customer_sk", "catalog_sales.cs_bill_customer_sk"),
    ("store_returns.sr_item_sk", "catalog_sales.cs_item_sk"),
    ("store_sales.ss_item_sk", "catalog_sales.cs_item_sk"),
    ("store_sales.ss_item_sk", "web_sales.ws_item_sk"),
    ("catalog_sales.cs_item_sk", "inventory.inv_item_sk"),
    ("catalog_sales.cs_order_number", "catalog_sales.cs_order_number"),
    ("web_sales.ws_order_number", "web_sales.ws_order_number"),
    ("date_dim.d_week_seq", "date_dim.d_week_seq"),
    ("item.i_category", "item.i_category"),
    ("item.i_manufact", "item.i_manufact"),
    ("customer_demographics.cd_marital_status", "customer_demographics.cd_marital_status"),
    ("customer_demographics.cd_education_status", "customer_demographics.cd_education_status"),
    ("customer_address.ca_county", "store.s_county"),
    ("customer_address.ca_state", "store.s_state"),
    ("customer_address.ca_zip", "store.s_zip"),
)
"""Equalities of columns that a query joins by and that are no foreign keys."""


def suite(schema: Mapping[str, Mapping[str, str]]) -> Suite:
    """Return the benchmark under its terms."""
    tables = {
        table: Table(
            {name: _column(table, name, kind) for name, kind in columns.items()},
            UNITS.get(table),
            (PRIMARY[table],) if table in PRIMARY else (),
            10_000_000 if table in UNITS.keys() - {"customer"} else 2_000_000,
        )
        for table, columns in schema.items()
    }
    return Suite("tpcds", tables, (*sorted(_foreign_keys(schema)), *BESIDE_KEYS))
