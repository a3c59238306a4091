"""The queries that read a database's catalog (manual, part VII, chapter "System Catalogs")."""

# ruff: noqa: S608 -- what is put into the queries here is text of our own

from __future__ import annotations

_OURS = "n.nspname !~ '^pg_(catalog|toast|temp_)' AND n.nspname <> 'information_schema'"

TABLES = f"""
SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relkind::text AS kind,
       c.relrowsecurity AS row_security,
       EXISTS (SELECT FROM pg_rewrite r
               WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN') AS rules,
       CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END AS view
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {_OURS}
"""

COLUMNS = f"""
SELECT a.attrelid AS relation, a.attname AS name, a.atttypmod AS modifier,
       b.typname AS type, b.typtype::text AS typtype, bn.nspname AS type_schema,
       t.typtypmod AS domain_modifier, t.typtype = 'd' AS domain,
       coalesce(co.collisdeterministic, true) AS deterministic,
       a.attidentity <> '' AS identity, a.attgenerated <> '' AS generated,
       coalesce(pg_get_expr(d.adbin, d.adrelid), t.typdefault) AS "default"
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
JOIN LATERAL (
    WITH RECURSIVE bases AS (
        SELECT t.oid, t.typtype, t.typbasetype
        UNION ALL
        SELECT u.oid, u.typtype, u.typbasetype
        FROM bases JOIN pg_type u ON u.oid = bases.typbasetype WHERE bases.typtype = 'd')
    SELECT oid FROM bases WHERE typtype <> 'd') AS base ON true
JOIN pg_type b ON b.oid = base.oid JOIN pg_namespace bn ON bn.oid = b.typnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation co ON co.oid = a.attcollation
WHERE a.attnum > 0 AND NOT a.attisdropped AND {_OURS}
ORDER BY a.attrelid, a.attnum
"""

# An index may take values for equal that the type tells apart: by a collation of its own, or by an
# operator class (manual 11.10, 11.11). Those for patterns compare byte by byte.
_AS_COLUMNS_DO = """
coalesce(co.collisdeterministic, true) AND (
    oc.opcdefault OR oc.opcnamespace = 'pg_catalog'::regnamespace)
"""

INDEXES = f"""
SELECT i.indrelid AS relation, n.nspname || '.' || c.relname AS name,
       i.indisprimary AS "primary", {{nulls_collide}} AS nulls_collide,
       i.indisexclusion AS exclusion, i.indexprs IS NULL AND i.indpred IS NULL AS plain,
       pg_get_expr(i.indpred, i.indrelid) AS predicate,
       ARRAY(SELECT CASE WHEN {_AS_COLUMNS_DO} THEN a.attname::text END
             FROM unnest(i.indkey[0:i.indnkeyatts - 1], i.indclass::oid[], i.indcollation::oid[])
                 WITH ORDINALITY AS k(number, class, "collation", at)
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
             LEFT JOIN pg_opclass oc ON oc.oid = k.class
             LEFT JOIN pg_collation co ON co.oid = k."collation"
             ORDER BY k.at) AS columns,
       ARRAY(SELECT DISTINCT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = i.indrelid AND a.attnum > 0 AND (
                 a.attnum = ANY (i.indkey)
                 OR EXISTS (SELECT FROM pg_depend d
                            WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                              AND d.refobjid = i.indrelid
                              AND d.refobjsubid = a.attnum))) AS depends,
       (SELECT conname FROM pg_constraint WHERE conindid = i.indexrelid
            AND contype IN ('p', 'u', 'x') LIMIT 1) AS "constraint"
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (i.indisunique OR i.indisexclusion) AND {_OURS}
ORDER BY name
"""

FOREIGN_KEYS = f"""
SELECT k.conrelid AS relation, k.confrelid AS target,
       k.confdeltype::text AS on_delete, k.confupdtype::text AS on_update,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(number, at)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number
             ORDER BY u.at) AS columns,
       ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(number, at)
             JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number
             ORDER BY u.at) AS target_columns
FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
WHERE k.contype = 'f' AND {_OURS}
ORDER BY k.oid
"""

TRIGGERS = """
SELECT t.tgrelid AS relation, t.tgname AS name, t.tgtype::int AS type,
       t.tgdeferrable AS deferrable, t.tginitdeferred AS deferred,
       n.nspname || '.' || p.proname AS function,
       ARRAY(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr)) AS columns
FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
ORDER BY t.tgname
"""

# What not every supported server knows, with the first major version that does, and what stands
# for it before: NULLS NOT DISTINCT came with 15, SQL-standard function bodies with 14.
NULLS_COLLIDE = (15, "i.indnullsnotdistinct", "false")
SOURCE = (
    14,
    "CASE WHEN p.prosqlbody IS NULL THEN p.prosrc ELSE pg_get_function_sqlbody(p.oid) END",
    "p.prosrc",
)

