PREPARE p AS SELECT 1
PREPARE p AS SELECT name FROM residents WHERE resident_id = $1
EXECUTE p
EXECUTE p('130101')
DEALLOCATE p
CREATE MACRO sum(a) AS 1
CREATE TEMP MACRO count(a) AS a
CREATE OR REPLACE MACRO t() AS TABLE SELECT * FROM residents
SELECT count(*) FROM query('SELECT 1')
SELECT name, count(*) FROM query('SELECT name FROM residents') GROUP BY name
SELECT count(*) FROM query('SELECT ' || 'name' || ' FROM residents')
SELECT count(*) FROM query_table('residents')
SELECT count(*) FROM query_table(['residents', 'visits'])
SELECT count(*) FROM visits WHERE department IN (SELECT name FROM query_table('residents'))
SELECT json_deserialize_sql(json_serialize_sql('SELECT name FROM residents')) AS j, count(*) FROM residents
SELECT count(*) FROM json_execute_serialized_sql(json_serialize_sql('SELECT name FROM residents'))
SELECT json_serialize_sql('SELECT 1') AS j, count(*) FROM residents
SELECT json_serialize_plan('SELECT name FROM residents') AS j, count(*) FROM residents
SELECT count(*) FROM sql_auto_complete('SELECT na')
SELECT bin, count(*) FROM histogram_values(residents, income) GROUP BY 1
SELECT count(*) FROM histogram_values('residents', 'income')
SELECT count(*) FROM summary((SELECT income FROM residents))
SELECT count(*) FROM checkpoint()
SELECT parse_function_name(name) AS e, count(*) FROM residents
SELECT write_log('x') AS w, count(*) FROM residents
