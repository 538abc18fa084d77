package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

type body[T any] struct{ Body T }

type signUpRequest struct {
	Username string `json:"username" maxLength:"128"`
	Password string `json:"password" maxLength:"256" writeOnly:"true"`
	Email    string `json:"email" maxLength:"254"`
	Name     string `json:"name,omitempty" maxLength:"200"`
}

type confirmRequest struct {
	Username string `json:"username" maxLength:"128"`
	Code     string `json:"code" maxLength:"64"`
}

type loginRequest struct {
	Username    string `json:"username" maxLength:"128"`
	Password    string `json:"password" maxLength:"256" writeOnly:"true"`
	NewPassword string `json:"newPassword,omitempty" maxLength:"256" writeOnly:"true" doc:"Replaces a temporary password."`
}

type refreshRequest struct {
	RefreshToken string `json:"refreshToken" maxLength:"4096" writeOnly:"true"`
}

func (a *api) registerAuth() {
	tags := []string{"auth"}
	publicOperation(a, huma.Operation{
		OperationID: "sign-up", Method: http.MethodPost, Path: "/auth/sign-up", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Sign up", Description: "Registers a user. The user has no tenant, and no access, until the platform assigns one.",
	}, func(ctx context.Context, input *body[signUpRequest]) (*body[auth.Profile], error) {
		in := input.Body
		profile, err := a.Identity.SignUp(ctx, auth.SignUp{Username: in.Username, Password: in.Password, Email: in.Email, Name: in.Name})
		return &body[auth.Profile]{profile}, err
	})
	publicOperation(a, huma.Operation{
		OperationID: "confirm", Method: http.MethodPost, Path: "/auth/confirm", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Confirm a sign-up with the code that was sent",
	}, func(ctx context.Context, input *body[confirmRequest]) (*struct{}, error) {
		return nil, a.Identity.Confirm(ctx, input.Body.Username, input.Body.Code)
	})
	publicOperation(a, huma.Operation{
		OperationID: "login", Method: http.MethodPost, Path: "/auth/login", Tags: tags, Summary: "Log in",
	}, func(ctx context.Context, input *body[loginRequest]) (*body[auth.Tokens], error) {
		in := input.Body
		tokens, err := a.Identity.Login(ctx, auth.Credentials{Username: in.Username, Password: in.Password, NewPassword: in.NewPassword})
		return &body[auth.Tokens]{tokens}, err
	})
	publicOperation(a, huma.Operation{
		OperationID: "refresh", Method: http.MethodPost, Path: "/auth/refresh", Tags: tags, Summary: "Exchange a refresh token for new tokens",
	}, func(ctx context.Context, input *body[refreshRequest]) (*body[auth.Tokens], error) {
		tokens, err := a.Identity.Refresh(ctx, input.Body.RefreshToken)
		return &body[auth.Tokens]{tokens}, err
	})
	operation(a, huma.Operation{
		OperationID: "get-profile", Method: http.MethodGet, Path: "/auth/profile", Tags: tags, Summary: "Your profile",
	}, func(ctx context.Context, id tenant.ID, _ *struct{}) (*body[auth.Profile], error) {
		principal, err := auth.FromContext(ctx)
		if err != nil {
			return nil, err
		}
		profile, err := a.Identity.Profile(ctx, id, principal.Subject)
		return &body[auth.Profile]{profile}, err
	})
	operation(a, huma.Operation{
		OperationID: "update-profile", Method: http.MethodPatch, Path: "/auth/profile", Tags: tags, Summary: "Change your profile",
	}, func(ctx context.Context, id tenant.ID, input *body[auth.ProfileChange]) (*body[auth.Profile], error) {
		principal, err := auth.FromContext(ctx)
		if err != nil {
			return nil, err
		}
		profile, err := a.Identity.UpdateProfile(ctx, id, principal.Subject, input.Body)
		return &body[auth.Profile]{profile}, err
	})
	operation(a, huma.Operation{
		OperationID: "sign-out", Method: http.MethodPost, Path: "/auth/sign-out", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "End all your sessions",
	}, func(ctx context.Context, id tenant.ID, _ *struct{}) (*struct{}, error) {
		principal, err := auth.FromContext(ctx)
		if err != nil {
			return nil, err
		}
		return nil, a.Identity.SignOut(ctx, id, principal.Subject)
	})
}
