"""Where everything is kept: tables, encryption, units of work, migrations. Decides nothing about care."""
