SELECT approx_percentile(humidity, 0.5), approx_distinct(deviceId) FROM telemetry
