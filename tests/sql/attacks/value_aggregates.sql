SELECT max(income) FROM residents
SELECT min(cost) FROM visits
SELECT gender, max(birth_date) FROM residents GROUP BY gender
SELECT department, min(visit_date), count(*) FROM visits GROUP BY department
SELECT max(income, 3) FROM residents
SELECT min_by(gender, income) FROM residents
SELECT max_by(name, income) FROM residents
SELECT any_value(gender) FROM residents
SELECT any_value(income) FILTER (WHERE gender = 'F') FROM residents
SELECT first(income) FROM residents
SELECT last(income) FROM residents
SELECT first(diagnosis_code ORDER BY cost DESC) FROM visits
SELECT arbitrary(street) FROM residents
SELECT list(income) FROM residents
SELECT list(DISTINCT department) FROM visits
SELECT array_agg(income) FROM residents
SELECT array_agg(cost ORDER BY cost DESC) FROM visits
SELECT string_agg(gender, ',') FROM residents
SELECT string_agg(diagnosis_code, ',' ORDER BY visit_date) FROM visits
SELECT listagg(hospital, ',') FROM visits
SELECT group_concat(gender) FROM residents
SELECT arg_max(gender, income) FROM residents
SELECT arg_min(district, income) FROM residents
SELECT arg_max(resident_id, cost) FROM visits
SELECT mode(income) FROM residents
SELECT department, mode(diagnosis_code) FROM visits GROUP BY department
SELECT mad(income) FROM residents
SELECT quantile_disc(cost, 1.0) FROM visits
SELECT quantile_disc(income, [0.0, 0.01, 0.02]) FROM residents
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY cost) FROM visits
SELECT percentile_disc(0.999) WITHIN GROUP (ORDER BY income) FROM residents
SELECT approx_quantile(income, 1) FROM residents
SELECT reservoir_quantile(income, 0.99) FROM residents
SELECT approx_count_distinct(income) FROM residents
SELECT histogram(income) FROM residents
SELECT histogram(cost, [0, 1, 2, 3]) FROM visits
SELECT histogram_exact(cost, [100, 200]) FROM visits
SELECT approx_top_k(income, 5) FROM residents
SELECT map(list(department), list(cost)) FROM visits
SELECT map_from_entries(list((department, cost))) FROM visits
SELECT json_group_array(income) FROM residents
SELECT json_group_object(gender, income) FROM residents
SELECT product(balance) FROM residents
SELECT product(cost) FROM visits
SELECT bit_xor(balance) FROM residents
SELECT bit_and(CAST(cost AS BIGINT)) FROM visits
SELECT bit_or(CAST(income AS BIGINT)) FROM residents
SELECT bitstring_agg(balance) FROM residents
SELECT bool_and(insured) FROM residents
SELECT bool_or(gender = 'F' AND district = '长安区') FROM residents
SELECT entropy(gender) FROM residents
SELECT kurtosis(income) FROM residents
SELECT skewness(cost) FROM visits
SELECT regr_slope(income, balance) FROM residents
SELECT regr_count(cost, cost) FROM visits
SELECT corr(income, balance) FROM residents
SELECT covar_pop(income, income) FROM residents
SELECT geomean(cost) FROM visits
SELECT fsum(income) FROM residents
SELECT kahan_sum(cost) FROM visits
SELECT favg(income) FROM residents
SELECT weighted_avg(income, balance) FROM residents
SELECT sem(income) FROM residents
SELECT count_if(income > 100000) FROM residents
SELECT count_star() FROM residents WHERE income > 5
SELECT sum_no_overflow(CAST(income AS INTEGER)) FROM residents
SELECT quantile_cont(income, 0) FROM residents
SELECT quantile_cont(income, 1) FROM residents
SELECT quantile_cont(income, 1.0) FROM residents
SELECT quantile_cont(income, 0.00001) FROM residents
SELECT quantile_cont(income, -0.5) FROM residents
SELECT quantile_cont(income, insured) FROM residents
SELECT quantile_cont(income) FROM residents
SELECT quantile_cont(income, NULL) FROM residents
SELECT quantile_cont(income, '0.5') FROM residents
SELECT quantile_cont(income, 0.5, 0.6) FROM residents
SELECT quantile_cont(days, 0.5) FROM visits
SELECT median(DISTINCT income) FROM residents
SELECT median(gender) FROM residents
SELECT median(resident_id) FROM residents
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY income) FROM residents
SELECT quantile_cont(income, $x) FROM residents
SELECT median(income) OVER () FROM residents
