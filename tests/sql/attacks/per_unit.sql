SELECT n, count(*) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) t GROUP BY n
SELECT s, count(*) FROM (SELECT resident_id, sum(cost) AS s FROM visits GROUP BY resident_id) t GROUP BY s
SELECT round(m, 0) AS k, count(*) FROM (SELECT resident_id, avg(cost) AS m FROM visits GROUP BY resident_id) t GROUP BY k
SELECT CASE WHEN s > 10000 THEN 'high' ELSE 'low' END AS k, count(*) FROM (SELECT resident_id, sum(cost) AS s FROM visits GROUP BY resident_id) t GROUP BY k
SELECT m, count(*) FROM (SELECT resident_id, max(cost) AS m FROM visits GROUP BY resident_id) t GROUP BY m
SELECT resident_id, n FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) t
SELECT n FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) t
SELECT resident_id, max(cost) AS m FROM visits GROUP BY resident_id
SELECT t.resident_id, avg(t.n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) t GROUP BY t.resident_id
SELECT t.k, sum(t.n) FROM (SELECT substring(resident_id, 1, 6) AS k, count(*) AS n FROM visits GROUP BY 1) t GROUP BY t.k
SELECT max(n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) t
SELECT min(s) FROM (SELECT resident_id, sum(cost) AS s FROM visits GROUP BY resident_id) t
SELECT list(n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) t
SELECT histogram(n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) t
SELECT arg_max(resident_id, s) FROM (SELECT resident_id, sum(cost) AS s FROM visits GROUP BY resident_id) t
SELECT corr(n, s) FROM (SELECT resident_id, count(*) AS n, sum(cost) AS s FROM visits GROUP BY resident_id) t
SELECT avg(n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id LIMIT 1) t
SELECT avg(s) FROM (SELECT resident_id, sum(cost) AS s FROM visits GROUP BY resident_id ORDER BY s DESC LIMIT 10) t
SELECT avg(s) FROM (SELECT resident_id, sum(cost) AS s FROM visits GROUP BY resident_id ORDER BY resident_id OFFSET 5) t
SELECT avg(n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id HAVING sum(cost) > 10000) t
SELECT avg(n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id HAVING max(cost) > 19000) t
SELECT avg(n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id HAVING bool_or(diagnosis_code = 'C34')) t
SELECT avg(n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id HAVING resident_id = '130101') t
SELECT avg(n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id HAVING count(*) FILTER (WHERE cost > 19000) > 0) t
SELECT avg(n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id HAVING count(*) > (SELECT avg(m) FROM (SELECT resident_id, count(*) AS m FROM visits GROUP BY resident_id) u)) t
SELECT avg(n) FROM (SELECT resident_id, count(*) AS n FROM visits WHERE resident_id = '130101' GROUP BY resident_id) t
SELECT avg(s) FROM (SELECT resident_id, sum(cost) AS s FROM visits GROUP BY resident_id) t WHERE s > 10000
SELECT count(*) FROM (SELECT resident_id, avg(cost) AS m FROM visits GROUP BY resident_id) t WHERE m BETWEEN 100 AND 101
SELECT count(*) FROM (SELECT resident_id, sum(cost) AS s FROM visits GROUP BY resident_id) t WHERE t.resident_id = '130101'
SELECT sum(CASE WHEN s > 10000 THEN 1 ELSE 0 END) FROM (SELECT resident_id, sum(cost) AS s FROM visits GROUP BY resident_id) t
SELECT avg(n) FILTER (WHERE s > 10000) FROM (SELECT resident_id, count(*) AS n, sum(cost) AS s FROM visits GROUP BY resident_id) t
SELECT avg(n) FROM (SELECT resident_id, count(DISTINCT name) AS n FROM residents GROUP BY resident_id) t
SELECT avg(n) FROM (SELECT resident_id, count(DISTINCT visit_id) AS n FROM visits GROUP BY resident_id) t
SELECT d, count(*) FROM (SELECT resident_id, any_value(diagnosis_code) AS d FROM visits GROUP BY resident_id) t GROUP BY d
SELECT d, count(*) FROM (SELECT resident_id, string_agg(diagnosis_code, ',') AS d FROM visits GROUP BY resident_id) t GROUP BY d
SELECT d, count(*) FROM (SELECT resident_id, list(department ORDER BY visit_date) AS d FROM visits GROUP BY resident_id) t GROUP BY d
SELECT d, count(*) FROM (SELECT resident_id, mode(department) AS d FROM visits GROUP BY resident_id) t GROUP BY d
SELECT avg(n) FROM (SELECT resident_id, count(*) AS n, row_number() OVER (ORDER BY count(*) DESC) AS k FROM visits GROUP BY resident_id) t WHERE k = 1
SELECT avg(n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id QUALIFY row_number() OVER (ORDER BY sum(cost) DESC) = 1) t
SELECT count(*) FROM (SELECT resident_id, sum(cost) AS s FROM visits GROUP BY resident_id) t JOIN residents r ON t.resident_id = r.resident_id AND t.s > r.income
WITH u AS (SELECT resident_id, sum(cost) AS s FROM visits GROUP BY resident_id) SELECT count(*) FROM u a JOIN u b ON a.s = b.s
WITH u AS (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) SELECT count(*) FROM u a, u b WHERE a.n < b.n
WITH u AS (SELECT resident_id, sum(cost) AS s FROM visits GROUP BY resident_id) SELECT s FROM u UNION ALL SELECT avg(s) FROM u
WITH u AS (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) SELECT n, rank() OVER (ORDER BY n DESC) AS k FROM u
SELECT avg(n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY ROLLUP (resident_id)) t
SELECT avg(d) FROM (SELECT resident_id, avg(days) AS d FROM visits GROUP BY resident_id) t
SELECT sum(n * n * n * n * n * n * n * n * n * n * n * n * n * n * n * n * n * n * n * n * n * n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) t
SELECT avg(n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id HAVING max(ALL SELECT max(income) FROM residents) > 19000) t