FUNCTIONS = """
SELECT n.nspname || '.' || p.proname AS name, p.provolatile::text AS volatility,
       l.lanname AS language, p.prokind = 'p' AS procedure, p.prokind = 'a' AS aggregate,
       {source} AS source,
       CASE WHEN l.lanname IN ('sql', 'plpgsql') THEN pg_get_functiondef(p.oid) ELSE '' END
           AS definition,
       ARRAY(SELECT DISTINCT fn.nspname || '.' || f.proname
             FROM pg_depend d JOIN pg_proc f ON f.oid = d.refobjid
             JOIN pg_namespace fn ON fn.oid = f.pronamespace
             WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
               AND d.refclassid = 'pg_proc'::regclass AND fn.nspname <> 'pg_catalog') AS parts,
       (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
          AND d.refclassid = 'pg_extension'::regclass) AS extension,
       (SELECT substr(setting, 13) FROM unnest(p.proconfig) AS setting
        WHERE setting LIKE 'search\\_path=%%') AS search_path
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
"""

BUILTIN = """
SELECT p.proname AS name, max(p.provolatile::text) AS volatility
FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace GROUP BY p.proname
"""

# Which functions of the user's a table's defaults, checks, indexes and policies call. Built-in
# functions are pinned and not recorded.
_DOMAINS = """
RECURSIVE domains(type, base) AS (
    SELECT oid, oid FROM pg_type WHERE typtype = 'd'
    UNION ALL SELECT d.type, t.typbasetype FROM domains d JOIN pg_type t ON t.oid = d.base
              WHERE t.typtype = 'd')
"""

CALLS = f"""
WITH {_DOMAINS}
SELECT DISTINCT found.relation, n.nspname || '.' || p.proname AS function, found.policy
FROM (
    SELECT k.conrelid, 'pg_constraint'::regclass, k.oid, 0::oid, false FROM pg_constraint k
    UNION ALL SELECT adrelid, 'pg_attrdef'::regclass, oid, 0, false FROM pg_attrdef
    UNION ALL SELECT indrelid, 'pg_class'::regclass, indexrelid, 0, false FROM pg_index
    UNION ALL SELECT polrelid, 'pg_policy'::regclass, oid, 0, true FROM pg_policy
    UNION ALL SELECT tgrelid, 'pg_trigger'::regclass, oid, tgfoid, false FROM pg_trigger
              WHERE tgqual IS NOT NULL
    UNION ALL SELECT a.attrelid, 'pg_constraint'::regclass, k.oid, 0, false
              FROM pg_constraint k JOIN domains d ON d.base = k.contypid
              JOIN pg_attribute a ON a.atttypid = d.type
    UNION ALL SELECT a.attrelid, 'pg_type'::regclass, d.base, 0, false
              FROM domains d JOIN pg_attribute a ON a.atttypid = d.type
) AS found(relation, class, object, but, policy)
JOIN pg_depend d ON d.classid = found.class AND d.objid = found.object
                AND d.refclassid = 'pg_proc'::regclass AND d.refobjid <> found.but
JOIN pg_proc p ON p.oid = d.refobjid JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE found.relation <> 0
"""

# A function that is not written in SQL and says that it depends on its arguments alone is believed.
_MAY_LOOK = """
p.pronamespace <> 'pg_catalog'::regnamespace AND NOT (p.provolatile = 'i' AND p.prolang NOT IN (
    SELECT oid FROM pg_language WHERE lanname IN ('sql', 'plpgsql')))
"""

OPERATORS = f"""
SELECT DISTINCT o.oprname AS name, n.nspname || '.' || p.proname AS function
FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE {_MAY_LOOK}
"""

# Which functions of the user's are called where a value becomes one of a type: by casts, and by the
# checks of domains, also within a composite type. A cast may be one that nobody writes down.
CONVERSIONS = f"""
WITH {_DOMAINS}, found(type, function, unseen) AS (
    SELECT casttarget, castfunc, castcontext <> 'e' FROM pg_cast
    UNION SELECT d.type, p.refobjid, false
          FROM domains d JOIN pg_constraint k ON k.contypid = d.base
          JOIN pg_depend p ON p.classid = 'pg_constraint'::regclass AND p.objid = k.oid
                          AND p.refclassid = 'pg_proc'::regclass)
SELECT DISTINCT t.typname AS name, n.nspname || '.' || p.proname AS function, f.unseen
FROM found f JOIN pg_proc p ON p.oid = f.function JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_type t ON t.oid = f.type OR t.typrelid IN (
    SELECT attrelid FROM pg_attribute WHERE atttypid = f.type AND attnum > 0)
WHERE {_MAY_LOOK}
"""

ENUMS = "SELECT DISTINCT typname AS name FROM pg_type WHERE typtype = 'e'"

PARENTS = "SELECT inhrelid AS child, inhparent AS parent FROM pg_inherits"

SESSION = """
SELECT current_schemas(false)::text[] AS search_path, current_user::text AS "user",
       current_setting('default_transaction_isolation') AS isolation
"""

# What the role that reads the catalog has; ``current_setting`` refuses a name not known yet.
TIMEOUTS = "SELECT name, setting FROM pg_settings WHERE name = ANY (%s)"
