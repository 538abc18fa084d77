package emulator_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/internal/emulator"
)

const wait = 2 * time.Minute

var servers = map[string]func(testing.TB) string{"moto": emulator.Moto, "dynalite": emulator.Dynalite}

func TestServersAnswer(t *testing.T) {
	t.Parallel()
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := start(t)
			require.Equal(t, url, start(t), "one server for each process")
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
			require.NoError(t, err)
			for header, value := range map[string]string{
				"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0", "X-Amz-Date": "20260101T000000Z",
				"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=b",
			} {
				request.Header.Set(header, value)
			}
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			defer response.Body.Close()
			body, err := bufio.NewReader(response.Body).ReadString('}')
			require.NoError(t, err)
			require.Contains(t, body, "TableNames")
		})
	}
}

// childVariable makes this test binary a process that starts a server.
const childVariable = "IOTENANT_EMULATOR_CHILD"

func TestChild(t *testing.T) {
	t.Parallel()
	name := os.Getenv(childVariable)
	if name == "" {
		t.Skip("it is what the other tests run as a process")
	}
	fmt.Println("url", servers[name](t))
	time.Sleep(wait)
}

func child(t *testing.T, name string, variables ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(append(os.Environ(), childVariable+"="+name), variables...)
	return cmd
}

func TestServerEndsWithAKilledProcess(t *testing.T) {
	t.Parallel()
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start(t) // skips where there is none
			cmd := child(t, name)
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			var address string
			for lines := bufio.NewScanner(stdout); address == "" && lines.Scan(); {
				_, address, _ = strings.Cut(lines.Text(), "url http://")
			}
			connection, err := net.Dial("tcp", address)
			require.NoError(t, err)
			require.NoError(t, connection.Close())

			require.NoError(t, cmd.Process.Kill())
			require.Error(t, cmd.Wait())
			require.Eventually(t, func() bool {
				connection, err := net.Dial("tcp", address)
				if err == nil {
					_ = connection.Close()
				}
				return err != nil
			}, wait, 10*time.Millisecond)
		})
	}
}

func TestMissingServerFails(t *testing.T) {
	t.Parallel()
	for name := range servers {
		output, err := child(t, name, "IOTENANT_EMULATORS=1", "IOTENANT_CACHE="+t.TempDir()).CombinedOutput()
		require.Error(t, err, "%s", output)
		require.Contains(t, string(output), name+" does not start, has make emulators installed it?")
	}
}

func TestUnaskedServerSkips(t *testing.T) {
	t.Parallel()
	for name := range servers {
		output, err := child(t, name, "IOTENANT_EMULATORS=").CombinedOutput()
		require.NoError(t, err, "%s", output)
		require.Contains(t, string(output), "--- SKIP: TestChild")
		require.Contains(t, string(output), "set IOTENANT_EMULATORS=1 after make emulators")
	}
}

func TestDynamoDBIsWhatTheCallerStarted(t *testing.T) {
	t.Setenv("IOTENANT_DYNAMODB", "http://127.0.0.1:8000")
	require.Equal(t, "http://127.0.0.1:8000", emulator.DynamoDB(t))
	t.Setenv("IOTENANT_DYNAMODB", "")
	t.Run("skips", func(t *testing.T) {
		defer func() { require.True(t, t.Skipped()) }()
		emulator.DynamoDB(t)
		t.Error("not skipped")
	})
}

func TestAWSHasCredentialsOfItsOwn(t *testing.T) {
	t.Parallel()
	first, err := emulator.AWS("http://127.0.0.1:1").Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	second, err := emulator.AWS("http://127.0.0.1:1").Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, first.AccessKeyID, second.AccessKeyID)
}

func TestAWSRepeatsOnlyClosedConnections(t *testing.T) {
	t.Parallel()
	retryer := emulator.AWS("http://127.0.0.1:1").Retryer()
	require.True(t, retryer.IsErrorRetryable(fmt.Errorf("read tcp: %w", net.ErrClosed)))
	require.False(t, retryer.IsErrorRetryable(errors.New("connection reset by peer")))
}
