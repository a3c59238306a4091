"""The calls of ORMs of Go."""

from __future__ import annotations

from paidonce.harness.orms.calls import Orm, Way

_LOST = 'return errors.New("another request was first")'
_HERE = "// look at the row, call Stripe and write here, all by tx"
_KEY = "// read, call Stripe and write here, all by tx"

GORM = Orm(
    name="gorm",
    title="GORM",
    version="1.31.2",
    language="go",
    lock="clause.Locking",
    assigned='"@column@": @value@',
    joined='clause.Locking{Strength: "UPDATE", Table: clause.Table{Name: "@table@"}}',
    calls={
        Way.LOCK: f"""\
err := db.Transaction(func(tx *gorm.DB) error {{
	var row @Model@
	lock := clause.Locking{{Strength: "UPDATE"}}
	if err := tx.Clauses(lock).First(&row, "@key@ = ?", @key@).Error; err != nil {{
		return err
	}}
	{_HERE}
	return nil
}})""",
        Way.CONDITIONAL: f"""\
result := db.Model(&@Model@{{}}).Where("@key@ = ? AND @column@ = ?", @key@, @value@).
	Updates(map[string]any{{@set@}})
if result.Error != nil {{
	return result.Error
}}
if result.RowsAffected != 1 {{
	{_LOST}
}}""",
        Way.ADVISORY: f"""\
err := db.Transaction(func(tx *gorm.DB) error {{
	lock := "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))"
	if err := tx.Exec(lock, fmt.Sprint(@key@)).Error; err != nil {{
		return err
	}}
	{_KEY}
	return nil
}})""",
        Way.SERIALIZABLE: f"""\
err := db.Transaction(func(tx *gorm.DB) error {{
	{_KEY}
	return nil
}}, &sql.TxOptions{{Isolation: sql.LevelSerializable}})""",
    },
)

ENT = Orm(
    name="ent",
    title="ent",
    version="0.14.5",
    language="go",
    lock=".ForUpdate()",
    assigned=".Set@Column@(@value@)",
    between="",
    calls={
        Way.LOCK: f"""\
tx, err := client.Tx(ctx)
if err != nil {{
	return err
}}
defer tx.Rollback()
row, err := tx.@Model@.Query().Where(@model@.@Key@(@key@)).ForUpdate().Only(ctx)
if err != nil {{
	return err
}}
{_HERE}
err = tx.Commit()""",
        Way.CONDITIONAL: f"""\
count, err := client.@Model@.Update().
	Where(@model@.@Key@(@key@), @model@.@Column@(@value@))@set@.Save(ctx)
if err != nil {{
	return err
}}
if count != 1 {{
	{_LOST}
}}""",
        Way.ADVISORY: f"""\
tx, err := client.Tx(ctx)
if err != nil {{
	return err
}}
defer tx.Rollback()
lock := "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
if _, err := tx.ExecContext(ctx, lock, fmt.Sprint(@key@)); err != nil {{
	return err
}}
{_KEY}
err = tx.Commit()""",
        Way.SERIALIZABLE: f"""\
tx, err := client.BeginTx(ctx, &sql.TxOptions{{Isolation: sql.LevelSerializable}})
if err != nil {{
	return err
}}
defer tx.Rollback()
{_KEY}
err = tx.Commit()""",
    },
)

BUN = Orm(
    name="bun",
    title="Bun",
    version="1.3.0",
    language="go",
    lock='.For("UPDATE")',
    assigned='.Set("@column@ = ?", @value@)',
    between="",
    joined='.For("UPDATE OF ?", bun.Ident("@model@"))',
    calls={
        Way.LOCK: f"""\
err := db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {{
	row := new(@Model@)
	asked := tx.NewSelect().Model(row).Where("@key@ = ?", @key@).For("UPDATE")
	if err := asked.Scan(ctx); err != nil {{
		return err
	}}
	{_HERE}
	return nil
}})""",
        Way.CONDITIONAL: f"""\
result, err := db.NewUpdate().Model((*@Model@)(nil))@set@.
	Where("@key@ = ?", @key@).Where("@column@ = ?", @value@).Exec(ctx)
if err != nil {{
	return err
}}
if count, err := result.RowsAffected(); err != nil || count != 1 {{
	{_LOST}
}}""",
        Way.ADVISORY: f"""\
err := db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {{
	lock := "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))"
	if _, err := tx.ExecContext(ctx, lock, fmt.Sprint(@key@)); err != nil {{
		return err
	}}
	{_KEY}
	return nil
}})""",
        Way.SERIALIZABLE: f"""\
level := &sql.TxOptions{{Isolation: sql.LevelSerializable}}
err := db.RunInTx(ctx, level, func(ctx context.Context, tx bun.Tx) error {{
	{_KEY}
	return nil
}})""",
    },
)
