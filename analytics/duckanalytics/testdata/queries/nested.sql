SELECT deviceId, metadata.attributes.site, metadata FROM telemetry ORDER BY timestamp DESC LIMIT 3
