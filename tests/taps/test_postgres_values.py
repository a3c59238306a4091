"""Binary values as text, compared with the server's own text; labels of SQL."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidonce.harness.taps.postgres.labels import LIMIT, normalised, shortened
from paidonce.harness.taps.postgres.values import as_text, format_of

VALUES = {
    "int2": ["0", "-32768", "32767"],
    "int4": ["0", "-2147483648", "4990"],
    "int8": ["9223372036854775807", "-1"],
    "oid": ["4294967295"],
    "bool": ["true", "false"],
    "uuid": ["00112233-4455-6677-8899-aabbccddeeff"],
    "text": ["", "ü 'quoted'"],
    "varchar": ["abc"],
    "char(5)": ["ab"],
    "name": ["item"],
    "json": ['{"a": 1}'],
    "jsonb": ['{"a": [1, null]}'],
    "bytea": ["\\x00ff10"],
    "date": ["2026-11-23", "0001-01-01", "infinity", "-infinity"],
    "timestamp": ["2026-11-23 22:05:01.5", "1999-12-31 23:59:59.999999", "infinity"],
    "timestamptz": ["2026-11-23 22:05:01.000001+00", "2000-01-01 00:00:00+02", "-infinity"],
    "numeric": ["0", "0.00", "-12345678.900", "1e30", "0.000012", "NaN", "Infinity", "10000"],
    "numeric(50,9)": ["-0.5", "123456789012345678901234567890123456789.123456789"],
    "float8": ["0", "-0", "0.1", "1e14", "1e15", "123456789012345678", "1e-4", "1.5e-5", "12.5"],
    "double precision": ["NaN", "Infinity", "-Infinity", "1e300", "5e-324"],
    "float4": ["0.1", "16777216", "1e15", "3.4028235e38", "1e-5", "-Infinity", "1.17e-38"],
}


@pytest.mark.parametrize("type_", VALUES)
def test_binary_is_read_as_the_server_prints_it(postgres_server, type_):
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        for value in VALUES[type_]:
            query = f"SELECT $1::text::{type_}".encode()
            text, binary = (
                connection.pgconn.exec_params(query, [value.encode()], result_format=form)
                for form in (0, 1)
            )
            expected = text.get_value(0, 0).decode()
            assert as_text(binary.get_value(0, 0), 1, binary.ftype(0)) == expected


@given(st.binary(max_size=20), st.sampled_from([16, 20, 21, 23, 700, 701, 1082, 1184, 1700, 2950]))
def test_bytes_that_are_no_such_value_are_not_told(data, oid):
    found = as_text(data, 1, oid)
    assert found is None or isinstance(found, str)


def test_what_cannot_be_told_is_none():
    assert as_text(None, 0, 25) is None
    assert as_text(b"\1\2", 1, 0) is None
    assert as_text(b"\1\2", 1, 23) is None
    assert as_text(b"\xff", 0, 25) is None


def test_formats_none_one_or_each():
    assert [format_of((), n) for n in (0, 1)] == [0, 0]
    assert [format_of((1,), n) for n in (0, 1)] == [1, 1]
    assert [format_of((0, 1), n) for n in (0, 1)] == [0, 1]


@pytest.mark.parametrize(
    ("sql", "label"),
    [
        ("SELECT  *\n FROM t WHERE id = $1;", "SELECT * FROM t WHERE id = ?"),
        (
            "INSERT INTO t VALUES (1, -2.5e3, 'it''s', E'a\\'b', NULL)",
            "INSERT INTO t VALUES (?, -?, ?, ?, NULL)",
        ),
        ("SELECT 1 -- one\n, 2 /* a /* nested */ b */ , 3", "SELECT ? , ? , ?"),
        ("SELECT $$a 'b' 1$$, $x$ $$ $x$, \"Col 1\"", 'SELECT ?, ?, "Col 1"'),
        ("SELECT a1, t2.b_3 FROM s4.t5", "SELECT a1, t2.b_3 FROM s4.t5"),
        ("SELECT x[1], 0xFF, 1_000, .5, 1.", "SELECT x[?], ?, ?, ?, ?"),
        ("SELECT 'open", "SELECT 'open"),
        ("/* traceparent=00-1 */ BEGIN", "BEGIN"),
        ('ROLLBACK TO SAVEPOINT "s139786622858944_x4"', 'ROLLBACK TO SAVEPOINT "s?_x?"'),
        ("RELEASE SAVEPOINT sa_savepoint_12", "RELEASE SAVEPOINT sa_savepoint_?"),
        ("SAVEPOINT before_charge", "SAVEPOINT before_charge"),
        (
            'DECLARE "c_7f3a51c08d90_1" CURSOR FOR SELECT sha256 FROM t2024',
            'DECLARE "c_?_?" CURSOR FOR SELECT sha256 FROM t2024',
        ),
        ('FETCH FORWARD 50 FROM "c_7f3a51c08d90_1"', 'FETCH FORWARD ? FROM "c_?_?"'),
        ("UPDATE t1 SET a = 1 WHERE CURRENT OF c17", "UPDATE t1 SET a = ? WHERE CURRENT OF c?"),
        ("", ""),
        (" ; ", ""),
        ("SELECT größe FROM t$1", "SELECT größe FROM t$1"),
    ],
)
def test_labels(sql, label):
    assert normalised(sql) == label


@given(st.text(max_size=200))
def test_any_text_has_a_label(sql):
    assert isinstance(normalised(sql), str)
    assert len(shortened(normalised(sql))) <= LIMIT


@given(st.integers(0), st.uuids(), st.text(st.characters(exclude_characters="'\\\0")))
def test_a_label_does_not_depend_on_literals(number, uid, text):
    sql = f"UPDATE t SET a = {number}, b = '{uid}' WHERE c = '{text}'"
    assert normalised(sql) == "UPDATE t SET a = ?, b = ? WHERE c = ?"
