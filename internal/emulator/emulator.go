// Package emulator starts servers that speak the protocols of AWS, for tests
// against implementations that nobody here wrote. make emulators installs
// them.
//
//   - [Moto]: DynamoDB, S3, SNS and many other services, with transactions.
//   - [Dynalite]: DynamoDB without transactions and expiry, fast.
//
// [RunClient] runs a program that uses AWS's own clients, in JavaScript.
//
// Where the variable IOTENANT_EMULATORS is not set, tests that ask for a
// server are skipped and say so; where it is, a server that does not start is
// a failure. Each process of tests has its own servers: they start when first
// asked for, listen on a free port of the loopback interface, and end with the
// process, also when it is killed. Tests of a process share a server, so each
// makes its own tables and buckets.
//
// The servers are looked for in the folder IOTENANT_CACHE, by default iotenant
// in the user's cache folder.
//
// Amazon's own emulator, DynamoDB Local, is not installed: its licence is not an
// open one. Whoever accepts it can start it and set IOTENANT_DYNAMODB to its
// URL, see [DynamoDB].
package emulator

import (
	"bytes"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const (
	mustRunVariable  = "IOTENANT_EMULATORS"
	cacheVariable    = "IOTENANT_CACHE"
	dynamoDBVariable = "IOTENANT_DYNAMODB"
)

//go:embed serve_moto.py
var motoProgram string

//go:embed serve_dynalite.js
var dynaliteProgram string

var moto = server{name: "moto", command: func(folder string) *exec.Cmd {
	return exec.Command(filepath.Join(folder, "venv", "bin", "python"), "-I", "-c", motoProgram)
}}

var dynalite = server{name: "dynalite", command: func(folder string) *exec.Cmd {
	cmd := exec.Command("node", "-e", dynaliteProgram)
	cmd.Dir = folder
	return cmd
}}

// Moto returns the base URL of moto's server. It answers the requests to
// DynamoDB and S3 one after the other, so that conditions are atomic as they
// are in AWS.
func Moto(t testing.TB) string {
	t.Helper()
	return moto.url(t)
}

// Dynalite returns the base URL of a server of dynalite.
func Dynalite(t testing.TB) string {
	t.Helper()
	return dynalite.url(t)
}

// DynamoDB returns the base URL in IOTENANT_DYNAMODB: a DynamoDB that the
// caller of the tests has started, with everything that AWS's has. Without it
// the test is skipped.
func DynamoDB(t testing.TB) string {
	t.Helper()
	url := os.Getenv(dynamoDBVariable)
	if url == "" {
		t.Skipf("set %s to the URL of a DynamoDB, such as a DynamoDB Local that you started", dynamoDBVariable)
	}
	return url
}

// RunClient runs a program of JavaScript by Node.js, which can require what make
// emulators has installed of AWS's clients, and returns what it printed. It is
// skipped, or fails, as a server is.
func RunClient(t testing.TB, program string, args ...string) []byte {
	t.Helper()
	mustRun(t, "the client")
	cache, err := cacheFolder()
	if err != nil {
		t.Fatalf("emulator: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"-e", program, "--"}, args...)...)
	cmd.Dir = filepath.Join(cache, "clients")
	var problems bytes.Buffer
	cmd.Stderr = &problems
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("emulator: the client failed, has make emulators installed it? %v\n%s%s", err, output, problems.Bytes())
	}
	return output
}

// mustRun skips a test that nobody asked for.
func mustRun(t testing.TB, name string) {
	t.Helper()
	if os.Getenv(mustRunVariable) == "" {
		t.Skipf("%s is not asked for: set %s=1 after make emulators", name, mustRunVariable)
	}
}

// cacheFolder is where make emulators installs.
func cacheFolder() (string, error) {
	if folder := os.Getenv(cacheVariable); folder != "" {
		return folder, nil
	}
	folder, err := os.UserCacheDir()
	return filepath.Join(folder, "iotenant"), err
}
