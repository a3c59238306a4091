"""The trees, tokens and texts of Postgres's parser."""

from __future__ import annotations

import pytest

from paidonce.harness.sql_trees import (
    ParseError,
    ast,
    enums,
    parse_plpgsql,
    parse_sql,
    scan,
    split,
    written,
)
from paidonce.harness.sql_trees.visitors import Visitor

TRIGGER = """
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.note <> '{}},{}}' THEN INSERT INTO log VALUES (TG_OP, NEW.id); END IF;
  RETURN NEW;
END $$
"""


def statement(sql):
    (raw,) = parse_sql(sql)
    return raw.stmt


def test_a_statement_is_a_node_with_the_fields_of_postgres():
    node = statement("UPDATE a SET x = 1 WHERE id = $1 AND y IS NULL RETURNING OLD.x")
    assert isinstance(node, ast.UpdateStmt)
    assert node.relation.relname == "a"
    assert node.relation.schemaname is None
    assert node.fromClause is None
    assert node.whereClause.boolop is enums.BoolExprType.AND_EXPR
    assert node.whereClause.args[0].rexpr == ast.ParamRef(number=1)
    (target,) = node.targetList
    assert (target.name, target.val.val.ival) == ("x", 1)


@pytest.mark.parametrize(
    ("constant", "kind", "value"),
    [
        ("''", "String", ("sval", "")),
        ("'x'", "String", ("sval", "x")),
        ("0", "Integer", ("ival", 0)),
        ("1.50", "Float", ("fval", "1.50")),
        ("false", "Boolean", ("boolval", False)),
        ("B'10'", "BitString", ("bsval", "b10")),
    ],
)
def test_a_constant_has_one_value_even_one_that_is_empty(constant, kind, value):
    held = statement(f"SELECT {constant}").targetList[0].val
    assert not held.isnull
    assert type(held.val).__name__ == kind
    assert getattr(held.val, value[0]) == value[1]
    assert statement("SELECT NULL").targetList[0].val.isnull


def test_the_numbers_of_an_enumeration_are_those_of_c():
    assert enums.SetOperation.SETOP_NONE == 0
    assert not statement("SELECT 1").op
    assert statement("SELECT 1 UNION SELECT 2").op is enums.SetOperation.SETOP_UNION


def test_lists_are_tuples_and_may_have_nothing_in_a_place():
    node = statement("SELECT DISTINCT x FROM a WHERE id IN (1, 2)")
    assert node.distinctClause == (None,)
    assert [one.val.ival for one in node.whereClause.rexpr] == [1, 2]


def test_nodes_are_equal_wherever_they_stand():
    assert statement("SELECT x FROM a") == statement("SELECT   x FROM a")
    assert statement("SELECT x FROM a") != statement("SELECT y FROM a")


def test_what_postgres_does_not_parse_is_an_error():
    with pytest.raises(ParseError, match="syntax error"):
        parse_sql("SELEC 1")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a.id, '' FROM orders a JOIN b USING (id) WHERE a.x IN (1, $2) FOR UPDATE OF a",
        "UPDATE orders SET status = 'paid' WHERE id = $1 AND (status = 'unpaid' OR x IS NULL)",
        "INSERT INTO a (b, c) VALUES (1, NULL) ON CONFLICT (b) DO NOTHING RETURNING *",
        "WITH w AS (DELETE FROM a RETURNING id) SELECT count(*) FROM w",
        "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))",
    ],
)
def test_a_tree_that_is_written_is_the_same_when_read_again(sql):
    node = statement(sql)
    assert statement(written(node)) == node


def test_parts_of_a_statement_are_written_by_themselves():
    node = statement("SELECT 1 FROM a WHERE a.x = 'it''s' AND y > 2 ORDER BY y DESC, z LIMIT 1")
    assert written(node.whereClause) == "a.x = 'it''s' AND y > 2"
    assert written(node.whereClause.args[0].lexpr) == "a.x"
    assert [written(one) for one in node.sortClause] == ["y DESC", "z"]
    assert written(node.limitCount) == "1"


def test_a_tree_that_was_changed_is_written_as_it_is_now():
    node = statement("UPDATE a SET x = 1 WHERE id = 1")
    more = statement("SELECT WHERE y = 2").whereClause
    node.whereClause = ast.BoolExpr(
        boolop=enums.BoolExprType.AND_EXPR, args=(node.whereClause, more)
    )
    assert written(node) == "UPDATE a SET x = 1 WHERE id = 1 AND y = 2"


def test_tokens_stand_where_they_are_in_the_text():
    sql = "SELECT 'é', $1 -- ü"
    assert [(one.name, sql[one.start : one.end + 1]) for one in scan(sql)] == [
        ("SELECT", "SELECT"),
        ("SCONST", "'é'"),
        ("ASCII_44", ","),
        ("PARAM", "$1"),
        ("SQL_COMMENT", "-- ü"),
    ]


def test_a_text_is_split_into_statements():
    assert split("SELECT ';'; SELECT 2") == ("SELECT ';'", "SELECT 2")


def test_the_function_of_a_trigger_is_read_with_the_variables_that_have_no_words():
    (found,) = parse_plpgsql(TRIGGER)
    (body, _) = found["PLpgSQL_function"]["action"]["PLpgSQL_stmt_block"]["body"]
    condition = body["PLpgSQL_stmt_if"]["cond"]["PLpgSQL_expr"]["query"]
    assert condition == "NEW.note <> '{}},{}}'"


def test_a_visitor_sees_all_nodes_from_the_top():
    class Tables(Visitor):
        def __init__(self):
            self.found = []

        def visit_RangeVar(self, ancestors, node):
            self.found.append((node.relname, len(ancestors), type(ancestors[0]).__name__))

    tables = Tables()
    tables(statement("INSERT INTO a SELECT x FROM b WHERE y IN (SELECT z FROM c)"))
    assert tables.found == [("a", 1, "InsertStmt"), ("b", 2, "InsertStmt"), ("c", 4, "InsertStmt")]
