package dynamotenant_test

import (
	"github.com/aws/aws-dax-go-v2/dax"

	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

// DAX has no emulator: that its client fits is all that can be shown here.
var _ dynamotenant.API = (*dax.Dax)(nil)
