package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

// Embedded types are exported: huma does not see others.

// Paging is a part of every list's input.
type Paging struct {
	Limit  int           `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"The largest number of items in the answer."`
	Cursor tenant.Cursor `query:"cursor" maxLength:"4096" doc:"The next of the page before."`
}

// list is the body of every list.
type list[T any] struct {
	Items []T           `json:"items" nullable:"false"`
	Next  tenant.Cursor `json:"next,omitempty" doc:"Continues the list; absent at the end."`
}

func listOf[T any](page tenant.Page[T]) *body[list[T]] {
	items := make([]T, len(page.Items))
	for i, item := range page.Items {
		items[i] = item.Value
	}
	return &body[list[T]]{list[T]{Items: items, Next: page.Next}}
}

type TenantPath struct {
	Tenant tenant.ID `path:"tenant" pattern:"^[a-z0-9][a-z0-9-]*[a-z0-9]$" minLength:"3" maxLength:"36"`
}

type createTenantRequest struct {
	ID   tenant.ID `json:"id" pattern:"^[a-z0-9][a-z0-9-]*[a-z0-9]$" minLength:"3" maxLength:"36"`
	Name string    `json:"name" minLength:"1" maxLength:"200"`
	Plan string    `json:"plan,omitempty" maxLength:"32" doc:"What the tenant may have; absent for no limits."`
}

// errOwnTenant keeps operators from suspending their own tenant: nobody would
// be left who could resume it.
var errOwnTenant = fmt.Errorf("tenants: %w: operators can't suspend their own tenant", iotenant.ErrDenied)

type suspendTenantInput struct {
	TenantPath
	Body struct {
		Reason string `json:"reason" maxLength:"200"`
	}
}

func (a *api) registerTenants() {
	tags := []string{"tenants"}
	operatorOperation(a, huma.Operation{
		OperationID: "create-tenant", Method: http.MethodPost, Path: "/tenants", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Create a tenant (operators)",
	}, func(ctx context.Context, input *body[createTenantRequest]) (*body[tenant.Tenant], error) {
		created, err := a.Tenants.Create(ctx, input.Body.ID, input.Body.Name, tenant.OnPlan(input.Body.Plan))
		return &body[tenant.Tenant]{created}, err
	})
	operatorOperation(a, huma.Operation{
		OperationID: "list-tenants", Method: http.MethodGet, Path: "/tenants", Tags: tags, Summary: "List tenants (operators)",
	}, func(ctx context.Context, input *Paging) (*body[list[tenant.Tenant]], error) {
		page, err := a.Tenants.List(ctx, input.Limit, input.Cursor)
		return listOf(page), err
	})
	operatorOperation(a, huma.Operation{
		OperationID: "get-tenant", Method: http.MethodGet, Path: "/tenants/{tenant}", Tags: tags, Summary: "Get a tenant (operators)",
	}, func(ctx context.Context, input *TenantPath) (*body[tenant.Tenant], error) {
		found, err := a.Tenants.Get(ctx, input.Tenant)
		return &body[tenant.Tenant]{found}, err
	})
	operatorOperation(a, huma.Operation{
		OperationID: "suspend-tenant", Method: http.MethodPost, Path: "/tenants/{tenant}/suspend", Tags: tags,
		Summary: "Suspend a tenant (operators)", Description: "From now on every entry refuses the tenant; its live sessions are ended.",
	}, func(ctx context.Context, input *suspendTenantInput) (*body[tenant.Tenant], error) {
		principal, err := auth.FromContext(ctx)
		if err != nil {
			return nil, err
		}
		if principal.Tenant == input.Tenant {
			return nil, errOwnTenant
		}
		suspended, err := a.Tenants.Suspend(ctx, input.Tenant, input.Body.Reason)
		return &body[tenant.Tenant]{suspended}, err
	})
	operatorOperation(a, huma.Operation{
		OperationID: "resume-tenant", Method: http.MethodPost, Path: "/tenants/{tenant}/resume", Tags: tags, Summary: "Resume a tenant (operators)",
	}, func(ctx context.Context, input *TenantPath) (*body[tenant.Tenant], error) {
		resumed, err := a.Tenants.Resume(ctx, input.Tenant)
		return &body[tenant.Tenant]{resumed}, err
	})
}
