package main

var tenantGuards = []guard{}
