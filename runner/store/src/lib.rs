//! SQLite: schema, migrations and the transactions.
