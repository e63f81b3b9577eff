SELECT row_number() OVER () FROM residents
SELECT row_number() OVER (ORDER BY income DESC) AS k, gender FROM residents
SELECT sum(income) OVER (PARTITION BY gender) FROM residents
SELECT sum(1 / (balance - 5)) OVER () FROM residents
SELECT lag(income) OVER (ORDER BY income) FROM residents
SELECT lead(cost, 1) OVER (PARTITION BY resident_id ORDER BY visit_date) FROM visits
SELECT first_value(income) OVER (ORDER BY income DESC) AS top, count(*) FROM residents
SELECT last_value(name) OVER (ORDER BY income) FROM residents
SELECT nth_value(income, 7) OVER (ORDER BY income) FROM residents
SELECT rank() OVER (ORDER BY income DESC) AS k, count(*) FROM residents GROUP BY 1
SELECT ntile(1000) OVER (ORDER BY income) AS k, count(*) FROM residents GROUP BY k
SELECT percent_rank() OVER (ORDER BY income) AS k FROM residents
SELECT cume_dist() OVER (ORDER BY cost) AS k FROM visits
SELECT count(*) OVER () AS n FROM residents
SELECT avg(income) OVER (ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS m FROM residents
SELECT gender, sum(income) OVER () AS s FROM residents GROUP BY gender
SELECT gender, count(*), sum(income) OVER (PARTITION BY gender) AS s FROM residents GROUP BY gender
SELECT gender, count(*), rank() OVER (ORDER BY income) AS k FROM residents GROUP BY gender
SELECT department, count(*), first_value(cost) OVER (ORDER BY count(*)) AS f FROM visits GROUP BY department
SELECT department, count(*), row_number() OVER (PARTITION BY resident_id ORDER BY count(*)) AS k FROM visits GROUP BY department
SELECT department, count(*), row_number() OVER (ORDER BY max(cost)) AS k FROM visits GROUP BY department
SELECT sum(sum(cost) OVER ()) FROM visits
SELECT count(*) FROM residents WHERE row_number() OVER (ORDER BY income) = 1
SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY income) AS k FROM residents) t WHERE k = 7
SELECT avg(income) FROM (SELECT income, ntile(100) OVER (ORDER BY income) AS k FROM residents) t WHERE k = 100
SELECT avg(d) FROM (SELECT cost - lag(cost) OVER (PARTITION BY resident_id ORDER BY visit_date) AS d FROM visits) t
SELECT k, count(*) FROM (SELECT row_number() OVER (PARTITION BY resident_id ORDER BY visit_date) AS k FROM visits) t GROUP BY k
SELECT sum(income) FROM (SELECT income FROM residents QUALIFY row_number() OVER (ORDER BY income DESC) = 1) t
SELECT income FROM residents QUALIFY row_number() OVER (ORDER BY income DESC) = 1
SELECT count(*) FROM residents QUALIFY rank() OVER (ORDER BY income) = 1
SELECT department, count(*) FROM visits GROUP BY department QUALIFY row_number() OVER (ORDER BY resident_id) = 1
SELECT department, count(*) FROM visits GROUP BY department QUALIFY cost > 100
SELECT gender, count(*) FROM residents GROUP BY gender, row_number() OVER ()
SELECT gender, count(*) FROM residents GROUP BY gender HAVING row_number() OVER (ORDER BY income) = 1
SELECT gender, count(*), sum(count(*)) OVER w AS s FROM residents GROUP BY gender WINDOW w AS (ORDER BY income)
SELECT max(income) OVER (PARTITION BY district) AS m FROM residents
SELECT list(income) OVER (PARTITION BY district) AS l FROM residents
WITH a AS (SELECT gender, sum(income) OVER (PARTITION BY district) AS s FROM residents) SELECT gender, avg(s) FROM a GROUP BY gender
