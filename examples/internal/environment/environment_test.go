package environment_test

import (
	"encoding/base64"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/examples/internal/environment"
)

func TestEnvironment(t *testing.T) {
	t.Parallel()
	variables := map[string]string{}
	env := environment.Environment(func(name string) string { return variables[name] })
	_, err := env.OpenStore(aws.Config{})
	require.EqualError(t, err, "environment variable TABLE is not set")
	variables["TABLE"] = "iotenant"
	_, err = env.OpenStore(aws.Config{})
	require.EqualError(t, err, "environment variable CURSOR_KEY is not set")
	for _, bad := range []string{"no base64!", base64.StdEncoding.EncodeToString([]byte("short"))} {
		variables["CURSOR_KEY"] = bad
		_, err = env.OpenStore(aws.Config{})
		require.ErrorContains(t, err, "CURSOR_KEY: ")
	}
	variables["CURSOR_KEY"] = base64.StdEncoding.EncodeToString(make([]byte, 32))
	store, err := env.OpenStore(aws.Config{})
	require.NoError(t, err)
	require.NotNil(t, store)
}
