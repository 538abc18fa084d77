SELECT `_battery`, '`' AS `tick``` FROM telemetry WHERE `_battery` IS NOT NULL ORDER BY 1 -- it's a `comment`
