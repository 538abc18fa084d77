SELECT count(*) FILTER (WHERE temperature > 25) AS hot, count(*) AS total FROM telemetry
