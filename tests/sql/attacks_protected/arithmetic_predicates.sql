SELECT sum(LEAST(GREATEST(income - 100000, 0), 1)) AS n FROM residents
SELECT sum(LEAST(GREATEST(income - 49999, 0), 1) - LEAST(GREATEST(income - 50000, 0), 1)) AS n FROM residents
SELECT avg(LEAST(GREATEST(cost - 500, 0), 0.01)) AS n FROM visits
SELECT count(1 / (income - 50000)) AS n FROM residents
SELECT sum(coalesce(0 * (1 / (income - 50000)), 1)) AS n FROM residents
SELECT sum(1 / (cost - 100)) AS n FROM visits WHERE department = '儿科'
SELECT sum(cost / 0) AS n FROM visits
SELECT avg(abs(income - 50000)) AS n FROM residents
SELECT sum(GREATEST(income, 499999) - 499999) AS n FROM residents
SELECT sum(LEAST(cost, 1) * 100) AS n FROM visits
SELECT TRY_CAST(diagnosis_code AS INTEGER) AS k, count(*) AS n FROM visits GROUP BY k
SELECT CAST(hospital AS DATE) AS k, count(*) AS n FROM visits GROUP BY k
SELECT substring(diagnosis_code, 2, 1) AS k, count(*) AS n FROM visits GROUP BY k
SELECT count(TRY_CAST(substring(diagnosis_code, 1, 1) AS INTEGER)) AS n FROM visits
