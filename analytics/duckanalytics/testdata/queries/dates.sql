SELECT date_format(from_unixtime(timestamp), '%Y-%m-%d %H:%i') AS minute, date_diff('minute', from_unixtime(timestamp), current_timestamp) AS age FROM telemetry ORDER BY timestamp DESC LIMIT 2
