"""The looks and locks of a SELECT."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from paidonce.harness.explore.footprint.sql.calls import (
    call,
    function_effects,
    named_effects,
    unnamed,
)
from paidonce.harness.explore.footprint.sql.catalog import Table
from paidonce.harness.explore.footprint.sql.certain_locks import by_key_alone
from paidonce.harness.explore.footprint.sql.effects import (
    DATABASE,
    Context,
    Effects,
    Key,
    Output,
    Outputs,
)
from paidonce.harness.explore.footprint.sql.predicate import (
    Conditions,
    Fact,
    Facts,
    conjunction,
    keys,
)
from paidonce.harness.explore.footprint.sql.row_locks import (
    lock_of_the_only_row,
    lock_rows,
    rows_may_be_many,
    rows_of,
)
from paidonce.harness.explore.footprint.sql.scope import Scope, Source, unknown
from paidonce.harness.explore.footprint.sql.symbols import Match
from paidonce.harness.explore.footprint.sql.trees import (
    NotParsed,
    Tree,
    children,
    operator,
    parsed,
    strings,
)
from paidonce.harness.explore.footprint.sql.types import ColumnType
from paidonce.harness.sql_trees import ast, enums

_SYSTEM = frozenset({"pg_catalog", "information_schema"})
_LIVE = ("pg_stat", "pg_locks", "pg_prepared_xacts", "pg_cursors", "pg_largeobject", "pg_sequences")
"""System views that show what others are doing, not what the schema is."""
_RISKY = frozenset({"/", "%", "^"})


@dataclass
class QueryResult:
    """The result of a query: its columns, and the rows of tables that it is made from.

    ``scope`` is None for a set operation.
    """

    outputs: Outputs | None = None
    rows: list[tuple[Table, Key]] = field(default_factory=list)
    scope: Scope | None = None


def select(ctx: Context, node: ast.SelectStmt, parent: Scope | None) -> QueryResult:
    """Read a SELECT, VALUES or set operation into the context's effects."""
    before = ctx.effects
    around = Effects()
    ctx = with_clause(ctx.gathering(around), node.withClause, parent)
    result = _select(ctx, node, parent)
    if node.withClause is not None and len(node.withClause.ctes) > 1:
        around.not_first()
    if not before.untouched and around.fresh:
        before.not_first()
        around.not_first()
    before.add(around)
    return result


def _select(ctx: Context, node: ast.SelectStmt, parent: Scope | None) -> QueryResult:
    if node.op != enums.SetOperation.SETOP_NONE:
        left = select(ctx, node.larg, parent)
        select(ctx, node.rarg, parent)
        for part in (node.sortClause, node.limitCount, node.limitOffset):
            expressions(ctx, part, Scope(parent))
        return QueryResult(unknown(list(left.outputs)) if left.outputs is not None else None)
    alone = ctx.effects.untouched
    scope = from_clause(ctx, node.fromClause or (), node.whereClause, parent)
    lock = lock_of_the_only_row(ctx, node, scope) if parent is None else None
    if lock is None:
        ctx.effects.not_first()
        look_at_all(ctx, scope)
    mark = ctx.effects.mark
    for part in (
        *(node.targetList, node.whereClause, node.havingClause, node.groupClause, node.sortClause),
        *(node.limitCount, node.limitOffset, node.windowClause, node.valuesLists),
        *(node.distinctClause,),
    ):
        expressions(ctx, part, scope)
    if rows_may_be_many(ctx, node, scope):
        ctx.effects.repeated(mark)
    if lock is not None:
        (table,), (key,) = [source.table for source in scope.sources], scope.keys(0)
        assert table is not None
        first = alone and ctx.effects.untouched
        ctx.effects.not_first()
        alias = scope.sources[0].alias
        exactly = by_key_alone(ctx, table, alias, node.whereClause) and not node.limitCount
        ctx.effects.look_and_lock(
            table, key, lock, first=first, alone=exactly and not node.limitOffset
        )
    for clause in node.lockingClause or ():
        lock_rows(ctx, clause, scope)
    if any(isinstance(item, ast.GroupingSet) for item in node.groupClause or ()):
        return QueryResult()  # columns are null in the rows of totals
    return QueryResult(
        outputs(ctx, node.targetList or (), scope),
        [row for number in range(len(scope.sources)) for row in rows_of(scope, number)],
        scope,
    )


def with_clause(ctx: Context, node: ast.WithClause | None, parent: Scope | None) -> Context:
    """Read the queries of WITH; returns where their names are known."""
    if node is None:
        return ctx
    ctx = ctx.with_ctes()
    if node.recursive:
        ctx.ctes.update({cte.ctename: None for cte in node.ctes})
    for cte in node.ctes:
        query = cte.ctequery
        if isinstance(query, ast.SelectStmt):
            columns = select(ctx, query, parent).outputs
        else:
            columns = ctx.statement(ctx, query, parent)
        if node.recursive or (cte.aliascolnames and columns is None):
            columns = None
        ctx.ctes[cte.ctename] = renamed(columns, strings(cte.aliascolnames))
    return ctx


