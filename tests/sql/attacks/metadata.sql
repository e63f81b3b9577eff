SELECT count(*) FROM information_schema.tables
SELECT table_name, count(*) FROM information_schema.columns GROUP BY table_name
SELECT count(*) FROM sqlite_master
SELECT count(*) FROM pg_catalog.pg_class
SELECT count(*) FROM pg_stat_activity
SELECT count(*) FROM duckdb_tables
SELECT table_name, count(*) FROM duckdb_tables() GROUP BY table_name
SELECT column_name, count(*) FROM duckdb_columns() GROUP BY 1
SELECT sql, count(*) FROM duckdb_views() GROUP BY sql
SELECT path, count(*) FROM duckdb_databases() GROUP BY path
SELECT function_name, count(*) FROM duckdb_functions() GROUP BY 1
SELECT count(*) FROM duckdb_secrets()
SELECT count(*) FROM duckdb_logs()
SELECT count(*) FROM duckdb_memory()
SELECT count(*) FROM duckdb_temporary_files()
SELECT count(*) FROM duckdb_variables()
SELECT count(*) FROM duckdb_prepared_statements()
SELECT count(*) FROM pragma_storage_info('residents')
SELECT stats, count(*) FROM pragma_storage_info('residents') GROUP BY stats
SELECT count(*) FROM pragma_table_info('residents')
SELECT count(*) FROM pragma_metadata_info()
SELECT count(*) FROM pragma_database_size()
SELECT stats(income), count(*) FROM residents GROUP BY 1
SELECT count(*) FROM residents WHERE stats(income) LIKE '%500000%'
SELECT version(), count(*) FROM residents
SELECT current_user, count(*) FROM residents
SELECT current_schema() AS s, count(*) FROM residents
SELECT current_database() AS d, count(*) FROM residents
SELECT current_query() AS q, count(*) FROM residents
SELECT txid_current() AS t, count(*) FROM residents
SELECT pg_typeof(income) AS t, count(*) FROM residents GROUP BY 1
SELECT typeof(income) AS t, count(*) FROM residents GROUP BY 1
SELECT alias(income) AS a, count(*) FROM residents GROUP BY 1
SELECT rowid, count(*) FROM residents GROUP BY rowid
SELECT count(*) FROM residents WHERE rowid < 10
SELECT sum(rowid) FROM visits
SELECT file_row_number, count(*) FROM visits GROUP BY 1
SELECT filename, count(*) FROM residents GROUP BY filename
SELECT v.tableoid, count(*) FROM visits v GROUP BY 1
