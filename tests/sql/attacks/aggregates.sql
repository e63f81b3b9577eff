SELECT max(income) FROM residents
SELECT min(cost) FROM visits
SELECT any_value(gender) FROM residents
SELECT first(income) FROM residents
SELECT last(income) FROM residents
SELECT list(income) FROM residents
SELECT array_agg(income) FROM residents
SELECT string_agg(gender, ',') FROM residents
SELECT group_concat(gender) FROM residents
SELECT arg_max(gender, income) FROM residents
SELECT mode(income) FROM residents
SELECT median(income) FROM residents
SELECT quantile_cont(income, 0.5) FROM residents
SELECT histogram(income) FROM residents
SELECT approx_top_k(income, 5) FROM residents
SELECT product(balance) FROM residents
SELECT bit_xor(balance) FROM residents
SELECT bitstring_agg(balance) FROM residents
SELECT sum(hash(income)) FROM residents
SELECT sum(ascii(gender)) FROM residents
SELECT sum(DISTINCT balance) FROM residents
SELECT count(DISTINCT income) FROM residents
SELECT count(DISTINCT gender) FROM residents
SELECT sum(income ORDER BY income LIMIT 1) FROM residents
SELECT sum(days) FROM visits
SELECT avg(days) FROM visits
SELECT count(income) FILTER (WHERE income > 5) FROM residents
SELECT entropy(gender) FROM residents
SELECT regr_slope(income, balance) FROM residents
SELECT corr(income, balance) FROM residents
SELECT var_pop(balance) FROM residents
SELECT sum(sum(balance)) FROM residents
SELECT sum(balance * balance * balance * balance * balance * balance * balance * balance * balance * balance) FROM residents
