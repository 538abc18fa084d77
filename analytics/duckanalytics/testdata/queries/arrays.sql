SELECT vin, cardinality(speeds), element_at(speeds, 1), transform(speeds, x -> x * 2), reduce(speeds, 0, (s, x) -> s + x, s -> s) FROM trips ORDER BY trip_id, diastolic
