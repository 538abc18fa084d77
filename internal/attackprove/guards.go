package main

import "slices"

// guards are all that attackprove disables, by entry point.
var guards = slices.Concat(
	tenantGuards,
	authGuards,
	deviceGuards,
	dataGuards,
	objectsGuards,
	alertGuards,
	ingestGuards,
	lambdaGuards,
)
