SELECT gender FROM residents
SELECT gender, insured FROM residents GROUP BY gender, insured
SELECT DISTINCT gender FROM residents
SELECT DISTINCT ON (gender) gender, income FROM residents
SELECT gender FROM residents LIMIT 1
SELECT income FROM residents GROUP BY income
SELECT income + 0, count(*) FROM residents GROUP BY 1
SELECT CAST(income AS VARCHAR), count(*) FROM residents GROUP BY 1
SELECT balance, count(*) FROM residents GROUP BY balance
SELECT CASE WHEN gender = 'F' THEN income END, count(*) FROM residents GROUP BY 1
SELECT coalesce(income, 0), count(*) FROM residents GROUP BY 1
SELECT count(*) FROM residents ORDER BY income
SELECT gender, count(*) FROM residents GROUP BY ALL ORDER BY income LIMIT 1
SELECT gender, income, count(*) FROM residents GROUP BY gender
