SELECT count(*) AS n FROM residents WHERE district = '长安区'
SELECT count(*) AS n FROM residents WHERE district = '长安区' AND birth_date <> DATE '1950-01-01'
SELECT count(*) AS n FROM residents WHERE district <> '长安区'
SELECT count(*) AS n FROM residents WHERE NOT (district = '长安区' AND year(birth_date) = 1950)
SELECT count(*) AS n FROM residents WHERE district = '长安区' AND gender = 'F' AND year(birth_date) = 1950
SELECT sum(income) AS s FROM residents WHERE district = '裕华区'
SELECT sum(income) AS s FROM residents WHERE district = '裕华区' AND year(birth_date) <> 1940
SELECT sum(income) AS s, count(*) AS n FROM residents WHERE year(birth_date) = 1940 AND district = '裕华区'
SELECT avg(income) AS m FROM residents WHERE year(birth_date) BETWEEN 1940 AND 1941 AND gender = 'M'
SELECT count(DISTINCT resident_id) AS n FROM visits WHERE department = '内科'
SELECT count(DISTINCT resident_id) AS n FROM visits WHERE department = '内科' OR department = '外科'
SELECT count(DISTINCT resident_id) AS n FROM visits WHERE department IN ('内科', '外科') AND visit_date >= '2024-06-01'
SELECT sum(cost) AS s FROM visits WHERE visit_date >= '2024-03-01' AND visit_date < '2024-04-01' AND department = '儿科'
SELECT count(*) - sum(CASE WHEN district = '长安区' THEN 1 ELSE 0 END) AS rest FROM residents
SELECT sum(income) - sum(CASE WHEN gender = 'F' THEN income ELSE 0 END) AS rest FROM residents
SELECT sum(income) - sum(income) FILTER (WHERE year(birth_date) <> 1940) AS one FROM residents
SELECT count(*) FILTER (WHERE district = '长安区') - count(*) FILTER (WHERE district = '长安区' AND year(birth_date) <> 1950) AS one FROM residents
SELECT count(*) AS n FROM residents r JOIN visits v ON r.resident_id = v.resident_id WHERE year(r.birth_date) = 1950 AND v.department = '儿科' AND v.visit_date = '2024-05-01'
SELECT (SELECT count(*) FROM residents) - (SELECT count(*) FROM residents WHERE year(birth_date) <> 1950) AS one, count(*) AS n FROM residents
SELECT district, count(*) AS n FROM residents GROUP BY district EXCEPT SELECT district, count(*) FROM residents WHERE year(birth_date) <> 1950 GROUP BY district
WITH a AS (SELECT district, count(*) AS n FROM residents GROUP BY district), b AS (SELECT district, count(*) AS n FROM residents WHERE year(birth_date) <> 1950 GROUP BY district) SELECT a.district, a.n - b.n AS one FROM a JOIN b ON a.district = b.district
WITH a AS (SELECT department, sum(cost) AS s FROM visits GROUP BY department), b AS (SELECT department, sum(cost) AS s FROM visits WHERE visit_date <> '2024-05-01' GROUP BY department) SELECT a.department, a.s - b.s AS one FROM a JOIN b USING (department) ORDER BY one DESC
