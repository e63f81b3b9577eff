SET threads = 1
SET GLOBAL enable_external_access = true
SET SESSION memory_limit = '100GB'
SET VARIABLE x = 1
SET search_path = 'main'
SET schema = 'information_schema'
SET TimeZone = 'Asia/Shanghai'
SET errors_as_json = true
RESET threads
RESET lock_configuration
PRAGMA database_list
PRAGMA x(nextval('s'))
PRAGMA enable_profiling
PRAGMA enable_progress_bar
PRAGMA memory_limit = '1GB'
PRAGMA table_info('residents')
PRAGMA show_tables
PRAGMA disable_optimizer
CALL pragma_version()
CALL enable_logging()
CALL force_checkpoint()
USE x
SELECT getvariable('x'), count(*) FROM residents
SELECT current_setting('threads'), count(*) FROM residents
SELECT current_setting('temp_directory') AS t, count(*) FROM visits
SELECT set_config('threads', '1', false), count(*) FROM residents
SELECT count(*) FROM duckdb_settings()
SELECT name, value, count(*) FROM duckdb_settings() GROUP BY ALL