def renamed(columns: Outputs | None, names: tuple[str, ...]) -> Outputs | None:
    """Return the columns with new names for the first of them."""
    if columns is None or not names:
        return columns
    kept = list(columns)[len(names) :]
    return dict(zip([*names, *kept], columns.values(), strict=False))


# --- FROM and WHERE -----------------------------------------------------------------------------


def from_clause(
    ctx: Context,
    items: tuple[Tree, ...],
    where: Tree,
    parent: Scope | None,
    target: Source | None = None,
) -> Scope:
    """Return the scope of a query with these items, and what its conditions say about them.

    ``target`` comes first: the table an UPDATE or DELETE changes.
    """
    scope = Scope(parent)
    if target is not None:
        scope.add(target)
    builder = _From(ctx, scope)
    for item in items:
        builder.add(item)
    reader = Conditions(ctx.reader, scope.resolve, outer_joins=scope.outer_joins)
    parts = [reader.read(where, None)] if where is not None else []
    for quals, about in builder.quals:
        parts.append(reader.read(quals, about))
    parts += [[facts] for facts in builder.facts]
    known = scope.initial()
    scope.disjuncts = [keys(facts, known) for facts in conjunction(parts)]
    for quals, _ in builder.quals:
        expressions(ctx, quals, scope)
    return scope


def look_at_all(ctx: Context, scope: Scope, *, but: int | None = None) -> None:
    """Look at every table in FROM ``but`` one, which is looked at otherwise."""
    for number, source in enumerate(scope.sources):
        if source.table is not None and number != but:
            ctx.effects.look(source.table, scope.keys(number))


class _From:
    """Adds the items of a FROM clause to a scope."""

    def __init__(self, ctx: Context, scope: Scope) -> None:
        self._ctx = ctx
        self._scope = scope
        self.quals: list[tuple[Tree, frozenset[int] | None]] = []
        self.facts: list[Facts] = []

    def add(self, item: Tree) -> frozenset[int]:
        """Add an item; returns the numbers of the sources it consists of."""
        match item:
            case ast.RangeVar():
                return self._one(relation(self._ctx, item))
            case ast.RangeSubselect():
                return self._one(self._subselect(item))
            case ast.JoinExpr():
                return self._join(item)
            case ast.RangeTableSample():
                expressions(self._ctx, (item.args, item.repeatable), self._scope)
                return self.add(item.relation)
            case ast.Node():
                expressions(self._ctx, tuple(children(item)), self._scope)
                alias = getattr(item, "alias", None)
                return self._one(Source(alias.aliasname if alias else ""))
        raise AssertionError(f"not an item of FROM: {item!r}")

    def _one(self, source: Source) -> frozenset[int]:
        return frozenset({self._scope.add(source)})

    def _subselect(self, item: ast.RangeSubselect) -> Source:
        outer = self._scope if item.lateral else self._scope.parent
        assert isinstance(item.subquery, ast.SelectStmt)
        result = select(self._ctx, item.subquery, outer)
        alias = item.alias.aliasname if item.alias else ""
        names = strings(item.alias.colnames) if item.alias else ()
        return Source(alias, outputs=renamed(result.outputs, names), rows=result.rows)

    def _join(self, item: ast.JoinExpr) -> frozenset[int]:
        left, right = self.add(item.larg), self.add(item.rarg)
        kinds = enums.JoinType
        about: frozenset[int] | None = None
        if item.jointype != kinds.JOIN_INNER:
            self._scope.outer_joins = True
            about = {kinds.JOIN_LEFT: right, kinds.JOIN_RIGHT: left}.get(item.jointype, frozenset())
            self._scope.nullable |= about or left | right
        if item.quals is not None:
            self.quals.append((item.quals, about))
        for name in strings(item.usingClause):
            self._scope.merged.add(name)
            self._using(name, left, right, about)
        if item.isNatural:
            self._scope.merged |= {
                column.name
                for number in left | right
                if (table := self._scope.sources[number].table) is not None
                for column in table.columns
            }
        for alias in (item.alias, item.join_using_alias):
            if alias is not None:
                self._scope.add(Source(alias.aliasname))
        return left | right

    def _using(
        self,
        name: str,
        left: frozenset[int],
        right: frozenset[int],
        about: frozenset[int] | None,
    ) -> None:
        for number, other in [(a, b) for a in left for b in right] + [
            (b, a) for a in left for b in right
        ]:
            kind = self._scope.sources[number].type_of(name)
            if kind is not None and self._scope.sources[other].type_of(name) is not None:
                self.facts.append((Fact((number, name), kind, other=(other, name), about=about),))


