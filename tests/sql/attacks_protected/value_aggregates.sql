SELECT count(DISTINCT gender) FROM residents
SELECT count(DISTINCT diagnosis_code) FROM visits
SELECT department, count(DISTINCT cost) FROM visits GROUP BY department
SELECT count(DISTINCT CASE WHEN department = '内科' THEN cost END) FROM visits
SELECT department, count(*) FROM visits GROUP BY department HAVING median(cost) > 100
SELECT median(n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) t
SELECT quantile_cont(s, 0.99) FROM (SELECT resident_id, sum(cost) AS s FROM visits GROUP BY resident_id) t
SELECT count(DISTINCT n) FROM (SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id) t
SELECT median(income) FROM residents
SELECT quantile_cont(income, 0.5) FROM residents
SELECT quantile_cont(income, 0.0001) AS least, quantile_cont(income, 0.9999) AS most FROM residents
SELECT quantile_cont(income, 0.9999) AS most FROM residents WHERE year(birth_date) = 1940 AND gender = 'F'
SELECT median(cost) AS m FROM visits WHERE visit_date = '2024-05-01' AND department = '儿科'
SELECT count(DISTINCT cost) AS n FROM visits WHERE department = '儿科' AND visit_date = '2024-05-01'
