// Package environment reads what all Lambdas of the examples are told by their
// environment.
package environment

import (
	"encoding/base64"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

// Environment reads a variable, as os.Getenv does.
type Environment func(name string) string

// Need reports the first variable that is not set.
func (e Environment) Need(names ...string) error {
	for _, name := range names {
		if e(name) == "" {
			return fmt.Errorf("environment variable %s is not set", name)
		}
	}
	return nil
}

// CursorKeys returns the keys that seal page cursors: CURSOR_KEY, at least 32
// random bytes in base64.
func (e Environment) CursorKeys() (tenant.CursorKeys, error) {
	if err := e.Need("CURSOR_KEY"); err != nil {
		return tenant.CursorKeys{}, err
	}
	secret, err := base64.StdEncoding.DecodeString(e("CURSOR_KEY"))
	if err != nil {
		return tenant.CursorKeys{}, fmt.Errorf("CURSOR_KEY: %w", err)
	}
	keys, err := tenant.NewCursorKeys(secret)
	if err != nil {
		return tenant.CursorKeys{}, fmt.Errorf("CURSOR_KEY: %w", err)
	}
	return keys, nil
}

// OpenStore returns the store in the table TABLE, whose cursors CURSOR_KEY
// seals.
func (e Environment) OpenStore(account aws.Config, optFns ...func(*dynamodb.Options)) (*dynamotenant.Store, error) {
	if err := e.Need("TABLE"); err != nil {
		return nil, err
	}
	cursors, err := e.CursorKeys()
	if err != nil {
		return nil, err
	}
	return dynamotenant.New(dynamodb.NewFromConfig(account, optFns...), e("TABLE"), cursors), nil
}