def relation(ctx: Context, node: ast.RangeVar) -> Source:
    """Return the table, view or CTE that a name in FROM means."""
    names = strings(node.alias.colnames) if node.alias else ()
    alias = node.alias.aliasname if node.alias else node.relname
    if not node.schemaname and node.relname in ctx.ctes:
        return Source(alias, outputs=renamed(ctx.ctes[node.relname], names))
    table = ctx.catalog.table(node.schemaname, node.relname, ctx.path)
    system = node.schemaname in _SYSTEM or (
        not node.schemaname and node.relname.startswith("pg_") and table is None
    )
    if system:
        if node.relname.startswith(_LIVE):
            ctx.effects.everything()
        return Source(alias)
    if table is None or table.kind in ("foreign", "sequence"):
        ctx.effects.everything()
        return Source(alias)
    if table.kind == "view":
        return replace(_view(ctx, table), alias=alias)
    if table.rules:
        ctx.effects.everything()
    if table.row_security:
        # The conditions of policies may look anywhere.
        ctx.effects.looks[DATABASE] = ctx.effects.stale[DATABASE] = None
        ctx.effects.may_fail = True
        for name in table.policies:
            named_effects(ctx, name)
    return Source(alias) if names else Source(alias, table)


def _view(ctx: Context, view: Table) -> Source:
    names = [column.name for column in view.columns]
    if f"view {view.name}" in ctx.reading:
        return Source(view.name, outputs=unknown(names))
    inner = ctx.apart(path=()).inside(f"view {view.name}")
    rows: list[tuple[Table, Key]] = []
    try:
        for statement in parsed(view.view or ""):
            assert isinstance(statement, ast.SelectStmt)
            rows += select(inner, statement, None).rows
    except NotParsed:
        ctx.effects.everything()
    return Source(view.name, outputs=unknown(names), rows=rows)


# --- locks --------------------------------------------------------------------------------------


# --- expressions --------------------------------------------------------------------------------


def expressions(ctx: Context, node: Tree, scope: Scope) -> None:
    """Read what expressions do: subqueries and function calls in them."""
    if isinstance(node, tuple):
        for part in node:
            expressions(ctx, part, scope)
        return
    match node:
        case None:
            return
        case ast.SubLink():
            expressions(ctx, node.testexpr, scope)
            if node.subLinkType != enums.SubLinkType.EXISTS_SUBLINK:
                ctx.effects.may_fail = True
            assert isinstance(node.subselect, ast.SelectStmt)
            select(ctx, node.subselect, scope)
            return
        case ast.SelectStmt():
            select(ctx, node, scope)
            return
        case ast.FuncCall():
            call(ctx, node)
        case ast.A_Expr():
            name = operator(node)
            if name is None or name in _RISKY:
                ctx.effects.may_fail = True
            unnamed(ctx, ctx.catalog.operators.get((strings(node.name) or ("",))[-1], ()))
        case ast.TypeCast():
            if not isinstance(node.arg, ast.A_Const | ast.ParamRef):
                ctx.effects.may_fail = True
            unnamed(ctx, ctx.catalog.conversions.get(strings(node.typeName.names)[-1], ()))
        case ast.ColumnRef():
            _computed(ctx, node.fields, scope)
        case ast.A_Indirection():
            _computed(ctx, (None, *node.indirection), scope)
    for part in children(node):
        expressions(ctx, part, scope)


def _computed(ctx: Context, names: tuple[Tree, ...], scope: Scope) -> None:
    """Read what may be a call without parentheses.

    ``o.paid`` calls the function ``paid`` where ``o`` has no such column (manual, 4.2.6).
    """
    words = list(strings(names))
    of = words.pop(0) if isinstance(names[0], ast.String) else None
    sources = [source for source in scope.sources if source.alias == of]
    for word in words:
        if not any(source.type_of(word) is not None for source in sources):
            for function in ctx.catalog.function(None, word, ctx.path):
                function_effects(ctx, function)


def outputs(ctx: Context, targets: tuple[Tree, ...], scope: Scope) -> Outputs | None:
    """Return the columns of a result; None if their names are not known."""
    columns: Outputs = {}
    for target in targets:
        if not isinstance(target, ast.ResTarget):
            return None
        value = target.val
        if not isinstance(value, ast.ColumnRef):
            if target.name is None:
                return None
            columns[target.name] = Output(_typed(ctx, value))
            continue
        last = value.fields[-1]
        if not isinstance(last, ast.String):
            return None
        columns[target.name or last.sval] = Output(scope.match(value))
    return columns if len(columns) == len(targets) else None


def _typed(ctx: Context, node: Tree) -> Match | None:
    """Return the value of an expression whose type is said."""
    if not isinstance(node, ast.TypeCast):
        return None
    symbol = ctx.reader.symbol(node)
    if symbol is None:
        return None
    return Match(symbol, ColumnType(ctx.reader.family(node.typeName)))
