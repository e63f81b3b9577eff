SELECT count(*) FROM read_csv('/etc/passwd')
SELECT count(*) FROM '/etc/passwd'
SELECT count(*) FROM read_parquet('x.parquet')
SELECT count(*) FROM glob('*')
SELECT count(*) FROM duckdb_settings()
SELECT count(*) FROM information_schema.tables
SELECT count(*) FROM sqlite_master
SELECT count(*) FROM pragma_storage_info('residents')
SELECT count(*) FROM query('SELECT 1')
SELECT count(*) FROM query_table('residents')
SELECT count(*) FROM range(1000000000)
SELECT count(*) FROM generate_series(1, 1000000000)
SELECT count(*) FROM (VALUES (1), (2)) t(a)
SELECT count(*) FROM unnest([1, 2, 3])
SELECT getvariable('x'), count(*) FROM residents
SELECT current_setting('threads'), count(*) FROM residents
SELECT version(), count(*) FROM residents
SELECT current_user, count(*) FROM residents
SELECT now(), count(*) FROM residents
SELECT random(), count(*) FROM residents GROUP BY 1
SELECT uuid(), count(*) FROM residents GROUP BY 1
SELECT count(*) FROM residents WHERE random() < 0.5
SELECT count(*) FROM residents TABLESAMPLE 10%
SELECT count(*) FROM residents USING SAMPLE 1
SELECT sum(balance) FROM residents WHERE hash(gender) % 2 = 0
SELECT count(*) FROM residents WHERE md5(gender) LIKE 'a%'
SELECT repeat(gender, 1000000000), count(*) FROM residents GROUP BY 1
SELECT lpad(gender, 1000000000, 'x'), count(*) FROM residents GROUP BY 1
SELECT format('{}', gender), count(*) FROM residents GROUP BY 1
SELECT count(*) FROM residents WHERE sleep_ms(1000) IS NULL
SELECT count(*) FROM residents WHERE error(gender)
SELECT count(*) FROM residents WHERE regexp_matches(gender, '(a+)+$')
SELECT count(*) FROM residents WHERE gender SIMILAR TO '(a+)+'
SELECT count(*) FROM residents WHERE gender ~ 'a'
SELECT strptime(gender, '%Y'), count(*) FROM residents GROUP BY 1
SELECT sum(balance // 0) FROM residents
SELECT sum(balance % 0) FROM residents
SELECT sum(balance << 60) FROM residents
SELECT sum(1 / (balance - 5)) OVER () FROM residents
SELECT sum(exp(balance)) FROM residents
SELECT sum(balance ** 9) FROM residents
SELECT sum(log(balance)) FROM residents
SELECT CAST(gender AS UUID), count(*) FROM residents GROUP BY 1
SELECT CAST(gender AS STRUCT(a INT)), count(*) FROM residents GROUP BY 1
SELECT gender::JSON, count(*) FROM residents GROUP BY 1
SELECT [gender], count(*) FROM residents GROUP BY 1
SELECT {'a': gender}, count(*) FROM residents GROUP BY 1
SELECT list_transform([1], x -> x), count(*) FROM residents
SELECT gender[1], count(*) FROM residents GROUP BY 1
SELECT gender || street, count(*) FROM residents GROUP BY 1
SELECT nextval('s'), count(*) FROM residents
