SELECT deviceId, min_by(temperature, timestamp) AS first, arbitrary(metadata.attributes.site), every(temperature > 0) FROM telemetry GROUP BY deviceId ORDER BY deviceId
