SELECT count(*) FROM read_csv('/etc/passwd')
SELECT count(*) FROM read_csv_auto('/etc/passwd', header = false)
SELECT count(*) FROM '/etc/passwd'
SELECT count(*) FROM "residents.parquet"
SELECT count(*) FROM 'data/*.parquet'
SELECT count(*) FROM read_parquet('x.parquet')
SELECT count(*) FROM parquet_scan('../extracts/*.parquet', filename = true)
SELECT count(*) FROM parquet_metadata('residents.parquet')
SELECT count(*) FROM parquet_schema('residents.parquet')
SELECT count(*) FROM read_json('/proc/self/environ')
SELECT count(*) FROM read_json_auto('/proc/self/status')
SELECT count(*) FROM read_ndjson_objects('x.json')
SELECT count(*) FROM glob('*')
SELECT count(*) FROM glob('/proc/*/cmdline')
SELECT count(*) FROM read_text('/etc/hostname')
SELECT count(*) FROM read_blob('/etc/shadow')
SELECT count(*) FROM sniff_csv('/etc/group')
SELECT content, count(*) FROM read_text('/proc/self/cmdline') GROUP BY content
SELECT count(*) FROM read_duckdb('catalog.db')
SELECT count(*) FROM sqlite_scan('yunei.db', 'jobs')
SELECT count(*) FROM postgres_scan('host=127.0.0.1', 'public', 'jobs')
SELECT count(*) FROM 'https://example.org/x.csv'
SELECT count(*) FROM read_csv('http://127.0.0.1:8080/api/v1/jobs')
SELECT count(*) FROM read_parquet('s3://bucket/key.parquet')
SELECT count(*) FROM delta_scan('s3://bucket/table')
SELECT count(*) FROM iceberg_scan('s3://bucket/table')
SELECT department, count(*) FROM visits JOIN read_csv('who.csv') AS w ON visits.resident_id = w.resident_id GROUP BY department
SELECT count(*) FROM visits v, read_csv('who.csv') AS w WHERE v.resident_id = w.resident_id
WITH w AS (FROM read_csv('who.csv')) SELECT count(*) FROM visits v JOIN w ON v.resident_id = w.resident_id
SELECT count(*) FROM arrow_scan(1, 2, 3)
SELECT count(*) FROM pandas_scan(1)
SELECT count(*) FROM locals
SELECT count(*) FROM st_read('x.shp')
SELECT count(*) FROM read_xlsx('x.xlsx')
SELECT getenv('HOME') AS h, count(*) FROM residents
