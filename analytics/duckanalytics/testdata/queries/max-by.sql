SELECT deviceId, max_by(temperature, timestamp) AS latest FROM telemetry GROUP BY deviceId ORDER BY deviceId
