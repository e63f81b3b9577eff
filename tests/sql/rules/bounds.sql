-- BOUNDS_MISSING: no declared bounds
SELECT sum(days) FROM visits

-- BOUNDS_MISSING: half a clamp is none
SELECT sum(GREATEST(days, 0)) FROM visits

-- RANGE_TOO_WIDE: the product cannot be added exactly
SELECT sum(cost * cost * cost) FROM visits

-- ALLOWED: clamped by hand
SELECT sum(LEAST(GREATEST(days, 0), 30)) FROM visits
