SELECT repeat(gender, 1000000000), count(*) FROM residents GROUP BY 1
SELECT repeat('a', 4000000000) AS r, count(*) FROM residents GROUP BY r
SELECT count(*) FROM residents WHERE length(repeat('a', 4000000000)) > 1
SELECT lpad(gender, 1000000000, 'x'), count(*) FROM residents GROUP BY 1
SELECT rpad(department, 2000000000, 'x') AS r, count(*) FROM visits GROUP BY r
SELECT format('{}', gender), count(*) FROM residents GROUP BY 1
SELECT format('{:>1000000000}', department) AS f, count(*) FROM visits GROUP BY f
SELECT printf('%1000000000s', gender) AS f, count(*) FROM residents GROUP BY f
SELECT count(*) FROM residents WHERE levenshtein(repeat('a', 100000), gender) > 1
SELECT damerau_levenshtein(hospital, department) AS d, count(*) FROM visits GROUP BY d
SELECT jaccard(hospital, department) AS d, count(*) FROM visits GROUP BY d
SELECT array_to_string(range(1000000000), ',') AS a, count(*) FROM residents GROUP BY a
SELECT len(range(0, 1000000000)) AS l, count(*) FROM residents GROUP BY l
SELECT list_sort(list_transform(range(100000000), lambda x: -x)) AS l, count(*) FROM residents GROUP BY l
SELECT list_reduce(range(100000000), lambda a, b: a + b) AS l, count(*) FROM residents GROUP BY l
SELECT string_split(repeat('a,', 100000000), ',') AS l, count(*) FROM residents GROUP BY l
SELECT replace(street, '', repeat('x', 1000000)) AS l, count(*) FROM residents GROUP BY l
SELECT translate(street, 'a', repeat('b', 1000000000)) AS l, count(*) FROM residents GROUP BY l
SELECT bar(balance, 0, 1, 1000000000) AS b, count(*) FROM residents GROUP BY b
SELECT count(*) FROM range(1000000000)
SELECT count(*) FROM generate_series(1, 1000000000)
SELECT count(*) FROM residents, range(1000000000)
SELECT count(*) FROM visits a JOIN generate_series(1, 100000) b ON TRUE
SELECT count(*) FROM residents WHERE sleep_ms(1000) IS NULL
SELECT count(*) FROM residents WHERE gender = 'F' AND sleep_ms(60000) IS NULL
SELECT count(*) FROM residents WHERE CASE WHEN district = '长安区' THEN sleep_ms(5000) IS NULL ELSE TRUE END
WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a) SELECT count(*) FROM a
WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n FROM a) SELECT count(*) FROM residents, a
SELECT count(*) FROM visits a, visits b, visits c, visits d
SELECT count(*) FROM visits a JOIN visits b ON a.resident_id = b.resident_id JOIN visits c ON b.resident_id = c.resident_id JOIN visits d ON c.resident_id = d.resident_id JOIN visits e ON d.resident_id = e.resident_id JOIN visits f ON e.resident_id = f.resident_id
SELECT count(*) FROM residents WHERE regexp_matches(gender, '(a+)+$')
SELECT count(*) FROM residents WHERE regexp_replace(street, '(.*)(.*)(.*)', '\1\1\2\2', 'g') = 'x'
SELECT regexp_extract_all(hospital, '.*?') AS r, count(*) FROM visits GROUP BY r
SELECT regexp_split_to_array(hospital, '') AS r, count(*) FROM visits GROUP BY r
SELECT count(*) FROM residents WHERE NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT (gender = 'F')
SELECT sum(((((((((((((((((((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))))))))))))))))))) FROM residents
SELECT count(*) FROM residents a JOIN residents b JOIN residents c JOIN residents d JOIN residents e JOIN residents f JOIN residents g JOIN residents h JOIN residents i JOIN residents j
SELECT gender, birth_date, district, count(*) FROM residents r JOIN visits v ON r.resident_id = v.resident_id GROUP BY CUBE (gender, birth_date, r.district, insured, street, department, hospital, visit_date, diagnosis_code)
SELECT department, hospital, visit_date, diagnosis_code, r.birth_date, r.district, r.gender, r.street, r.insured, count(*) FROM visits v JOIN residents r ON v.resident_id = r.resident_id GROUP BY ALL
WITH a AS (SELECT resident_id FROM visits), b AS (SELECT x.resident_id FROM a x JOIN a y ON x.resident_id = y.resident_id), c AS (SELECT x.resident_id FROM b x JOIN b y ON x.resident_id = y.resident_id), d AS (SELECT x.resident_id FROM c x JOIN c y ON x.resident_id = y.resident_id) SELECT count(*) FROM d x JOIN d y ON x.resident_id = y.resident_id
