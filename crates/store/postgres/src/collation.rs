//! Text that is compared by byte, whatever collation the database was made with.
//!
//! Ids, cursors and pages are ordered by their bytes, as SQLite does it. PostgreSQL compares by the rules of a
//! language unless a column says `COLLATE "C"`, which SQLite does not accept; so the migrations, which are the same
//! text for both, do not say it, and the columns are given it here, in the transaction that made them.

use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, PgConnection, query_as};

/// The tables that a set of migrations makes.
pub(crate) fn tables(migrations: &Migrator) -> Vec<String> {
    let texts = migrations.iter().map(|migration| migration.sql.as_str());
    let names = texts.flat_map(|text| text.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")));
    names.filter_map(|rest| rest.split([' ', '(']).next()).map(str::to_owned).collect()
}

/// Makes every text column of these tables compare by byte. Where all do, which is at every start but the first
/// and those after an upgrade, it asks one question and changes nothing.
pub(crate) async fn compare_by_byte(
    connection: &mut PgConnection,
    tables: &[String],
) -> Result<(), sqlx::Error> {
    let changes: Vec<(String,)> = query_as(
        r#"SELECT format('ALTER TABLE %s %s', relation.oid::regclass,
               string_agg(format('ALTER COLUMN %I TYPE text COLLATE "C"', field.attname), ', '))
           FROM pg_class AS relation JOIN pg_attribute AS field ON field.attrelid = relation.oid
           WHERE relation.relnamespace = current_schema()::regnamespace AND relation.relname = ANY($1)
               AND field.attnum > 0 AND NOT field.attisdropped AND field.atttypid = 'text'::regtype
               AND field.attcollation <> 'pg_catalog."C"'::regcollation
           GROUP BY relation.oid"#,
    )
    .bind(tables)
    .fetch_all(&mut *connection)
    .await?;
    for (change,) in changes {
        // The names in it are those of this crate's migrations, quoted by the server.
        sqlx::raw_sql(AssertSqlSafe(change)).execute(&mut *connection).await?;
    }
    Ok(())
}
