SELECT count(*) FROM residents TABLESAMPLE 10%
SELECT count(*) FROM residents TABLESAMPLE reservoir(1 ROWS)
SELECT count(*) FROM residents TABLESAMPLE bernoulli(50%) REPEATABLE (42)
SELECT sum(income) FROM residents TABLESAMPLE system(1%)
SELECT count(*) FROM residents USING SAMPLE 1
SELECT count(*) FROM residents USING SAMPLE 10 PERCENT (bernoulli, 7)
SELECT count(*) FROM (SELECT gender FROM residents USING SAMPLE 5) t
SELECT avg(n) FROM (SELECT resident_id, count(*) AS n FROM visits TABLESAMPLE 5% GROUP BY resident_id) t
SELECT count(*) FROM visits v TABLESAMPLE 1% JOIN residents r ON v.resident_id = r.resident_id
SELECT random(), count(*) FROM residents GROUP BY 1
SELECT count(*) FROM residents WHERE random() < 0.5
SELECT sum(random()) FROM residents
SELECT sum(CASE WHEN random() < 0.5 THEN income END) FROM residents
SELECT gender, count(*) + random() AS n FROM residents GROUP BY gender
SELECT gender, count(*) FROM residents GROUP BY gender HAVING random() < 0.5
SELECT setseed(0.5), count(*) FROM residents
SELECT uuid(), count(*) FROM residents GROUP BY 1
SELECT gen_random_uuid() AS g, count(*) FROM residents GROUP BY g
SELECT uuidv7() AS g, count(*) FROM residents GROUP BY g
SELECT sum(balance) FROM residents WHERE hash(gender) % 2 = 0
SELECT count(*) FROM residents WHERE hash(resident_id) % 2 = 0
SELECT count(*) FROM residents WHERE hash(income, birth_date) % 1000 < 500
SELECT hash(diagnosis_code) AS h, count(*) FROM visits GROUP BY h
SELECT count(*) FROM residents WHERE md5(gender) LIKE 'a%'
SELECT md5(resident_id) AS h, count(*) FROM residents GROUP BY h
SELECT sha256(street) AS h, count(*) FROM residents GROUP BY h
SELECT md5_number(hospital) AS h, count(*) FROM visits GROUP BY h
SELECT count(*) FROM visits WHERE hash(diagnosis_code, visit_date) % 2 = 1
SELECT count(*) FROM visits WHERE ascii(resident_id) % 2 = 1
SELECT count(*) FROM residents WHERE income % 2 = 1
SELECT count(*) FROM visits WHERE (cost * 7919) % 13 < 6
SELECT count(*) FROM visits WHERE bit_count(CAST(cost AS BIGINT)) % 2 = 0
SELECT nextval('s'), count(*) FROM residents
SELECT currval('s') AS s, count(*) FROM residents
SELECT count(*) FROM visits WHERE nextval('s') = 1
