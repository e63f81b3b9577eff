SELECT count(*) FROM residents WHERE income = 12345.67
SELECT count(*) FROM residents WHERE income > 100000
SELECT sum(CASE WHEN income > 5 THEN 1 ELSE 0 END) FROM residents
SELECT count(*) FROM residents WHERE abs(income - 5) < 1
SELECT count(*) FROM visits WHERE cost IN (1, 2, 3)
SELECT count(*) FROM residents WHERE street = '中山路'
SELECT count(*) FROM residents WHERE street LIKE '中山%'
SELECT sum(nullif(income, 5)) FROM residents
SELECT count(*) FROM residents WHERE gender = street
SELECT count(*) FROM visits v JOIN residents r ON v.resident_id = r.resident_id AND v.cost > r.income
SELECT count(*) FROM visits WHERE diagnosis_code = 'A01'
SELECT count(*) FROM visits WHERE hospital = '一院'
SELECT CASE WHEN street = 'x' THEN 'a' END AS k, count(*) FROM residents GROUP BY 1
SELECT count(*) FROM residents WHERE year(birth_date) = 1950 AND month(birth_date) = 5
SELECT day(visit_date), count(*) FROM visits GROUP BY 1
SELECT date_trunc('month', birth_date), count(*) FROM residents GROUP BY 1
